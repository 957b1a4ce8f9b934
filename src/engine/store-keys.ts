/**
 * Clients' keys, from `authorized_keys.d/`.
 *
 * Invariant: a key is usable only if the whole of its client's file is free of errors, and no other client's file, be
 * it as broken as it may, claims it too.
 */
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import { parseAuthorizedKeys } from '../identity/authorized-keys.ts';
import { kindOfKeyFile } from '../identity/client-name.ts';
import type { Problem } from '../model/problem.ts';
import { hasErrors } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import type { Folder } from './store-folder.ts';

/** The keys of all clients. */
export interface KeySet {
  readonly keys: readonly AuthorizedKey[];
  readonly problems: readonly Problem[];
  /** Digest and label of each file that was read, as `sha256sum` prints them. */
  readonly digests: readonly string[];
}

/** True for a file of `authorized_keys.d/` that holds a client's keys. */
export function isKeyFile(name: string): boolean {
  return kindOfKeyFile(name) === 'client';
}

/** Takes the usable keys from the files. A file with an error stops its own client only. Never throws. */
export function loadKeys(folder: Folder): KeySet {
  const problems: Problem[] = [...folder.problems, ...problemsOfNames(folder)];
  const claimed: AuthorizedKey[] = [];
  const usable: AuthorizedKey[] = [];
  for (const file of folder.files) {
    const parsed = parseAuthorizedKeys(file.label, file.name, file.text ?? '');
    problems.push(...parsed.problems);
    claimed.push(...parsed.keys);
    if (!hasErrors(parsed.problems)) usable.push(...parsed.keys);
  }
  const doubles = findDoubles(claimed);
  problems.push(...doubles.problems);
  const keys = usable.filter((key) => !doubles.keys.has(key.key.base64));
  const digests = folder.files.flatMap((file) => (file.digest === null ? [] : [`${file.digest}  ${file.label}`]));
  return { keys, problems, digests };
}

function problemsOfNames(folder: Folder): Problem[] {
  if (folder.missing)
    return [problem(folder.label, 'does not exist, so there is no client; carapace client add makes it', 'warning')];
  const misnamed = folder.others.filter((name) => kindOfKeyFile(name) === 'misnamed');
  return misnamed.map((name) =>
    problem(
      `authorized_keys.d/${name}`,
      "is not read: a client's name is of the form [a-z0-9][a-z0-9._-]{0,63}",
      'error',
    ),
  );
}

/** Keys that more than one client claims, by their base64. */
function findDoubles(claimed: readonly AuthorizedKey[]): {
  readonly keys: ReadonlySet<string>;
  readonly problems: Problem[];
} {
  const first = new Map<string, AuthorizedKey>();
  const keys = new Set<string>();
  const problems: Problem[] = [];
  for (const key of claimed) {
    const other = first.get(key.key.base64) ?? key;
    first.set(key.key.base64, other);
    if (other.client === key.client) continue;
    if (!keys.has(key.key.base64)) problems.push(problemOfDouble(other, key));
    keys.add(key.key.base64);
    problems.push(problemOfDouble(key, other));
  }
  return { keys, problems };
}

function problemOfDouble(key: AuthorizedKey, other: AuthorizedKey): Problem {
  const where = `${visible(other.place.file)}:${other.place.line}`;
  const message = `key ${key.fingerprint} is also in ${where}; a key belongs to one client, so neither may use it`;
  return { severity: 'error', place: key.place, path: '', message };
}

function problem(file: string, message: string, severity: Problem['severity']): Problem {
  return { severity, place: { file, line: 1, column: 1 }, path: '', message };
}
