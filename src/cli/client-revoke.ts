/** `carapace client revoke`: takes all keys of a client away. */
import { readSnapshot } from '../engine/store.ts';
import { checkClientName, clientNames, noSuchClient, removeClientFile } from './client-file.ts';
import { keyAnswer } from './client-text.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson } from './report.ts';

export interface ClientRevokeOptions {
  readonly name: string;
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Removes the client's file, be it good or broken. A running gateway notices within a second and ends what the client
 * has open.
 *
 * @throws CarapaceError `usage`, `no-such-client`, `configuration`
 */
export async function run({ name, dir, json }: ClientRevokeOptions): Promise<number> {
  const directory = resolveDirectory(dir);
  checkClientName(name);
  if (!clientNames(directory).includes(name)) throw noSuchClient(directory, name);
  const keys = (readSnapshot(directory).clients.get(name) ?? []).map(keyAnswer);
  removeClientFile(directory, name);
  if (json === true) printJson({ client: name, revoked: keys });
  else {
    for (const key of keys) print(`${name}: revoked ${key.fingerprint} (${key.type})`);
    print(`${name}: has no access any more; a running gateway ends its connections within a second`);
  }
  return EXIT.ok;
}
