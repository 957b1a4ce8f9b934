/**
 * The state directory: whom it belongs to, and whom what is made in it belongs to. Commands that root runs for a gateway
 * of another user leave nothing behind that the gateway cannot read.
 */
import type { Stats } from 'node:fs';
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
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
  const found = stateOwner(stateDirectory);
  if (statSync(stateDirectory, { throwIfNoEntry: false }) === undefined) makePrivateDirectory(stateDirectory, found);
  checkTrustedDirectory(stateDirectory, found.trust);
  return found;
}

/** By the owner of the state directory; where there is none yet, of the directory that it is made in. */
export function stateOwner(stateDirectory: string): StateOwner {
  const look = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });
  const stat = look(stateDirectory) ?? look(dirname(stateDirectory));
  if (stat === undefined || stat.uid === 0 || process.getuid?.() !== 0) return { owner: undefined, trust: {} };
  return { owner: { uid: stat.uid, gid: stat.gid }, trust: { ownerUids: [0, stat.uid] } };
}

/** Makes the state directory, or one in it, of mode 0700; one that is there keeps its mode. A symbolic link is not followed. */
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
