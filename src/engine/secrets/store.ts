/**
 * The secret store: one encrypted file a secret in `state/secrets/`.
 *
 * Invariants: after a kill or a power cut each secret is the old one or the new one, never neither. What was written
 * takes effect with the next `read`. No identity is made where secrets wait for another one.
 */
import { statSync, unlinkSync } from 'node:fs';
import { CarapaceError, errnoOf } from '../../model/error.ts';
import type { Secret } from '../../model/secret.ts';
import { quoted } from '../../model/visible.ts';
import { secretNameProblem } from '../../policy/injected-text.ts';
import { syncDirectory, writeFileAtomically } from '../safe-file.ts';
import { stateOwner } from '../state-directory.ts';
import type { IdentityPlace, IdentitySource } from './identity.ts';
import { type AskPassphrase, createKeyringOpener } from './identity-keyring.ts';
import { missingIdentity, noteRecipient, recipientForWriting } from './identity-recipient.ts';
import { type Rotated, type Rotation, rotateIdentity } from './identity-rotation.ts';
import { missingSecret, sealSecret, secretPath, valueProblem } from './store-file.ts';
import { removeLeftovers } from './store-leftovers.ts';
import { listSecrets, type SecretEntry } from './store-list.ts';
import { secretsDirectory, whileLocked } from './store-lock.ts';
import { readStored, type StoreParts } from './store-read.ts';

export interface StoreOptions extends IdentityPlace {
  /** Asked where the identity takes a passphrase and no credential holds it. */
  readonly askPassphrase: AskPassphrase;
}

export interface SecretStore {
  /**
   * The value as it is stored now. A file that did not change is not decrypted again.
   *
   * @throws CarapaceError `secret-missing`; `secret-unreadable` for a wrong identity, a file that is damaged, renamed or
   * open to others. The message names the secret and the file.
   */
  readonly read: (name: string) => Promise<Secret>;
  /**
   * Stores a value, lasting once this resolves. Makes the store and its identity where there is none.
   *
   * @throws CarapaceError `bad-data` for a name or a value that cannot be stored, `configuration`, `secret-busy`; the
   * system's error, and the old value is in place then
   */
  readonly write: (name: string, value: Secret) => Promise<'set' | 'replaced'>;
  /** Removes a secret, lasting; false where there is none. @throws as `write` does */
  readonly remove: (name: string) => Promise<boolean>;
  /** A text that is another one after each change of the secret's file; undefined where there is none. Never throws. */
  readonly stamp: (name: string) => string | undefined;
  /** What is stored, by name; nothing is decrypted. @throws the system's error */
  readonly list: () => readonly SecretEntry[];
  /**
   * Opens the identity, asking for its passphrase if it takes one, and notes its recipient for `secret set`. To be
   * called when a gateway starts, as there is nobody to ask later. Null where there is no identity yet.
   *
   * @throws CarapaceError `configuration` where it cannot be used, or secrets are there without one
   */
  readonly unlock: () => Promise<UnlockedIdentity | null>;
  /**
   * Gives the store a new identity and encrypts every secret to it, or finishes what a killed process began of that.
   *
   * @throws CarapaceError `configuration`, `secret-unreadable` where a secret cannot be read, `secret-busy`; all that
   * could be read before can be read then
   */
  readonly rotate: (rotation: Rotation) => Promise<Rotated>;
}

/** Where the identity was found. */
export interface UnlockedIdentity {
  readonly source: IdentitySource;
  /** A rotation was not finished: the identity before is kept, until `rotate-key` is run again. */
  readonly unfinished: boolean;
}

/** Opens the store; touches nothing before it is used. */
export function openSecretStore({ askPassphrase, ...place }: StoreOptions): SecretStore {
  const parts: StoreParts = {
    place,
    directory: secretsDirectory(place.stateDirectory),
    keyring: createKeyringOpener(place, askPassphrase),
  };
  const kept = new Map<string, KeptSecret>();
  return {
    read: (name) => readSecret(parts, kept, name),
    write: (name, value) => writeSecret(parts, name, value),
    remove: (name) => removeSecret(parts, name),
    stamp: (name) => (secretNameProblem(name) === undefined ? stampOf(secretPath(parts.directory, name)) : undefined),
    list: () => listSecrets(parts.directory, stateOwner(place.stateDirectory).trust),
    unlock: () => unlockStore(parts),
    rotate: (rotation) => rotateIdentity(parts, rotation),
  };
}

/** A value that was decrypted, and the stamp of its file then. */
interface KeptSecret {
  readonly stamp: string;
  readonly value: Secret;
}

async function readSecret(parts: StoreParts, kept: Map<string, KeptSecret>, name: string): Promise<Secret> {
  if (secretNameProblem(name) !== undefined) throw missingSecret(name);
  const path = secretPath(parts.directory, name);
  const stamp = stampOf(path);
  const known = kept.get(name);
  if (known !== undefined && known.stamp === stamp) return known.value;
  kept.delete(name);
  const { value } = await readStored(parts, name);
  // Under the stamp from before: where it was written meanwhile, the next call sees another one and reads again.
  if (stamp !== undefined) kept.set(name, { stamp, value });
  return value;
}

/** Changes whenever the file, its owner or its mode does; undefined where it cannot be seen. */
function stampOf(path: string): string | undefined {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return undefined;
  }
}

async function writeSecret(parts: StoreParts, name: string, value: Secret): Promise<'set' | 'replaced'> {
  const problem = secretNameProblem(name) ?? valueProblem(value);
  if (problem !== undefined) throw new CarapaceError('bad-data', `secret ${quoted(name)}: ${problem}`);
  const { place, directory, keyring } = parts;
  return whileLocked(place.stateDirectory, async (state) => {
    removeLeftovers(place.stateDirectory);
    const names = listSecrets(directory, state.trust).map((entry) => entry.name);
    const twin = names.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
    if (twin !== undefined) throw sameFile(name, twin);
    const recipient = await recipientForWriting(place, keyring, state);
    const sealed = await sealSecret(recipient, { name, setAt: new Date(), value });
    writeFileAtomically(secretPath(directory, name), sealed, { mode: 0o600, owner: state.owner, replace: true });
    return names.includes(name) ? 'replaced' : 'set';
  });
}

/** Where case does not count in names of files, as on macOS, one would be written over the other. */
function sameFile(name: string, twin: string): CarapaceError {
  return new CarapaceError('bad-data', `secret ${quoted(name)}: differs only in case from ${quoted(twin)}`, {
    hint: 'choose another name',
  });
}

async function removeSecret({ place, directory }: StoreParts, name: string): Promise<boolean> {
  const path = secretPath(directory, name);
  if (secretNameProblem(name) !== undefined || statSync(path, { throwIfNoEntry: false }) === undefined) return false;
  return whileLocked(place.stateDirectory, async () => {
    try {
      unlinkSync(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
    syncDirectory(directory);
    return true;
  });
}

async function unlockStore({ place, directory, keyring }: StoreParts): Promise<UnlockedIdentity | null> {
  const ring = await keyring.open();
  if (ring === null) {
    if (listSecrets(directory, stateOwner(place.stateDirectory).trust).length > 0) throw missingIdentity(place);
    return null;
  }
  if (ring.source.kind !== 'file') {
    await whileLocked(place.stateDirectory, async (state) => {
      // Again, as a rotation may have come between; the passphrase is known by now.
      const current = await keyring.open();
      if (current !== null && current.source.kind !== 'file') noteRecipient(place, state, current.recipient);
    });
  }
  return { source: ring.source, unfinished: ring.all.length > 1 };
}
