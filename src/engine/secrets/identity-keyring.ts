/**
 * Opens the identity of the store, wherever it is kept.
 *
 * Invariant: an identity that others could have read or written is not used.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CarapaceError, errnoOf } from '../../model/error.ts';
import { Secret } from '../../model/secret.ts';
import { quoted } from '../../model/visible.ts';
import { OTHERS_MAY_ANYTHING, readTrustedFile } from '../safe-file.ts';
import { stateOwner } from '../state-directory.ts';
import {
  findIdentity,
  type Identities,
  type IdentityPlace,
  type IdentitySource,
  parseIdentities,
  PASSPHRASE_CREDENTIAL,
} from './identity.ts';
import { decryptWithPassphrase } from './store-age.ts';

/** Asks for the passphrase of `path`; rejects where nobody can be asked. */
export type AskPassphrase = (path: string) => Promise<Secret>;

/** An open identity. */
export interface Keyring extends Identities {
  readonly source: IdentitySource;
}

export interface KeyringOpener {
  /**
   * The identity as it lies there now; null where there is none. A passphrase is asked for once, and what it opened is
   * kept in memory until the file changes.
   *
   * @throws CarapaceError `configuration` where it cannot be used
   */
  readonly open: () => Promise<Keyring | null>;
  /** The passphrase that opened it: of the credential, or asked for. */
  readonly passphrase: () => Promise<Secret>;
}

const MAX_BYTES = 65_536;
/**
 * systemd owns credentials as root with an ACL for the service's user, which the mode shows as read access of the
 * group; nobody else is in it.
 */
const CREDENTIAL_FORBIDDEN_MODE = 0o027;

export function createKeyringOpener(place: IdentityPlace, ask: AskPassphrase): KeyringOpener {
  let passphrase: Promise<Secret> | undefined;
  let opened: { readonly digest: string; readonly identities: Promise<Identities> } | undefined;
  const passphraseOf = (): Promise<Secret> => (passphrase ??= askPassphrase(place, ask));

  const unlock = (path: string): Promise<Identities> => {
    const bytes = readState(place, path);
    const digest = createHash('sha256').update(bytes).digest('hex');
    // What failed is kept too: a second of work for every call would be a way to stop the gateway.
    if (opened?.digest !== digest)
      opened = { digest, identities: passphraseOf().then((text) => open(path, bytes, text)) };
    return opened.identities;
  };
  return {
    passphrase: passphraseOf,
    open: async () => {
      const source = findIdentity(place);
      if (source.kind === 'none') return null;
      if (source.kind === 'passphrase') return { source, ...(await unlock(source.path)) };
      const read = source.kind === 'credential' ? readCredential : (path: string) => readState(place, path);
      return { source, ...(await parse(source.path, new Secret(read(source.path).toString('utf8')))) };
    },
  };
}

/** From the credential where systemd gave one. */
function askPassphrase({ stateDirectory, credentialsDirectory }: IdentityPlace, ask: AskPassphrase): Promise<Secret> {
  const { path } = findIdentity({ stateDirectory, credentialsDirectory });
  if (credentialsDirectory === undefined) return ask(path);
  try {
    const text = readCredential(join(credentialsDirectory, PASSPHRASE_CREDENTIAL)).toString('utf8');
    return Promise.resolve(new Secret(text.replace(/\r?\n$/, '')));
  } catch (error) {
    if (error instanceof CarapaceError && errnoOf(error.cause) === 'ENOENT') return ask(path);
    throw error;
  }
}

async function open(path: string, bytes: Buffer, passphrase: Secret): Promise<Identities> {
  const decrypted = await decryptWithPassphrase(passphrase, bytes);
  if (decrypted.kind === 'text') return parse(path, decrypted.text);
  if (decrypted.kind === 'damaged') throw unusable(path, 'is damaged', 'put it back from a copy');
  throw unusable(
    path,
    'is encrypted with another passphrase',
    'try again; a running gateway asks when it is restarted',
  );
}

async function parse(path: string, text: Secret): Promise<Identities> {
  const identities = await parseIdentities(text);
  if (identities !== undefined) return identities;
  throw unusable(
    path,
    "holds no identity of the form 'AGE-SECRET-KEY-1...'",
    'put back what age-keygen or carapace wrote',
  );
}

function readState({ stateDirectory }: IdentityPlace, path: string): Buffer {
  const { trust } = stateOwner(stateDirectory);
  return readTrustedFile(path, { ...trust, forbiddenMode: OTHERS_MAY_ANYTHING, maxBytes: MAX_BYTES });
}

function readCredential(path: string): Buffer {
  return readTrustedFile(path, { forbiddenMode: CREDENTIAL_FORBIDDEN_MODE, maxBytes: MAX_BYTES });
}

function unusable(path: string, why: string, hint: string): CarapaceError {
  return new CarapaceError('configuration', `secret store: ${quoted(path, 4096)} ${why}`, { hint });
}
