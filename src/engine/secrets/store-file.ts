/**
 * One secret as one file: `NAME.age`, a small JSON document encrypted with age.
 *
 * Invariants: the name is inside what is encrypted and must be the file's, so a file that was renamed or put in another's
 * place is refused. Owner and mode are judged on the descriptor that is read. No message holds a value.
 */
import { join } from 'node:path';
import { CarapaceError, errnoOf } from '../../model/error.ts';
import { Secret } from '../../model/secret.ts';
import { quoted, visible } from '../../model/visible.ts';
import { parseStrictJson } from '../../protocol/strict-json.ts';
import { OTHERS_MAY_ANYTHING, readTrustedFile, type Trust } from '../safe-file.ts';
import { MAX_VALUE_BYTES, textProblem } from './resolve-text.ts';
import { decryptWith, encryptTo } from './store-age.ts';

/** A secret as it is kept. */
export interface StoredSecret {
  readonly name: string;
  readonly setAt: Date;
  readonly value: Secret;
}

export type Unsealed =
  | { readonly kind: 'secret'; readonly secret: StoredSecret }
  | { readonly kind: 'other-identity' }
  | { readonly kind: 'bad'; readonly fault: string };

/** JSON may write a byte as six, and age adds a thousandth. */
const MAX_FILE_BYTES = 7 * MAX_VALUE_BYTES;

/** Path of the file of a secret. `name` must be one: no name leads out of the directory. */
export function secretPath(directory: string, name: string): string {
  return join(directory, `${name}.age`);
}

/** What is wrong with a value that is to be stored, or undefined. */
export function valueProblem(value: Secret): string | undefined {
  const tooLarge = value.byteLength > MAX_VALUE_BYTES ? `is larger than ${MAX_VALUE_BYTES} bytes` : undefined;
  return textProblem(value.reveal()) ?? tooLarge;
}

/** Encrypts a secret. */
export function sealSecret(recipient: string, { name, setAt, value }: StoredSecret): Promise<Buffer> {
  const text = JSON.stringify({ v: 1, name, setAt: setAt.toISOString(), value: value.reveal() });
  return encryptTo(recipient, new Secret(text));
}

/** Decrypts the file of the secret `name`. Never throws. */
export async function unsealSecret(identities: readonly Secret[], name: string, file: Buffer): Promise<Unsealed> {
  const decrypted = await decryptWith(identities, file);
  if (decrypted.kind === 'other-identity') return { kind: 'other-identity' };
  if (decrypted.kind === 'damaged') return { kind: 'bad', fault: 'is damaged or not whole' };
  const secret = parseSecret(decrypted.text);
  if (secret === undefined) return { kind: 'bad', fault: 'is no file that carapace wrote' };
  if (secret.name === name) return { kind: 'secret', secret };
  return {
    kind: 'bad',
    fault: `holds the secret ${quoted(secret.name)}: it was renamed, or put in the place of another`,
  };
}

function parseSecret(text: Secret): StoredSecret | undefined {
  const parsed = parseStrictJson(text.reveal());
  const { name, setAt, value } = (parsed.ok ? fieldsOf(parsed.value) : undefined) ?? {};
  if (typeof name !== 'string' || typeof setAt !== 'string' || typeof value !== 'string') return undefined;
  const secret = { name, setAt: new Date(setAt), value: new Secret(value) };
  const good = !Number.isNaN(secret.setAt.getTime()) && valueProblem(secret.value) === undefined;
  return good ? secret : undefined;
}

/** The fields of the one version that there is; a further one may mean something, so it is none of ours. */
function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  return fields['v'] === 1 && Object.keys(fields).length === 4 ? fields : undefined;
}

/**
 * Reads the file of a secret.
 *
 * @throws CarapaceError `secret-missing` where there is none; `secret-unreadable` where others could have read or
 * written it
 */
export function readSecretFile(directory: string, name: string, trust: Trust): Buffer {
  try {
    return readTrustedFile(secretPath(directory, name), {
      ...trust,
      forbiddenMode: OTHERS_MAY_ANYTHING,
      maxBytes: MAX_FILE_BYTES,
    });
  } catch (error) {
    if (!(error instanceof CarapaceError)) throw error;
    throw errnoOf(error.cause) === 'ENOENT' ? missingSecret(name) : unreadableSecret(name, error);
  }
}

/** The error for a name under which nothing is stored. */
export function missingSecret(name: string): CarapaceError {
  return new CarapaceError('secret-missing', `secret ${quoted(name)}: does not exist`, {
    hint: `run: carapace secret set ${visible(name)}`,
  });
}

/** The error for a secret that is there and cannot be used. `why`: its message begins with the file. */
export function unreadableSecret(
  name: string,
  why: { readonly message: string; readonly hint?: string | undefined },
): CarapaceError {
  const hint = why.hint === undefined ? {} : { hint: why.hint };
  return new CarapaceError('secret-unreadable', `secret ${quoted(name)}: ${why.message}`, { ...hint, cause: why });
}
