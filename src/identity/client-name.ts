/**
 * Clients are named by their files in `authorized_keys.d/`.
 */

/** Endings that editors, package managers and people give to files that are put aside. */
const ASIDE =
  /(~|\.(bak|backup|disabled|old|orig|pub|revoked|save|sw[op]|tmp|dpkg-[a-z]+|rpm(new|orig|save)|ucf-[a-z]+))$/;

/** True for a name that a client may have. */
export function isClientName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) && !ASIDE.test(name);
}

/** What may be said of a file of `authorized_keys.d/` by its name alone. */
export type KeyFileKind =
  /** A client's keys. */
  | 'client'
  /** Hidden, put aside or a README: not looked at. */
  | 'ignored'
  /** It can be no client's, and nothing says that it was put aside: somebody should look. */
  | 'misnamed';

/** Sorts the files of `authorized_keys.d/`. */
export function kindOfKeyFile(name: string): KeyFileKind {
  if (name.startsWith('.') || name === 'README.md' || ASIDE.test(name)) return 'ignored';
  return isClientName(name) ? 'client' : 'misnamed';
}
