/** `carapace secret remove`: takes a secret out of the store. */
import { CarapaceError } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson } from './report.ts';
import { checkSecretName, noSuchSecret, openStoreOf } from './secret-store.ts';
import { findSecretUses } from './secret-uses.ts';

export interface SecretRemoveOptions {
  readonly name: string;
  readonly dir?: string;
  readonly json?: boolean;
  /** Also where a policy refers to it. */
  readonly force?: boolean;
}

/** Runs the command. @throws CarapaceError `usage`, `secret-missing`, `secret-in-use`, `configuration`, `secret-busy` */
export async function run({ name, dir, json = false, force = false }: SecretRemoveOptions): Promise<number> {
  checkSecretName(name);
  const store = openStoreOf(resolveDirectory(dir));
  if (!store.list().some((entry) => entry.name === name)) throw noSuchSecret(store, name);
  if (!force) checkUnused(name, dir);
  if (!(await store.remove(name))) throw noSuchSecret(store, name);
  if (json) printJson({ name, action: 'removed' });
  else print(`${name}: removed`);
  return EXIT.ok;
}

function checkUnused(name: string, dir: string | undefined): void {
  const found = findSecretUses(dir);
  if (!found.ok) {
    throw new CarapaceError('secret-in-use', `secret '${name}': the policies do not load, so one may refer to it`, {
      hint: 'run: carapace policy check; --force removes it all the same',
    });
  }
  const policies = found.uses.get(name) ?? [];
  if (policies.length === 0) return;
  const who = policies.map((policy) => visible(policy)).join(', ');
  throw new CarapaceError('secret-in-use', `secret '${name}': is needed by ${who}`, {
    hint: 'change the policy first; --force removes it all the same',
  });
}
