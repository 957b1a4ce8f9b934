/** `carapace client list`: all clients with their keys, the broken ones too. */
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import { isExpired } from '../identity/expiry.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { readSnapshot } from '../engine/store.ts';
import type { Problem } from '../model/problem.ts';
import { formatProblem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import { clientNames } from './client-file.ts';
import { formatFrom, keyAnswer } from './client-text.ts';
import type { Directory } from './directory.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson, reportWarning, table } from './report.ts';

export interface ClientListOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/** Shows what the gateway would make of the files as they lie there now. @throws CarapaceError `configuration` */
export async function run(options: ClientListOptions): Promise<number> {
  const directory = resolveDirectory(options.dir);
  const snapshot = readSnapshot(directory);
  const problems = snapshot.problems.filter(concernsKeys);
  if (options.json === true) {
    printJson(clientsOf(directory, snapshot, problems));
    return EXIT.ok;
  }
  const rows = clientNames(directory).flatMap((name) => rowsOf(name, snapshot.clients.get(name) ?? []));
  print(rows.length === 0 ? 'no clients; carapace client add makes one' : table([HEADING, ...rows]));
  for (const problem of problems) reportWarning(formatProblem(problem));
  return EXIT.ok;
}

const HEADING = ['CLIENT', 'POLICIES', 'FROM', 'EXPIRES', 'KEY'];

function rowsOf(name: string, keys: readonly AuthorizedKey[]): string[][] {
  if (keys.length === 0) return [[name, '-', '-', '-', 'none that is usable']];
  return keys.map((key) => [
    name,
    key.policies.map((policy) => visible(policy)).join(','),
    formatFrom(key.from),
    expiryCell(key.expiresAt),
    `${key.fingerprint} ${visible(key.comment, 40)}`,
  ]);
}

function expiryCell(expiresAt: number | null): string {
  if (expiresAt === null) return 'never';
  const time = new Date(expiresAt).toISOString().replace('.000Z', 'Z');
  return isExpired(expiresAt, Date.now()) ? `${time} (expired)` : time;
}

function clientsOf(directory: Directory, snapshot: Snapshot, problems: readonly Problem[]): unknown {
  return {
    clients: clientNames(directory).map((name) => ({
      name,
      keys: (snapshot.clients.get(name) ?? []).map(keyAnswer),
      problems: problems.filter((problem) => problem.place.file === `authorized_keys.d/${name}`).map(formatProblem),
    })),
    problems: problems.map(formatProblem),
  };
}

/** All that takes a key away: problems of the keys' files, and errors of policies. */
function concernsKeys({ severity, place }: Problem): boolean {
  return severity === 'error' || place.file.startsWith('authorized_keys.d');
}
