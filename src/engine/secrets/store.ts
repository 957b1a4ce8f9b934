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
import { checkTrustedDirectory, OTHERS_MAY_ANYTHING, syncDirectory, writeFileAtomically } from '../safe-file.ts';
import { stateOwner } from '../state-directory.ts';
import type { IdentityPlace, IdentitySource } from './identity.ts';
import { type AskPassphrase, createKeyringOpener, type Keyring, type KeyringOpener } from './identity-keyring.ts';
import { missingIdentity, noteRecipient, recipientForWriting } from './identity-recipient.ts';
import {
  missingSecret,
  readSecretFile,
  sealSecret,
  secretPath,
  type StoredSecret,
  unreadableSecret,
  unsealSecret,
  valueProblem,
} from './store-file.ts';
import { removeLeftovers } from './store-leftovers.ts';
import { listSecrets, type SecretEntry } from './store-list.ts';
import { secretsDirectory, whileLocked } from './store-lock.ts';

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
  /** What is stored, by name; nothing is decrypted. @throws the system's error */
  readonly list: () => readonly SecretEntry[];
  /**
   * Opens the identity, asking for its passphrase if it takes one, and notes its recipient for `secret set`. To be
   * called when a gateway starts, as there is nobody to ask later. Null where there is no identity yet.
   *
   * @throws CarapaceError `configuration` where it cannot be used, or secrets are there without one
   */
  readonly unlock: () => Promise<IdentitySource | null>;
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
    list: () => listSecrets(parts.directory, stateOwner(place.stateDirectory).trust),
    unlock: () => unlockStore(parts),
  };
}

/** What the parts of the store work with. */
export interface StoreParts {
  readonly place: IdentityPlace;
  readonly directory: string;
  readonly keyring: KeyringOpener;
}

/** A value that was decrypted, and the state of its file then. */
interface KeptSecret {
  readonly state: string;
  readonly value: Secret;
}

async function readSecret(parts: StoreParts, kept: Map<string, KeptSecret>, name: string): Promise<Secret> {
  if (secretNameProblem(name) !== undefined) throw missingSecret(name);
  const path = secretPath(parts.directory, name);
  const state = stateOf(path);
  const known = kept.get(name);
  if (known !== undefined && known.state === state) return known.value;
  kept.delete(name);
  const { value } = await readStored(parts, name);
  // Written meanwhile: this is the old value or the new one, and the next call looks again.
  if (state !== undefined && stateOf(path) === state) kept.set(name, { state, value });
  return value;
}

/** Changes whenever the file, its owner or its mode does; undefined where it cannot be seen. */
function stateOf(path: string): string | undefined {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return undefined;
  }
}

/** Reads and decrypts one secret, whatever was read before. @throws as `SecretStore.read` does */
export async function readStored(parts: StoreParts, name: string): Promise<StoredSecret> {
  const path = quoted(secretPath(parts.directory, name), 4096);
  for (let last = false; ; last = true) {
    checkDirectory(parts, name);
    const file = readSecretFile(parts.directory, name, stateOwner(parts.place.stateDirectory).trust);
    const { all, source } = await openKeyring(parts, name);
    const unsealed = await unsealSecret(all, name, file);
    if (unsealed.kind === 'secret') return unsealed.secret;
    const again = 'set it again: carapace secret set NAME';
    if (unsealed.kind === 'bad') throw unreadableSecret(name, `${path} ${unsealed.fault}`, again);
    // A rotation may have come between the file and the identity; it does so once.
    if (!last) continue;
    const why = `${path} is encrypted to another identity than that of ${quoted(source.path, 4096)}`;
    throw unreadableSecret(name, why, `put the identity back that it was set under, or ${again}`);
  }
}

async function openKeyring({ place, keyring }: StoreParts, name: string): Promise<Keyring> {
  try {
    const ring = await keyring.open();
    if (ring !== null) return ring;
  } catch (error) {
    if (!(error instanceof CarapaceError)) throw error;
    throw unreadableSecret(name, error.message, error.hint ?? 'run: carapace secret list');
  }
  const { message, hint = '' } = missingIdentity(place);
  throw unreadableSecret(name, message, hint);
}

function checkDirectory({ place, directory }: StoreParts, name: string): void {
  try {
    checkTrustedDirectory(directory, {
      ...stateOwner(place.stateDirectory).trust,
      forbiddenMode: OTHERS_MAY_ANYTHING,
    });
  } catch (error) {
    if (!(error instanceof CarapaceError)) throw error;
    if (errnoOf(error.cause) === 'ENOENT') throw missingSecret(name);
    throw unreadableSecret(name, error.message, error.hint ?? 'run: carapace secret list');
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

async function unlockStore({ place, directory, keyring }: StoreParts): Promise<IdentitySource | null> {
  const ring = await keyring.open();
  if (ring === null) {
    if (listSecrets(directory, stateOwner(place.stateDirectory).trust).length > 0) throw missingIdentity(place);
    return null;
  }
  if (ring.source.kind === 'file') return ring.source;
  return whileLocked(place.stateDirectory, async (state) => {
    // Again, as a rotation may have come between; the passphrase is known by now.
    const current = await keyring.open();
    if (current !== null && current.source.kind !== 'file') noteRecipient(place, state, current.recipient);
    return current?.source ?? null;
  });
}
