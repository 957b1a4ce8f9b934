/**
 * The audit log as the gateway uses it: the writer, with budgets in front of what costs its sender nothing.
 *
 * Invariant: `record` returns only if the event is in the file or, beyond its source's budget, was counted by a log that
 * could be written the last time it was tried. So whoever lets `record` throw before anything runs is fail-closed.
 */
import type { AuditEvent } from '../../model/audit-record.ts';
import { messageOf } from '../../model/error.ts';
import type { Log } from '../log.ts';
import type { AuditState } from '../operator-view.ts';
import { createCoalescer } from './coalesce.ts';
import { type AuditLogOptions, openAuditLog } from './writer.ts';

/** How long counted events wait before they are written as one. */
const FLUSH_EVERY_MS = 10_000;

export interface AuditOptions extends AuditLogOptions {
  /** Where failures are told that have no caller: counted events that could not be written. */
  readonly log: Pick<Log, 'error'>;
}

/** The gateway's end of the audit log. */
export interface Audit {
  /** @throws CarapaceError `audit-unavailable`: then nothing may run, and the client is told 74 */
  readonly record: (event: AuditEvent) => void;
  /**
   * The health check: finds out now whether a record can be written.
   *
   * @throws CarapaceError `audit-unavailable`
   */
  readonly check: () => void;
  readonly state: () => AuditState;
  /** Writes what was counted, closes the file and lets go of its lock. Never throws. */
  readonly close: () => void;
}

/**
 * Opens the audit log of a gateway.
 *
 * @throws CarapaceError `audit-unavailable`, as `openAuditLog` does
 */
export function openAudit(options: AuditOptions): Audit {
  const { log, now = Date.now } = options;
  const file = openAuditLog(options);
  const coalescer = createCoalescer();

  const flush = (): void => {
    try {
      for (const event of coalescer.pending()) {
        file.append(event);
        coalescer.settle(event);
      }
    } catch (error) {
      log.error(messageOf(error));
    }
    coalescer.sweep(now());
  };
  const timer = setInterval(flush, FLUSH_EVERY_MS);
  timer.unref();

  return {
    record: (event) => {
      if (coalescer.admits(event, now())) file.append(event);
      else if (!file.state().ok) file.check();
    },
    check: file.check,
    state: file.state,
    close: () => {
      clearInterval(timer);
      flush();
      file.close();
    },
  };
}
