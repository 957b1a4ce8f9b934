/**
 * What new secrets are encrypted to. Where the identity is not at hand (it takes a passphrase, or only the gateway has
 * the credential), the recipient in `secrets.pub` is enough.
 *
 * Invariant: `secrets.pub` is written only while the store is locked, and always names an identity that is kept:
 * `rotate-key` removes it before it changes anything, and writes it again while both identities are there.
 */
import { CarapaceError, errnoOf } from '../../model/error.ts';
import { quoted } from '../../model/visible.ts';
import { readTrustedFile, writeFileAtomically } from '../safe-file.ts';
import type { StateOwner } from '../state-directory.ts';
import { findIdentity, formatIdentities, IDENTITY_CREDENTIAL, identityPaths, type IdentityPlace } from './identity.ts';
import type { KeyringOpener } from './identity-keyring.ts';
import { newIdentity, recipientOf } from './store-age.ts';
import { listSecrets } from './store-list.ts';
import { secretsDirectory } from './store-lock.ts';

/**
 * The recipient of a new file. Called while the store is locked. Makes the identity where there is none, in a file, and
 * no secret that waits for another one.
 *
 * @throws CarapaceError `configuration` where secrets are there and their identity is not, or it cannot be used
 */
export async function recipientForWriting(
  place: IdentityPlace,
  keyring: KeyringOpener,
  state: StateOwner,
): Promise<string> {
  const { kind } = findIdentity(place);
  const known = kind === 'file' || kind === 'credential' ? null : readRecipient(place, state);
  if (known !== null) return known;
  const ring = await keyring.open();
  if (ring !== null) return ring.recipient;
  if (listSecrets(secretsDirectory(place.stateDirectory), state.trust).length > 0) throw missingIdentity(place);
  return makeIdentity(place, state);
}

/** Says in `secrets.pub` what to encrypt to, if it does not say so already. Called while the store is locked. */
export function noteRecipient(place: IdentityPlace, state: StateOwner, recipient: string): void {
  const { recipient: path } = identityPaths(place.stateDirectory);
  if (readRecipient(place, state) === recipient) return;
  writeFileAtomically(path, `${recipient}\n`, { mode: 0o644, owner: state.owner, replace: true });
}

/** The error where secrets are there and their identity is not. */
export function missingIdentity({ stateDirectory, credentialsDirectory }: IdentityPlace): CarapaceError {
  const { plain, locked } = identityPaths(stateDirectory);
  const credential = credentialsDirectory === undefined ? '' : `, nor the credential '${IDENTITY_CREDENTIAL}'`;
  const files = `neither ${quoted(plain, 4096)} nor ${quoted(locked, 4096)} is there${credential}`;
  return new CarapaceError('configuration', `secret store: the identity of the stored secrets is missing: ${files}`, {
    hint: 'put it back from a copy; without it, remove what is in the store and set each secret again',
  });
}

async function makeIdentity({ stateDirectory }: IdentityPlace, { owner }: StateOwner): Promise<string> {
  const identity = await newIdentity();
  const recipient = await recipientOf(identity);
  // fail safe: an identity without a recipient could decrypt nothing.
  if (recipient === undefined) throw new Error('a new identity has no recipient');
  const text = formatIdentities({ all: [identity], recipient }, new Date());
  const { plain } = identityPaths(stateDirectory);
  writeFileAtomically(plain, text.reveal(), { mode: 0o600, owner, replace: false });
  return recipient;
}

/** Null where nobody said. */
function readRecipient({ stateDirectory }: IdentityPlace, { trust }: StateOwner): string | null {
  const { recipient: path } = identityPaths(stateDirectory);
  try {
    const text = readTrustedFile(path, { ...trust, maxBytes: 4096 })
      .toString('latin1')
      .trim();
    if (/^age1[02-9ac-hj-np-z]{58}$/.test(text)) return text;
  } catch (error) {
    if (error instanceof CarapaceError && errnoOf(error.cause) === 'ENOENT') return null;
    throw error;
  }
  throw new CarapaceError(
    'configuration',
    `secret store: ${quoted(path, 4096)} holds no recipient of the form 'age1...'`,
    {
      hint: 'remove it; the next start of the gateway, or rotate-key, writes it again',
    },
  );
}
