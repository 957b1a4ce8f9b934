/**
 * Opens the audit log's file, judges it by its descriptor, and reads its end to go on from there.
 *
 * Invariant: what is opened is a regular file of this process's user that nobody else may read or write.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { CarapaceError, errnoOf, messageOf } from '../../model/error.ts';
import { visible } from '../../model/visible.ts';
import { FIRST_PREV, hashLine, MAX_LINE_BYTES, NEWLINE, parseLine, splitLines } from './line.ts';

/** Where a chain has got to. */
export interface Head {
  /** Number of the last whole record; 0 where there is none. */
  readonly seq: number;
  /** Hash of the last line, torn or whole. */
  readonly prev: string;
}

/** The end of a log as it was found. */
export interface Tail extends Head {
  /** True where the last line has no newline: a crash cut it. */
  readonly torn: boolean;
}

/** How much of the end is read: a whole record, and before it lines that a crash tore. */
const TAIL_BYTES = 4 * MAX_LINE_BYTES;

/**
 * Opens the log for appending, and makes it where there is none.
 *
 * @throws CarapaceError `audit-unavailable` with what to do, where it cannot be opened or is not safe to use
 */
export function openPrivateFile(path: string): number {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (error) {
    throw openingFailed(path, error);
  }
  try {
    judgeFile(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openingFailed(path: string, error: unknown): CarapaceError {
  if (errnoOf(error) === 'ELOOP') {
    return refused(path, 'is a symlink', 'remove it, or name the file that is meant; the log follows no symlink');
  }
  const hint = 'make the file and its directory writable for the user that the gateway runs as';
  return refused(path, `cannot be opened: ${visible(messageOf(error))}`, hint, error);
}

/**
 * @throws CarapaceError `audit-unavailable` where the file is not a regular file of ours that nobody else may use
 */
export function judgeFile(path: string, stats: Stats): void {
  const user = process.geteuid?.() ?? 0;
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  if (!stats.isFile()) throw refused(path, 'is no regular file', 'move it away; the gateway makes a new one');
  if (stats.uid !== user) {
    throw refused(path, `belongs to user ${stats.uid}, expected ${user}`, `chown ${user} the file, or move it away`);
  }
  if ((stats.mode & 0o077) !== 0) {
    throw refused(path, `has mode ${mode}, expected 0600`, 'look at who changed it, then chmod 600 the file');
  }
}

/**
 * Reads where the log's chain has got to. A torn last line counts as the last line; if it is a whole record that lacks
 * only its newline, its number counts too.
 *
 * @param size the file's size in bytes
 * @throws CarapaceError `audit-unavailable` where the file's end holds no record of ours
 */
export function readTail(path: string, fd: number, size: number): Tail {
  if (size === 0) return { seq: 0, prev: FIRST_PREV, torn: false };
  const end = readEnd(path, fd, size);
  const torn = end.at(-1) !== NEWLINE;
  const lines = splitLines(torn ? end : end.subarray(0, -1));
  const last = lines.at(-1) ?? end;
  const seq = lastSeq(lines);
  if (seq === undefined && !(torn && lines.length === 1 && isTornFirst(last))) {
    throw refused(path, 'does not end in a record of carapace', 'move the file away; the gateway begins a new one');
  }
  return { seq: seq ?? 0, prev: hashLine(last), torn };
}

function readEnd(path: string, fd: number, size: number): Buffer {
  const end = Buffer.alloc(Math.min(size, TAIL_BYTES));
  let done = 0;
  while (done < end.length) {
    const count = readSync(fd, end, done, end.length - done, size - end.length + done);
    if (count === 0) throw refused(path, 'shrank while it was read', 'look for what else writes to it');
    done += count;
  }
  return end;
}

function lastSeq(lines: readonly Buffer[]): number | undefined {
  for (const line of lines.toReversed()) {
    const record = line.length <= MAX_LINE_BYTES ? parseLine(line.toString()) : undefined;
    if (record !== undefined) return record.seq;
  }
  return undefined;
}

/** The very first record may have been torn: nothing but its beginning is there. */
function isTornFirst(line: Buffer): boolean {
  const beginning = '{"seq":1,';
  return beginning.startsWith(line.toString('utf8', 0, beginning.length)) || line.toString().startsWith(beginning);
}

/** An error of the log's file, with what to do. */
export function refused(path: string, why: string, hint: string, cause?: unknown): CarapaceError {
  return new CarapaceError('audit-unavailable', `audit log: ${visible(path, 1000)} ${why}`, { hint, cause });
}
