/**
 * The state directory: whom it belongs to, and whom what is made in it belongs to. Commands that root runs for a gateway
 * of another user leave nothing behind that the gateway cannot read.
 */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, mkdirSync, openSync, statSync } from 'node:fs';
import { checkTrustedDirectory, type Trust } from './safe-file.ts';

/** Whom a file belongs to. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Whom files below it shall belong to (undefined: this process's user), and whose are trusted. */
export interface StateOwner {
  readonly owner: FileOwner | undefined;
  readonly trust: Trust;
}

/**
 * Makes the state directory where it is missing, with mode 0700, and checks it.
 *
 * @throws CarapaceError `configuration` where others could have written to it
 */
export function prepareStateDirectory(stateDirectory: string): StateOwner {
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const found = stateOwner(stateDirectory);
  checkTrustedDirectory(stateDirectory, found.trust);
  return found;
}

/** The owner of a state directory that is there; where there is none, this process's user. */
export function stateOwner(stateDirectory: string): StateOwner {
  const stat = statSync(stateDirectory, { throwIfNoEntry: false });
  if (stat === undefined || stat.uid === 0 || process.getuid?.() !== 0) return { owner: undefined, trust: {} };
  return { owner: { uid: stat.uid, gid: stat.gid }, trust: { ownerUids: [0, stat.uid] } };
}

/** Makes a directory in it, of mode 0700; one that is there keeps its mode. A symbolic link is not followed. */
export function makePrivateDirectory(path: string, { owner }: StateOwner): void {
  const made = mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (made) fchmodSync(descriptor, 0o700);
    // Also where it was there: whoever made it may have been killed before it was given away.
    if (owner !== undefined && fstatSync(descriptor).uid === 0) fchownSync(descriptor, owner.uid, owner.gid);
  } finally {
    closeSync(descriptor);
  }
}
