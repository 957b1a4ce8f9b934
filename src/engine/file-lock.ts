/**
 * A lock that the kernel holds and lets go of when its process ends, however it ends. So it is never stale, and no
 * process id has to be believed.
 *
 * Node has no flock(2). On Linux flock(1) locks the descriptor that it inherits: the lock belongs to the open file, not
 * to that process (flock(2): "associated with an open file description"). The BSDs and macOS lock in open(2).
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fchownSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { errnoOf, messageOf } from '../model/error.ts';
import type { FileOwner } from './state-directory.ts';

/** O_EXLOCK of <fcntl.h> on macOS and the BSDs. */
const O_EXLOCK = 0x20;
const FLOCK_PATH = '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin';
const FLOCK_TIME_LIMIT_MS = 5000;

export type FileLock =
  | { readonly kind: 'taken'; readonly release: () => void }
  /** By another process, or another descriptor of this one. */
  | { readonly kind: 'held' }
  | { readonly kind: 'unusable'; readonly why: string; readonly hint: string };

/** Tries once to take the lock `path`, an empty file that stays for ever. `owner`: whom the file shall belong to. */
export function tryLockFile(path: string, owner?: FileOwner): FileLock {
  const base = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let lock: number;
  try {
    lock = openSync(path, process.platform === 'linux' ? base : base | O_EXLOCK, 0o600);
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN') return { kind: 'held' };
    return unusable(messageOf(error), 'make its directory writable for the user that the gateway runs as');
  }
  const refused = giveTo(lock, owner) ?? (process.platform === 'linux' ? flock(lock) : undefined);
  if (refused !== undefined) {
    closeSync(lock);
    return refused;
  }
  noteHolder(lock);
  return { kind: 'taken', release: () => closeSync(lock) };
}

/** Process id of who took the lock last, for a message; undefined where nobody said. */
export function lockHolder(path: string): string | undefined {
  try {
    return /^\d{1,10}(?=\n)/.exec(readFileSync(path, 'utf8'))?.[0];
  } catch {
    return undefined;
  }
}

function giveTo(lock: number, owner: FileOwner | undefined): FileLock | undefined {
  if (owner === undefined) return undefined;
  try {
    fchownSync(lock, owner.uid, owner.gid);
    return undefined;
  } catch (error) {
    return unusable(messageOf(error), 'look at the file system that holds it');
  }
}

function flock(lock: number): FileLock | undefined {
  const done = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', lock],
    env: { PATH: FLOCK_PATH },
    timeout: FLOCK_TIME_LIMIT_MS,
  });
  if (done.error !== undefined) return unusable(done.error.message, 'install flock (package util-linux)');
  if (done.status === 0) return undefined;
  if (done.status === 1) return { kind: 'held' };
  return unusable(`flock ended with ${done.status}`, 'look at the file system that holds it');
}

/** For the message of the next one that wants the lock; worth nothing as a lock. */
function noteHolder(lock: number): void {
  try {
    ftruncateSync(lock);
    writeSync(lock, `${process.pid}\n`, 0);
  } catch {
    // A full disk: the lock itself holds all the same.
  }
}

function unusable(why: string, hint: string): FileLock {
  return { kind: 'unusable', why, hint };
}
