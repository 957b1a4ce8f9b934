/** `carapace client show`: one client's keys and tools, or what its machine needs to connect. */
import { readSnapshot } from '../engine/store.ts';
import { formatProblem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import { checkClientName, clientNames, noSuchClient } from './client-file.ts';
import type { AddressOptions } from './client-text.ts';
import { connectionAnswer, describeKey, printConnection, keyAnswer } from './client-text.ts';
import type { Directory } from './directory.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson, reportError } from './report.ts';

export interface ClientShowOptions extends AddressOptions {
  readonly name: string;
  readonly dir?: string;
  readonly json?: boolean;
  /** Print the ssh_config block and the known_hosts line instead of the keys. */
  readonly sshConfig?: boolean;
}

/**
 * Exit status 0; 1 where the client has no usable key.
 *
 * @throws CarapaceError `usage`, `no-such-client`, `configuration`
 */
export async function run(options: ClientShowOptions): Promise<number> {
  const directory = resolveDirectory(options.dir);
  checkClientName(options.name);
  if (!clientNames(directory).includes(options.name)) throw noSuchClient(directory, options.name);
  return options.sshConfig === true ? showConnection(directory, options) : showKeys(directory, options);
}

function showConnection(directory: Directory, options: ClientShowOptions): number {
  const connection = connectionAnswer(directory, options.name, options);
  if (options.json === true) printJson({ client: options.name, ...connection });
  else printConnection(connection);
  return EXIT.ok;
}

function showKeys(directory: Directory, { name, json }: ClientShowOptions): number {
  const snapshot = readSnapshot(directory);
  const entries = snapshot.clients.get(name) ?? [];
  const problems = snapshot.problems
    .filter((problem) => problem.place.file === `authorized_keys.d/${name}`)
    .map(formatProblem);
  const keys = entries.map((entry) => ({ ...keyAnswer(entry), tools: [...entry.tools.keys()].toSorted() }));
  if (json === true) printJson({ client: name, keys, problems });
  else {
    for (const entry of entries) {
      print(`${name}: ${describeKey(entry)}`);
      const tools = [...entry.tools.keys()].toSorted().map((tool) => visible(tool));
      print(`  tools: ${tools.length === 0 ? 'none' : tools.join(', ')}`);
    }
    for (const problem of problems) reportError(problem);
  }
  return entries.length > 0 ? EXIT.ok : EXIT.no;
}
