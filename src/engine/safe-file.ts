/**
 * Files that decide who may do what: read only if nobody else can have written them, written so that a reader sees the
 * old text or the new and never half of one.
 *
 * Invariant: owner and mode are judged on the descriptor that is read afterwards, so the file that was judged is the
 * file that counts, whatever its path names a moment later.
 */
import type { BigIntStats } from 'node:fs';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

/** How a file must be to be trusted. */
export interface Trust {
  /** User ids that may own it; root and this process's own user if absent. */
  readonly ownerUids?: readonly number[];
  /** Bits of the mode that must not be set; 0o022 (others may write) if absent. */
  readonly forbiddenMode?: number;
  /** The largest file that is read; 4 MiB if absent. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
const OTHERS_MAY_WRITE = 0o022;
/** For private keys: nobody but the owner has any access. */
export const OTHERS_MAY_ANYTHING = 0o077;

/**
 * Reads a file that is a regular one, of a trusted owner, with a mode as `trust` wants it. Symbolic links are followed:
 * what they lead to is judged.
 *
 * @throws CarapaceError `configuration` with what is wrong and how to mend it; where it could not be opened, the system's
 * error is the cause
 */
export function readTrustedFile(path: string, trust: Trust = {}): Buffer {
  const descriptor = openForReading(path);
  try {
    const stat = fstatSync(descriptor, { bigint: true });
    const problem = stat.isFile() ? whyUntrusted(stat, trust) : { fault: 'is no regular file' };
    if (problem !== undefined) throw untrusted(path, problem);
    const maxBytes = trust.maxBytes ?? DEFAULT_MAX_BYTES;
    if (stat.size > maxBytes) throw untrusted(path, { fault: `is larger than ${maxBytes} bytes` });
    const bytes = readUpTo(descriptor, Number(stat.size) + 1);
    if (bytes.length > stat.size) throw untrusted(path, { fault: 'grows while it is read' });
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Checks that only trusted users can put files into a directory.
 *
 * @throws CarapaceError as `readTrustedFile` does
 */
export function checkTrustedDirectory(path: string, trust: Trust = {}): void {
  const descriptor = openForReading(path);
  try {
    const stat = fstatSync(descriptor, { bigint: true });
    const problem = stat.isDirectory() ? whyUntrusted(stat, trust) : { fault: 'is no directory' };
    if (problem !== undefined) throw untrusted(path, problem);
  } finally {
    closeSync(descriptor);
  }
}

/** How `writeFileAtomically` writes. */
export interface WriteOptions {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
  /** Who shall own the file; this process's user if absent. Only root may give files away. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** True: an existing file is replaced. False: it is left as it is, and the call throws `EEXIST`. */
  readonly replace: boolean;
}

/**
 * Writes a file so that `path` names the old content or the whole new one, also after a power cut: a temporary file in
 * the same directory, synced, then renamed (or linked, where nothing may be replaced), then the directory synced.
 *
 * @throws the system's error; the temporary file is gone then
 */
export function writeFileAtomically(path: string, content: string | Buffer, options: WriteOptions): void {
  const directory = dirname(path);
  // Hidden, so that no reader of the directory takes it for a file of its own.
  const temporary = join(directory, `.${randomBytes(9).toString('base64url')}.tmp`);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const descriptor = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      if (options.owner !== undefined) fchownSync(descriptor, options.owner.uid, options.owner.gid);
      fchmodSync(descriptor, options.mode);
      writeWhole(descriptor, Buffer.from(content));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (options.replace) renameSync(temporary, path);
    else linkSync(temporary, path);
  } finally {
    removeIfThere(temporary);
  }
  syncDirectory(directory);
}

/** Makes what happened to a directory's entries last over a power cut. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Removes a file; it is no error that there is none. */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

interface Fault {
  readonly fault: string;
  readonly hint?: string;
}

function whyUntrusted(stat: BigIntStats, trust: Trust): Fault | undefined {
  const owners = trust.ownerUids ?? [...new Set([0, process.getuid?.() ?? 0])];
  if (!owners.includes(Number(stat.uid))) {
    return {
      fault: `belongs to user ${stat.uid}, expected ${owners.join(' or ')}`,
      hint: `chown ${owners.at(-1) ?? 0}`,
    };
  }
  const excess = Number(stat.mode) & (trust.forbiddenMode ?? OTHERS_MAY_WRITE);
  if (excess === 0) return undefined;
  const mode = (Number(stat.mode) & 0o7777).toString(8).padStart(4, '0');
  if ((excess & ~OTHERS_MAY_WRITE) === 0)
    return { fault: `has mode ${mode}: others may write to it`, hint: 'chmod go-w' };
  return { fault: `has mode ${mode}: others may read it`, hint: 'chmod go=' };
}

function untrusted(path: string, problem: Fault): CarapaceError {
  const hint = problem.hint === undefined ? {} : { hint: `run: ${problem.hint} ${quoted(path, 4096)}` };
  return new CarapaceError('configuration', `${quoted(path, 4096)}: ${problem.fault}`, hint);
}

function openForReading(path: string): number {
  try {
    // Without O_NONBLOCK, a FIFO put in a file's place would hold the process until somebody writes to it.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw new CarapaceError('configuration', `${quoted(path, 4096)}: ${whyNot(error)}`, { cause: error });
  }
}

function whyNot(error: unknown): string {
  const code = errnoOf(error);
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read';
  return code ?? messageOf(error);
}

function readUpTo(descriptor: number, maxBytes: number): Buffer {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  for (;;) {
    const got = readSync(descriptor, buffer, length, maxBytes - length, null);
    length += got;
    if (got === 0 || length === maxBytes) return buffer.subarray(0, length);
  }
}

function writeWhole(descriptor: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
}
