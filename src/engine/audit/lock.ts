/**
 * One writer at a time: a lock that the kernel holds and lets go of when its process ends, however it ends. So it is
 * never stale, and no process id has to be believed.
 *
 * Node has no flock(2). On Linux flock(1) locks the descriptor that it inherits: the lock belongs to the open file, not
 * to that process (flock(2): "associated with an open file description"). The BSDs and macOS lock in open(2).
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { CarapaceError, errnoOf, messageOf } from '../../model/error.ts';
import { visible } from '../../model/visible.ts';

/** O_EXLOCK of <fcntl.h> on macOS and the BSDs. */
const O_EXLOCK = 0x20;
const FLOCK_PATH = '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin';
const FLOCK_TIME_LIMIT_MS = 5000;

/**
 * Takes the lock `path`, an empty file that stays for ever. Returns what lets go of it.
 *
 * @throws CarapaceError `audit-unavailable` where another process holds it, or it cannot be taken
 */
export function takeLock(path: string): () => void {
  const base = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let lock: number;
  try {
    lock = openSync(path, process.platform === 'linux' ? base : base | O_EXLOCK, 0o600);
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN') throw held(path);
    throw unusable(path, messageOf(error), 'make its directory writable for the user that the gateway runs as');
  }
  try {
    if (process.platform === 'linux') flock(lock, path);
    noteHolder(lock);
  } catch (error) {
    closeSync(lock);
    throw error;
  }
  return () => closeSync(lock);
}

function flock(lock: number, path: string): void {
  const done = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', lock],
    env: { PATH: FLOCK_PATH },
    timeout: FLOCK_TIME_LIMIT_MS,
  });
  if (done.error !== undefined) throw unusable(path, done.error.message, 'install flock (package util-linux)');
  if (done.status === 1) throw held(path);
  if (done.status !== 0)
    throw unusable(path, `flock ended with ${done.status}`, 'look at the file system that holds it');
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

function held(path: string): CarapaceError {
  const pid = readHolder(path);
  const holder = pid === undefined ? 'another gateway' : `another gateway (process ${pid})`;
  return new CarapaceError('audit-unavailable', `audit log: ${holder} holds ${visible(path, 1000)}`, {
    hint: 'stop that gateway first, or give this one a directory of its own with --dir',
  });
}

function readHolder(path: string): string | undefined {
  try {
    return /^\d{1,10}(?=\n)/.exec(readFileSync(path, 'utf8'))?.[0];
  } catch {
    return undefined;
  }
}

function unusable(path: string, why: string, hint: string): CarapaceError {
  return new CarapaceError('audit-unavailable', `audit log: cannot lock ${visible(path, 1000)}: ${visible(why)}`, {
    hint,
  });
}
