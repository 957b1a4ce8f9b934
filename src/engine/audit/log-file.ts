/**
 * An open audit log file that takes lines whole or not at all.
 *
 * Invariant: the file ends where the last successful `append` ended; what a failed one left is cut off before anything
 * else is written, and nothing is written until that has succeeded.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, lstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../model/error.ts';
import { judgeFile, openPrivateFile, readTail, type Tail } from './file.ts';

/** The system calls that fail when a disk is full or dying, so that a test can let them. */
export interface LogIo {
  readonly write: (fd: number, bytes: Buffer, offset: number) => number;
  readonly truncate: (fd: number, size: number) => void;
  readonly sync: (fd: number) => void;
}

export const SYSTEM_IO: LogIo = {
  write: (fd, bytes, offset) => writeSync(fd, bytes, offset),
  truncate: ftruncateSync,
  sync: fsyncSync,
};

export interface LogFile {
  /** The end of the file as it was found when it was opened. */
  readonly tail: Tail;
  /** Writes a line and its newline. @throws whatever the system calls throw */
  readonly append: (line: string) => void;
  /**
   * What somebody else did to the file, in words; undefined where it is still ours alone.
   *
   * @throws CarapaceError `audit-unavailable` where it is not private any more, and whatever the system calls throw
   */
  readonly findChange: () => string | undefined;
  readonly close: () => void;
}

/**
 * Opens the file, made where there is none. A torn last line is ended with a newline: it stays as evidence, and as a
 * line of the chain.
 *
 * @param durable true: `append` returns after fsync(2)
 * @throws CarapaceError `audit-unavailable` where the file cannot be opened or is not safe to use
 */
export function openLogFile(path: string, durable: boolean, io: LogIo): LogFile {
  const fd = openPrivateFile(path);
  try {
    let { size } = fstatSync(fd);
    const tail = readTail(path, fd, size);
    let dirty = false;

    const cutOff = (): void => {
      if (dirty) io.truncate(fd, size);
      dirty = false;
    };
    const put = (bytes: Buffer): void => {
      cutOff();
      dirty = true;
      try {
        for (let done = 0; done < bytes.length; ) done += io.write(fd, bytes, done);
        if (durable) io.sync(fd);
      } catch (error) {
        tryQuietly(cutOff);
        throw error;
      }
      dirty = false;
      size += bytes.length;
    };

    if (durable && size === 0) syncDirectory(path);
    if (tail.torn) put(Buffer.from('\n'));
    return {
      tail,
      append: (line) => put(Buffer.from(`${line}\n`)),
      findChange: () => {
        cutOff();
        return changeBetween(path, fstatSync(fd), size);
      },
      close: () => closeSync(fd),
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A new file is there after a power cut only if its directory was synced: fsync(2). */
function syncDirectory(path: string): void {
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function changeBetween(path: string, open: Stats, size: number): string | undefined {
  const named = lstatOrUndefined(path);
  if (named === undefined || open.nlink === 0) return 'the file was removed';
  if (named.dev !== open.dev || named.ino !== open.ino) return 'the file was replaced';
  judgeFile(path, open);
  return open.size === size ? undefined : `the file has ${open.size} bytes, expected ${size}`;
}

function lstatOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is left undone here is done before the next write, which fails if it still cannot be. */
function tryQuietly(act: () => void): void {
  try {
    act();
  } catch {
    // The failure that matters is the one that led here.
  }
}
