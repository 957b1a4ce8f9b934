/** A state directory with a store in it, for a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSecretStore, type SecretStore, type StoreOptions } from '../../../src/engine/secrets/store.ts';
import { Secret } from '../../../src/model/secret.ts';

export interface StoreDirectory {
  readonly state: string;
  /** Path of something in the state directory. */
  readonly path: (name: string) => string;
  /** Opens the store anew; without a passphrase, asking for one fails the test. */
  readonly open: (options?: Partial<StoreOptions>) => SecretStore;
  readonly remove: () => void;
}

export function makeStoreDirectory(): StoreDirectory {
  const root = mkdtempSync(join(tmpdir(), 'carapace-secrets-'));
  const state = join(root, 'state');
  return {
    state,
    path: (name) => join(state, name),
    open: (options = {}) =>
      openSecretStore({
        stateDirectory: state,
        credentialsDirectory: undefined,
        askPassphrase: () => Promise.reject(new Error('nobody is to be asked')),
        ...options,
      }),
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Answers every question for a passphrase, and counts them. */
export function passphrase(text: string): { readonly ask: () => Promise<Secret>; readonly asked: () => number } {
  let asked = 0;
  return {
    ask: () => {
      asked += 1;
      return Promise.resolve(new Secret(text));
    },
    asked: () => asked,
  };
}
