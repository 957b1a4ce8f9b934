/** One writer of the secret store at a time: `secret set`, `remove`, `rotate-key`, and a gateway that stores a token. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CarapaceError } from '../../model/error.ts';
import { quoted, visible } from '../../model/visible.ts';
import { type FileLock, lockHolder, tryLockFile } from '../file-lock.ts';
import { makePrivateDirectory, prepareStateDirectory, type StateOwner } from '../state-directory.ts';

/** Longer than the re-encryption of hundreds of secrets. */
const WAIT_MS = 20_000;
const RETRY_MS = 50;

/** Where the secrets lie. */
export function secretsDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'secrets');
}

/** By state directory, the last writer of this process, which the next one waits for: asking for the lock starts a process. */
const writers = new Map<string, Promise<void>>();

/**
 * Does `work` while nobody else writes; makes the directories first where they are missing.
 *
 * @throws CarapaceError `secret-busy` where another process writes for longer than 20 s; `configuration` where the
 * directories are not to be trusted, or the lock cannot be taken; what `work` throws
 */
export async function whileLocked<T>(stateDirectory: string, work: (state: StateOwner) => Promise<T>): Promise<T> {
  const before = writers.get(stateDirectory) ?? Promise.resolve();
  const done = before.then(() => lockedAgainstOthers(stateDirectory, work));
  const over = done.then(
    () => undefined,
    () => undefined,
  );
  writers.set(stateDirectory, over);
  try {
    return await done;
  } finally {
    if (writers.get(stateDirectory) === over) writers.delete(stateDirectory);
  }
}

async function lockedAgainstOthers<T>(stateDirectory: string, work: (state: StateOwner) => Promise<T>): Promise<T> {
  const state = prepareStateDirectory(stateDirectory);
  makePrivateDirectory(secretsDirectory(stateDirectory), state);
  const release = await take(join(stateDirectory, 'secrets.lock'), state);
  try {
    return await work(state);
  } finally {
    release();
  }
}

async function take(path: string, { owner }: StateOwner): Promise<() => void> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const lock: FileLock = tryLockFile(path, owner);
    if (lock.kind === 'taken') return lock.release;
    if (lock.kind === 'unusable') {
      throw new CarapaceError(
        'configuration',
        `secret store: cannot lock ${quoted(path, 4096)}: ${visible(lock.why)}`,
        {
          hint: lock.hint,
        },
      );
    }
    if (performance.now() > until) throw busy(path);
    await sleep(RETRY_MS);
  }
}

function busy(path: string): CarapaceError {
  const holder = lockHolder(path);
  const who = holder === undefined ? 'another process' : `process ${holder}`;
  return new CarapaceError('secret-busy', `secret store: ${who} has been writing to it for ${WAIT_MS / 1000} s`, {
    hint: 'try again once it has finished',
  });
}
