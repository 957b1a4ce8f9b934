/**
 * What a gateway that is root makes for its tools of other users, none of whom may enter its state directory: the runners'
 * sockets, an empty directory to start in, and a directory for each user, where its runner makes a HOME for each tool.
 *
 * It lies in /run, so it does not survive a reboot: no tool of another user keeps anything in its HOME over one.
 *
 * Invariants: root writes only into directories that root owns and nobody else may write to, so no link that a tool made
 * leads it anywhere; no user can enter what is another's.
 */
import { chmodSync, lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CarapaceError } from '../model/error.ts';
import type { OpenedDirectory } from '../model/permit.ts';
import { quoted } from '../model/visible.ts';
import { opened } from './runner-directories.ts';
import type { UserIds } from './runner-proof.ts';
import { checkTrustedDirectory } from './safe-file.ts';

export interface RuntimeDirectory {
  readonly path: string;
  /** 0700, root's. */
  readonly sockets: string;
  /** 0555, root's: nothing is in it, and nothing can be put there. */
  readonly empty: OpenedDirectory;
  /** A user's own directory, 0700; made where it is missing. Throws as `openRuntimeDirectory` does. */
  readonly of: (user: UserIds) => string;
  /** A directory for this life only, where programs can be executed if /run is mounted so that none can. */
  readonly temporary: () => string;
  /** Removes what does not outlive the gateway. */
  readonly close: () => void;
}

const RUN = '/run';

/**
 * Makes it, or takes the one that an earlier gateway of the same `installation` made; below the system's temporary
 * directory, and for this life only, where there is no /run.
 *
 * @param base stands in for /run; a test's
 * @throws CarapaceError `configuration` for one that somebody else made or could have written to
 * @throws Error of the system where it cannot be made
 */
export function openRuntimeDirectory(installation: string, base = RUN): RuntimeDirectory {
  const isLasting = isDirectory(base);
  const name = `carapace-${installation.slice(0, 8)}`;
  if (isLasting) checkTrustedDirectory(base);
  const path = isLasting ? own(join(base, name), 0o711) : passing();
  const temporaries = isLasting ? [join(path, 'sockets')] : [path];
  const sockets = own(join(path, 'sockets'), 0o700);
  const users = own(join(path, 'users'), 0o711);
  for (const socket of readdirSync(sockets)) rmSync(join(sockets, socket), { force: true });
  return {
    path,
    sockets,
    empty: opened(own(join(path, 'empty'), 0o555)),
    of: (user) => ownedBy(join(users, String(user.uid)), user),
    temporary: () => {
      const made = passing();
      temporaries.push(made);
      return made;
    },
    close: () => {
      for (const each of temporaries) rmSync(each, { recursive: true, force: true });
    },
  };
}

function passing(): string {
  return own(mkdtempSync(join(tmpdir(), 'carapace-')), 0o711);
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A directory of this process's user, whose mode nobody changed to let others write. */
function own(path: string, mode: number): string {
  mkdirSync(path, { recursive: true, mode });
  const found = lstatSync(path);
  if (!found.isDirectory()) throw wrong(path, 'is no directory');
  if (found.uid !== process.geteuid?.())
    throw wrong(path, `belongs to user ${found.uid}, expected ${process.geteuid?.()}`);
  if ((found.mode & 0o022) !== 0) throw wrong(path, 'others may write to it');
  chmodSync(path, mode);
  return path;
}

/** A directory of `user`, in one that only this process's user may write to. Its mode is the user's to change, for the worse. */
function ownedBy(path: string, { uid, gid }: UserIds): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (!found.isDirectory()) throw wrong(path, 'is no directory');
  // New, or left by a gateway that was killed in between.
  if (found.uid === process.geteuid?.()) lchownSync(path, uid, gid);
  else if (found.uid !== uid) throw wrong(path, `belongs to user ${found.uid}, expected ${uid}`);
  return path;
}

function wrong(path: string, why: string): CarapaceError {
  const hint = 'stop the gateway and remove it';
  return new CarapaceError('configuration', `${quoted(path, 4096)}: ${why}`, { hint });
}
