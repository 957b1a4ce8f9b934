/** One writer of the audit log at a time. */
import { CarapaceError } from '../../model/error.ts';
import { visible } from '../../model/visible.ts';
import { lockHolder, tryLockFile } from '../file-lock.ts';

/**
 * Takes the lock `path`, an empty file that stays for ever. Returns what lets go of it.
 *
 * @throws CarapaceError `audit-unavailable` where another process holds it, or it cannot be taken
 */
export function takeLock(path: string): () => void {
  const lock = tryLockFile(path);
  if (lock.kind === 'taken') return lock.release;
  if (lock.kind === 'held') throw held(path);
  throw new CarapaceError('audit-unavailable', `audit log: cannot lock ${visible(path, 1000)}: ${visible(lock.why)}`, {
    hint: lock.hint,
  });
}

function held(path: string): CarapaceError {
  const pid = lockHolder(path);
  const holder = pid === undefined ? 'another gateway' : `another gateway (process ${pid})`;
  return new CarapaceError('audit-unavailable', `audit log: ${holder} holds ${visible(path, 1000)}`, {
    hint: 'stop that gateway first, or give this one a directory of its own with --dir',
  });
}
