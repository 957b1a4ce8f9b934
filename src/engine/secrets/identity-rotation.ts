/**
 * A new identity for the store: every secret is encrypted to it, then the old one is dropped.
 *
 * Invariant: killed at any step, every secret can be read with the identity that `findIdentity` finds. For that the file
 * that it finds holds the new and the old identity before the first secret is written, and until the last one has been
 * read back with the new one alone. A second run finds both, and goes on with the same new identity.
 */
import { utimesSync } from 'node:fs';
import { CarapaceError } from '../../model/error.ts';
import type { Secret } from '../../model/secret.ts';
import { quoted } from '../../model/visible.ts';
import { removeIfThere, syncDirectory, writeFileAtomically } from '../safe-file.ts';
import type { StateOwner } from '../state-directory.ts';
import {
  formatIdentities,
  IDENTITY_CREDENTIAL,
  type Identities,
  identityPaths,
  type IdentityPaths,
  type IdentitySource,
} from './identity.ts';
import type { Keyring } from './identity-keyring.ts';
import { missingIdentity, noteRecipient } from './identity-recipient.ts';
import { encryptWithPassphrase, newIdentity, recipientOf } from './store-age.ts';
import { sealSecret, secretPath, unreadableSecret, unsealSecret } from './store-file.ts';
import { removeLeftovers } from './store-leftovers.ts';
import { listSecrets } from './store-list.ts';
import { whileLocked } from './store-lock.ts';
import { readStoredWith, type StoreParts } from './store-read.ts';

/** How the new identity is to be kept. */
export interface Rotation {
  /** `same`: as the old one, under the same passphrase if it had one. */
  readonly keep: 'same' | 'file' | { readonly passphrase: Secret };
  /** Of scrypt, as a power of two; age's own if absent. For tests, which have no second to spare. */
  readonly workFactor?: number;
}

export interface Rotated {
  /** Where the new identity is. */
  readonly source: IdentitySource;
  /** How many secrets were encrypted to it. */
  readonly secrets: number;
  /** True: a rotation that somebody else began was finished; no identity was made. */
  readonly resumed: boolean;
}

/** See `SecretStore.rotate`. */
export async function rotateIdentity(parts: StoreParts, rotation: Rotation): Promise<Rotated> {
  // Before the lock is taken, so that nobody waits for a person to type.
  await parts.keyring.open();
  return whileLocked(parts.place.stateDirectory, async (state) => {
    removeLeftovers(parts.place.stateDirectory);
    const names = storedNames(parts, state);
    const old = await openOld(parts, names);
    for (const name of names) await readStoredWith(parts, old?.all ?? [], old?.source.path ?? '', name);
    const resumed = old !== null && old.all.length > 1;
    const next = resumed ? old : await withNew(old);
    const files = identityFiles(parts, state, old, rotation);
    await files.keepBoth(next);
    for (const name of names) await encryptAnew(parts, state, next, name, files.source.path);
    const { all, recipient } = next;
    for (const name of names) await readStoredWith(parts, [all[0]], files.source.path, name);
    await files.keepFirst({ all: [all[0]], recipient });
    return { source: files.source, secrets: names.length, resumed };
  });
}

/** @throws CarapaceError `secret-unreadable` where a file is not to be trusted: it could not be read afterwards either */
function storedNames({ directory }: StoreParts, { trust }: StateOwner): string[] {
  return listSecrets(directory, trust).map(({ name, problem }) => {
    if (problem === null) return name;
    const message = `${quoted(secretPath(directory, name), 4096)} ${problem}`;
    throw unreadableSecret(name, { message, hint: 'mend or remove it first; nothing was changed' });
  });
}

/** Null where there is no identity yet, and nothing waits for one. */
async function openOld({ place, keyring }: StoreParts, names: readonly string[]): Promise<Keyring | null> {
  const ring = await keyring.open();
  if (ring === null && names.length > 0) throw missingIdentity(place);
  if (ring?.source.kind !== 'credential') return ring;
  const { plain } = identityPaths(place.stateDirectory);
  throw new CarapaceError('configuration', `secret store: its identity is the credential '${IDENTITY_CREDENTIAL}'`, {
    hint: `put it into ${quoted(plain, 4096)}, run rotate-key without credentials, and make the credential of what is there then`,
  });
}

async function withNew(old: Identities | null): Promise<Identities> {
  const identity = await newIdentity();
  const recipient = await recipientOf(identity);
  // fail safe: to encrypt to nobody would lose everything.
  if (recipient === undefined) throw new Error('a new identity has no recipient');
  return { all: [identity, ...(old?.all ?? [])], recipient };
}

/** The files of the identity, and the two steps that they change in. */
interface IdentityFiles {
  /** Where the new one is in the end. */
  readonly source: IdentitySource;
  readonly keepBoth: (identities: Identities) => Promise<void>;
  readonly keepFirst: (identities: Identities) => Promise<void>;
}

/**
 * From file to file both are kept in the file. Wherever a passphrase comes or goes both are kept behind the passphrase,
 * as `findIdentity` takes that file if it is there.
 */
function identityFiles(
  parts: StoreParts,
  state: StateOwner,
  old: Keyring | null,
  { keep, workFactor }: Rotation,
): IdentityFiles {
  const { place, keyring } = parts;
  const paths: IdentityPaths = identityPaths(place.stateDirectory);
  const wasLocked = old?.source.kind === 'passphrase';
  const locks = keep === 'same' ? wasLocked : keep !== 'file';
  const write = (path: string, content: string | Buffer): void =>
    writeFileAtomically(path, content, { mode: 0o600, owner: state.owner, replace: true });
  const remove = (path: string): void => {
    removeIfThere(path);
    syncDirectory(place.stateDirectory);
  };
  const writeLocked = async (text: Secret): Promise<void> => {
    const passphrase = typeof keep === 'object' ? keep.passphrase : await keyring.passphrase();
    write(paths.locked, await encryptWithPassphrase(passphrase, text, workFactor));
  };
  return {
    source: locks ? { kind: 'passphrase', path: paths.locked } : { kind: 'file', path: paths.plain },
    keepBoth: async (identities) => {
      const text = formatIdentities(identities, new Date());
      // Before there is a file behind a passphrase, which would make it count: it may be of another day.
      if (!wasLocked) remove(paths.recipient);
      if (!wasLocked && !locks) return write(paths.plain, text.reveal());
      await writeLocked(text);
      noteRecipient(place, state, identities.recipient);
    },
    keepFirst: async (identities) => {
      const text = formatIdentities(identities, new Date());
      if (locks) {
        // What is behind the passphrase counts already; the plain file goes while a second run would still see to it.
        remove(paths.plain);
        return writeLocked(text);
      }
      write(paths.plain, text.reveal());
      remove(paths.locked);
      remove(paths.recipient);
    },
  };
}

/** Encrypts one secret to the first identity; it stays as old as it was. */
async function encryptAnew(
  parts: StoreParts,
  { owner }: StateOwner,
  { all, recipient }: Identities,
  name: string,
  identityPath: string,
): Promise<void> {
  const path = secretPath(parts.directory, name);
  const stored = await readStoredWith(parts, all, identityPath, name);
  const sealed = await sealSecret(recipient, stored);
  const back = await unsealSecret([all[0]], name, sealed);
  // fail safe: what cannot be read back does not replace what can.
  if (back.kind !== 'secret' || !back.secret.value.equals(stored.value))
    throw new Error('a secret could not be read back');
  writeFileAtomically(path, sealed, { mode: 0o600, owner, replace: true });
  utimesSync(path, stored.setAt, stored.setAt);
}
