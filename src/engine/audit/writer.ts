/**
 * The audit log's one writer: when `append` returns, the record is in the file, whole; otherwise it throws.
 *
 * Invariants: a file that was removed, replaced or changed by somebody else is noticed within a second; no failure
 * sticks: each call tries again, and the first record after an outage says how many events were lost in it.
 */
import { statfsSync } from 'node:fs';
import type { AuditEvent } from '../../model/audit-record.ts';
import { CarapaceError, messageOf } from '../../model/error.ts';
import { visible } from '../../model/visible.ts';
import type { AuditState } from '../operator-view.ts';
import { openChain } from './chain.ts';
import { takeLock } from './lock.ts';
import { type LogIo, SYSTEM_IO } from './log-file.ts';

/** How long a removed or replaced file may go unnoticed. */
const LOOK_EVERY_MS = 1000;

export interface AuditLogOptions {
  /** Absolute path. `FILE.lock` beside it is the lock of its writers. */
  readonly file: string;
  /** True: `append` returns after fsync(2). Default: after write(2), which outlives the gateway but not the machine. */
  readonly durable?: boolean;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly now?: () => number;
  readonly io?: LogIo;
}

export interface AuditLog {
  /**
   * Writes one record.
   *
   * @throws CarapaceError `audit-unavailable`; the event is lost and counted, and the next call tries again
   */
  readonly append: (event: AuditEvent) => void;
  /**
   * Makes sure, as far as that can be known, that a record can be written now; after a failure, by writing one.
   *
   * @throws CarapaceError `audit-unavailable`
   */
  readonly check: () => void;
  readonly state: () => AuditState;
  /** Closes the file and lets go of the lock; afterwards `append` throws. */
  readonly close: () => void;
}

/**
 * Opens the log, takes its lock, and goes on from its last record.
 *
 * @throws CarapaceError `audit-unavailable` where another gateway writes to it, or the file is not ours, not private or
 * not a log
 */
export function openAuditLog(options: AuditLogOptions): AuditLog {
  const release = takeLock(`${options.file}.lock`);
  try {
    return createWriter(options, release);
  } catch (error) {
    release();
    throw unavailable(error);
  }
}

function createWriter(options: AuditLogOptions, release: () => void): AuditLog {
  const { file, durable = false, now = Date.now, io = SYSTEM_IO } = options;
  const chain = openChain({ file, durable, now, io });
  let lookedAt = now();
  let failing = false;
  let closed = false;
  let lastError: string | null = null;
  let lost = 0;

  /** Everything that touches the file goes through here, so that `failing` is always true to the last attempt. */
  const attempt = (mustLook: boolean, act: () => void): void => {
    if (closed) throw unavailable(new Error('it is closed'));
    try {
      if (mustLook || failing || Math.abs(now() - lookedAt) >= LOOK_EVERY_MS) chain.look();
      lookedAt = now();
      if (lost > 0) chain.write({ event: 'log', action: 'resumed', problem: lastError ?? '', lost });
      lost = 0;
      act();
      failing = false;
    } catch (error) {
      failing = true;
      const thrown = unavailable(error);
      lastError = thrown.message;
      throw thrown;
    }
  };

  return {
    append: (event) => {
      try {
        attempt(false, () => chain.write(event));
      } catch (error) {
        lost += 1;
        throw error;
      }
    },
    check: () => attempt(true, () => requireSpace(file)),
    state: () => ({ ok: !failing && !closed, lastError, seq: chain.seq() }),
    close: () => {
      if (closed) return;
      closed = true;
      chain.close();
      release();
    },
  };
}

/** File systems that count no blocks (some of FUSE) are taken at their word. */
function requireSpace(file: string): void {
  const { blocks, bavail, bfree } = statfsSync(file);
  const free = process.geteuid?.() === 0 ? bfree : bavail;
  if (blocks > 0 && free <= 0) throw unavailable(new Error('no space is left on its file system'));
}

function unavailable(error: unknown): CarapaceError {
  if (error instanceof CarapaceError) return error;
  return new CarapaceError('audit-unavailable', `audit log: cannot be written: ${visible(messageOf(error))}`, {
    hint: 'make space and look at the file and its directory; calls are served again as soon as it can be written',
    cause: error,
  });
}
