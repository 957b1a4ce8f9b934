/** `carapace secret rotate-key`: a new identity for the store, or another way to keep it. */
import type { Rotation } from '../engine/secrets/identity-rotation.ts';
import { CarapaceError } from '../model/error.ts';
import type { Secret } from '../model/secret.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson } from './report.ts';
import { askTwice, isTerminal } from './secret-prompt.ts';
import { openStoreOf } from './secret-store.ts';

export interface SecretRotateKeyOptions {
  readonly dir?: string;
  readonly json?: boolean;
  /** True: behind a new passphrase. False: in a plain file. As before if absent. */
  readonly passphrase?: boolean;
}

/** Age recommends several random words; less than this is guessed. */
const MIN_PASSPHRASE_BYTES = 12;

/**
 * Runs the command. Killed at any step, every secret can still be read, and a second run finishes.
 *
 * @throws CarapaceError `usage`, `bad-data`, `interrupted`, `configuration`, `secret-unreadable`, `secret-busy`
 */
export async function run({ dir, json = false, passphrase }: SecretRotateKeyOptions): Promise<number> {
  const store = openStoreOf(resolveDirectory(dir));
  const keep = await keepOf(passphrase);
  if (passphrase === true && process.stderr.isTTY)
    process.stderr.write('this takes a few seconds: the passphrase is made slow to guess\n');
  const rotated = await store.rotate({ keep });
  const { source, secrets, resumed } = rotated;
  if (json) printJson({ identity: source, secrets, resumed });
  else {
    const what = resumed ? 'finished what an earlier run began' : 'made a new identity';
    print(`secrets: ${what}; ${secrets} encrypted to it`);
    print(`identity: ${source.path}${source.kind === 'passphrase' ? ', behind the passphrase' : ''}`);
    if (source.kind === 'passphrase')
      print('restart a gateway that runs, unless its passphrase is the same: it asks for the new one then');
  }
  return EXIT.ok;
}

async function keepOf(passphrase: boolean | undefined): Promise<Rotation['keep']> {
  if (passphrase === undefined) return 'same';
  return passphrase ? { passphrase: await newPassphrase() } : 'file';
}

async function newPassphrase(): Promise<Secret> {
  if (!isTerminal()) {
    throw new CarapaceError('usage', 'secret rotate-key: --passphrase asks for one, and there is no terminal', {
      hint: 'run it on a terminal',
    });
  }
  const passphrase = await askTwice('new passphrase');
  if (passphrase.byteLength >= MIN_PASSPHRASE_BYTES) return passphrase;
  throw new CarapaceError('bad-data', `passphrase: has fewer than ${MIN_PASSPHRASE_BYTES} bytes`, {
    hint: 'take five random words',
  });
}
