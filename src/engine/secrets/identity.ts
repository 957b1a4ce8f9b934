/**
 * The identity of the store: what every stored secret is encrypted to, and where it is kept.
 *
 * An identity file is as age-keygen writes it: comments, and a line `AGE-SECRET-KEY-1...`. It holds more than one only
 * while a rotation is unfinished: the first is the one that is encrypted to, all are tried for decrypting.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../../model/secret.ts';
import { recipientOf } from './store-age.ts';

/** Where to look for it. */
export interface IdentityPlace {
  readonly stateDirectory: string;
  /** What systemd calls `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=); undefined: there is none. */
  readonly credentialsDirectory: string | undefined;
}

/** Where it is. */
export type IdentitySource =
  /** A file that systemd gave to this process. */
  | { readonly kind: 'credential'; readonly path: string }
  /** A file that a passphrase opens. */
  | { readonly kind: 'passphrase'; readonly path: string }
  /** A file of mode 0600. */
  | { readonly kind: 'file'; readonly path: string }
  /** Nowhere; `path`: where it would be. */
  | { readonly kind: 'none'; readonly path: string };

/** Names of the credentials that hold the identity, and the passphrase that opens it. */
export const IDENTITY_CREDENTIAL = 'carapace-secrets-key';
export const PASSPHRASE_CREDENTIAL = 'carapace-secrets-passphrase';

/**
 * Chooses the identity: the credential where there is one, else the file that a passphrase opens, else the plain file.
 * Only looks what is there; `rotate-key` relies on this order when it goes from one to the other.
 *
 * @throws the system's error where it cannot be seen what is there
 */
export function findIdentity({ stateDirectory, credentialsDirectory }: IdentityPlace): IdentitySource {
  const paths = identityPaths(stateDirectory);
  if (credentialsDirectory !== undefined) {
    const path = join(credentialsDirectory, IDENTITY_CREDENTIAL);
    if (exists(path)) return { kind: 'credential', path };
  }
  if (exists(paths.locked)) return { kind: 'passphrase', path: paths.locked };
  if (exists(paths.plain)) return { kind: 'file', path: paths.plain };
  return { kind: 'none', path: paths.plain };
}

/** The files of the state directory that have to do with it. */
export interface IdentityPaths {
  readonly plain: string;
  /** Encrypted with a passphrase. */
  readonly locked: string;
  /** The recipient, for `secret set` where the identity is not at hand: with a passphrase, or a credential. */
  readonly recipient: string;
}

export function identityPaths(stateDirectory: string): IdentityPaths {
  const plain = join(stateDirectory, 'secrets.key');
  return { plain, locked: `${plain}.age`, recipient: join(stateDirectory, 'secrets.pub') };
}

/** Identities, and the recipient of the first. */
export interface Identities {
  readonly all: readonly [Secret, ...Secret[]];
  /** `age1...`: what new files are encrypted to. */
  readonly recipient: string;
}

/** Reads an identity file; undefined where a line of it is neither identity nor comment, or there is no identity. */
export async function parseIdentities(text: Secret): Promise<Identities | undefined> {
  const lines = text
    .reveal()
    .split(/\r?\n/)
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) => new Secret(line.trim()));
  const recipients = await Promise.all(lines.map(recipientOf));
  const [first, ...rest] = lines;
  const [recipient] = recipients;
  if (first === undefined || recipient === undefined || recipients.includes(undefined)) return undefined;
  return { all: [first, ...rest], recipient };
}

/** Writes an identity file. */
export function formatIdentities({ all, recipient }: Identities, now: Date): Secret {
  const [first, ...older] = all.map((identity) => identity.reveal());
  const lines = [`# created: ${now.toISOString()}`, `# public key: ${recipient}`, first];
  const before = older.length === 0 ? [] : ['# until `carapace secret rotate-key` has finished:', ...older];
  return new Secret(`${[...lines, ...before].join('\n')}\n`);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
