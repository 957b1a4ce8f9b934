/** Values that are read where they are kept: the store, files, systemd's credentials, the gateway's own environment. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { CarapaceError, errnoOf } from '../../model/error.ts';
import type { OAuth2Reference, Reference } from '../../model/injection.ts';
import type { Secret } from '../../model/secret.ts';
import { quoted } from '../../model/visible.ts';
import { OTHERS_MAY_ANYTHING, readTrustedFile } from '../safe-file.ts';
import type { Found } from './resolve-text.ts';
import { foundBytes, foundText, MAX_VALUE_BYTES, missing } from './resolve-text.ts';

/** What of the store is used here. */
export interface StoredSecrets {
  /** @throws CarapaceError, without a value in it: `secret-missing` where there is none of that name */
  readonly read: (name: string) => Promise<Secret>;
  /**
   * The new value is on the disk when it resolves, and the old one until then.
   *
   * @throws CarapaceError or the system's error, without a value in it; which of the two is stored then is not known
   */
  readonly write: (name: string, value: Secret) => Promise<unknown>;
  /** A text that is another one after every write; undefined where there is none of that name. Never throws. */
  readonly stamp: (name: string) => string | undefined;
}

/** Where values are kept. */
export interface Sources {
  readonly store: StoredSecrets;
  /** The gateway's own environment. */
  readonly env: NodeJS.ProcessEnv;
  /** `$CREDENTIALS_DIRECTORY`; undefined where systemd gave none. */
  readonly credentialsDirectory: string | undefined;
}

/** A reference whose value is read, and not made. */
export type KeptReference = Extract<Reference, { kind: 'secret' | 'file' | 'env' | 'credential' }>;

/**
 * systemd gives a service of another user its credentials by an access control list, whose mask stands where the mode has
 * the group's rights: a file of mode 0440 that only one user can read.
 */
const ALL_BUT_THE_MASK = 0o037;

/** Reads a value. Rejects with a CarapaceError where it cannot be read. */
export async function readKept(reference: KeptReference, sources: Sources): Promise<Found> {
  switch (reference.kind) {
    case 'secret':
      return fromStore(reference.name, sources.store);
    case 'file':
      return fromFile(reference.path);
    case 'env':
      return fromEnvironment(sources.env[reference.name]);
    case 'credential':
      return fromCredential(reference.name, sources.credentialsDirectory);
  }
}

/** A text that is another one once the value may have changed; empty where that cannot be seen. Never throws. */
export function stampOf(reference: Reference, sources: Sources): string {
  switch (reference.kind) {
    case 'secret':
      return sources.store.stamp(reference.name) ?? 'none';
    case 'file':
      return fileStamp(reference.path);
    case 'credential':
      return fileStamp(join(sources.credentialsDirectory ?? '/nonexistent', reference.name));
    case 'oauth2':
      return oauth2Stamp(reference, sources);
    case 'env':
    case 'command':
      return '';
  }
}

/** What was thrown, as the operator may read it: our own words, or only the system's name of the error. */
export function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof CarapaceError)) return `internal error (${errnoOf(thrown) ?? nameOf(thrown)})`;
  return thrown.hint === undefined ? thrown.message : `${thrown.message} (${thrown.hint})`;
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown;
}

async function fromStore(name: string, store: StoredSecrets): Promise<Found> {
  try {
    const value = await store.read(name);
    return foundText(value.reveal());
  } catch (error) {
    // The reference names it already.
    return missing(describeThrown(error).replace(`secret ${quoted(name)}: `, ''));
  }
}

/**
 * Who is in a group changes without notice, so a file that a group may read is refused, also where it is root's and the
 * group the gateway's own: `LoadCredential=` hands such a file to a gateway that is not root.
 */
function fromFile(path: string): Found {
  try {
    return foundBytes(readTrustedFile(path, { forbiddenMode: OTHERS_MAY_ANYTHING, maxBytes: MAX_VALUE_BYTES }));
  } catch (error) {
    // The reference names the path already.
    return missing(describeThrown(error).replace(`${quoted(path, 4096)}: `, ''));
  }
}

function fromEnvironment(value: string | undefined): Found {
  if (value === undefined) return missing("is not in the gateway's environment");
  // Node puts U+FFFD where the environment's bytes are no UTF-8.
  return value.includes('\uFFFD') ? missing('is no valid UTF-8') : foundText(value);
}

function fromCredential(name: string, directory: string | undefined): Found {
  if (directory === undefined) {
    return missing('there is no $CREDENTIALS_DIRECTORY; give the unit LoadCredential= or LoadCredentialEncrypted=');
  }
  // The schema of policies says more of a name; this is what keeps it inside the directory.
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    return missing(`${quoted(name)} is no name of a credential`);
  }
  const path = join(directory, name);
  return foundBytes(readTrustedFile(path, { forbiddenMode: ALL_BUT_THE_MASK, maxBytes: MAX_VALUE_BYTES }));
}

function oauth2Stamp({ refresh, clientSecret }: OAuth2Reference, sources: Sources): string {
  const client = clientSecret === null ? '' : stampOf(clientSecret, sources);
  return `${sources.store.stamp(refresh) ?? 'none'} ${client}`;
}

/** A change of content, owner or mode changes `ctime`, and a new file has another number. */
function fileStamp(path: string): string {
  try {
    const { dev, ino, size, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, ctimeNs].join(' ');
  } catch (error) {
    return errnoOf(error) ?? 'none';
  }
}
