/** The secret store of a gateway's directory, as commands and the gateway open it. */
import { openSecretStore, type SecretStore } from '../engine/secrets/store.ts';
import { PASSPHRASE_CREDENTIAL } from '../engine/secrets/identity.ts';
import { CarapaceError } from '../model/error.ts';
import { didYouMean } from '../model/problem.ts';
import type { Secret } from '../model/secret.ts';
import { quoted } from '../model/visible.ts';
import { secretNameProblem } from '../policy/injected-text.ts';
import type { Directory } from './directory.ts';
import { askHidden, isTerminal } from './secret-prompt.ts';

/** For a command: the passphrase is asked for when it is needed. Touches nothing before it is used. */
export function openStoreOf(directory: Directory): SecretStore {
  return open(directory, askPassphrase);
}

/**
 * For a gateway: opens the identity now, while somebody may be there to type its passphrase; afterwards nobody is asked.
 * `warn` is told of what somebody should look at.
 *
 * @throws CarapaceError `configuration` where the identity cannot be used, or secrets are there without one
 */
export async function openStoreAtStart(directory: Directory, warn: (message: string) => void): Promise<SecretStore> {
  let starting = true;
  const store = open(directory, (path) => (starting ? askPassphrase(path) : Promise.reject(restart(path))));
  const unlocked = await store.unlock();
  if (unlocked?.unfinished === true) warn('secrets: rotate-key was interrupted; run: carapace secret rotate-key');
  starting = false;
  return store;
}

function open({ stateDirectory }: Directory, ask: (path: string) => Promise<Secret>): SecretStore {
  return openSecretStore({
    stateDirectory,
    credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'],
    askPassphrase: ask,
  });
}

async function askPassphrase(path: string): Promise<Secret> {
  if (!isTerminal()) {
    throw new CarapaceError('configuration', `passphrase: ${quoted(path, 4096)} takes one, and there is no terminal`, {
      hint: `run it on a terminal, or have systemd give it the credential '${PASSPHRASE_CREDENTIAL}'`,
    });
  }
  const [passphrase] = await askHidden([`passphrase of ${quoted(path, 4096)}`]);
  // fail safe: one question has one answer.
  if (passphrase === undefined) throw new Error('a question without its answer');
  return passphrase;
}

function restart(path: string): CarapaceError {
  return new CarapaceError('configuration', `passphrase: ${quoted(path, 4096)} takes one since the gateway started`, {
    hint: 'restart the gateway, which asks for it',
  });
}

/**
 * The name of a secret, from the command line. Where it is none it is not repeated: somebody may have given the value.
 *
 * @throws CarapaceError `usage`
 */
export function checkSecretName(name: string): void {
  if (secretNameProblem(name) === undefined) return;
  throw new CarapaceError('usage', 'secret: what is given is no name of the form [A-Za-z0-9][A-Za-z0-9._-]{0,63}', {
    hint: 'give only the name; the value is asked for, or read from standard input',
  });
}

/** The error for a name under which nothing is stored, with the nearest one. */
export function noSuchSecret(store: SecretStore, name: string): CarapaceError {
  const names = store.list().map((entry) => entry.name);
  return new CarapaceError('secret-missing', `secret ${quoted(name)}: does not exist${didYouMean(name, names)}`, {
    hint: 'run: carapace secret list',
  });
}
