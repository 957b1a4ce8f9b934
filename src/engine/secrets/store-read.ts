/** Reads and decrypts one secret of the store. */
import { CarapaceError, errnoOf } from '../../model/error.ts';
import type { Secret } from '../../model/secret.ts';
import { quoted, visible } from '../../model/visible.ts';
import { checkTrustedDirectory, OTHERS_MAY_ANYTHING } from '../safe-file.ts';
import { stateOwner } from '../state-directory.ts';
import type { IdentityPlace } from './identity.ts';
import type { Keyring, KeyringOpener } from './identity-keyring.ts';
import { missingIdentity } from './identity-recipient.ts';
import {
  missingSecret,
  readSecretFile,
  secretPath,
  type StoredSecret,
  unreadableSecret,
  unsealSecret,
} from './store-file.ts';

/** What the parts of the store work with. */
export interface StoreParts {
  readonly place: IdentityPlace;
  /** Where the secrets lie. */
  readonly directory: string;
  readonly keyring: KeyringOpener;
}

/**
 * Reads one secret with the identity as it lies there now.
 *
 * @throws CarapaceError `secret-missing`, `secret-unreadable`; the message names the secret and the file
 */
export async function readStored(parts: StoreParts, name: string): Promise<StoredSecret> {
  const read = async (): Promise<StoredSecret | Keyring> => {
    const file = readFile(parts, name);
    const ring = await openKeyring(parts, name);
    return (await unseal(parts, ring.all, name, file)) ?? ring;
  };
  const first = await read();
  if ('value' in first) return first;
  // A rotation may have come between the file and the identity; once.
  const second = await read();
  if ('value' in second) return second;
  throw otherIdentity(parts, name, second.source.path);
}

/** The same with certain identities. `path`: where they are kept, for the message. */
export async function readStoredWith(
  parts: StoreParts,
  identities: readonly Secret[],
  path: string,
  name: string,
): Promise<StoredSecret> {
  const stored = await unseal(parts, identities, name, readFile(parts, name));
  if (stored === undefined) throw otherIdentity(parts, name, path);
  return stored;
}

function readFile({ place, directory }: StoreParts, name: string): Buffer {
  const { trust } = stateOwner(place.stateDirectory);
  try {
    checkTrustedDirectory(directory, { ...trust, forbiddenMode: OTHERS_MAY_ANYTHING });
  } catch (error) {
    if (!(error instanceof CarapaceError)) throw error;
    if (errnoOf(error.cause) === 'ENOENT') throw missingSecret(name);
    throw unreadableSecret(name, error);
  }
  return readSecretFile(directory, name, trust);
}

async function openKeyring({ place, keyring }: StoreParts, name: string): Promise<Keyring> {
  try {
    const ring = await keyring.open();
    if (ring !== null) return ring;
  } catch (error) {
    throw error instanceof CarapaceError ? unreadableSecret(name, error) : error;
  }
  throw unreadableSecret(name, missingIdentity(place));
}

function setAgain(name: string): string {
  return `set it again: carapace secret set ${visible(name)}`;
}

/** Undefined where it is encrypted to another identity. */
async function unseal(
  { directory }: StoreParts,
  identities: readonly Secret[],
  name: string,
  file: Buffer,
): Promise<StoredSecret | undefined> {
  const unsealed = await unsealSecret(identities, name, file);
  if (unsealed.kind === 'secret') return unsealed.secret;
  if (unsealed.kind === 'other-identity') return undefined;
  const message = `${quoted(secretPath(directory, name), 4096)} ${unsealed.fault}`;
  throw unreadableSecret(name, { message, hint: setAgain(name) });
}

function otherIdentity({ directory }: StoreParts, name: string, path: string): CarapaceError {
  const file = quoted(secretPath(directory, name), 4096);
  return unreadableSecret(name, {
    message: `${file} is encrypted to another identity than that of ${quoted(path, 4096)}`,
    hint: `put the identity back that it was set under, or ${setAgain(name)}`,
  });
}
