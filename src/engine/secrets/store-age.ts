/**
 * The age file format (https://age-encryption.org/v1), by age-encryption: the one importer of that package, which is
 * loaded when it is first needed.
 *
 * Invariant: decrypting tells apart what was encrypted to somebody else from what is damaged, and gives no part of a
 * plaintext whose end is missing. No error of the package gets out of here.
 */
import { createDecipheriv, scrypt } from 'node:crypto';
import type { Identity, Stanza } from 'age-encryption';
import { Secret } from '../../model/secret.ts';

export type Decrypted =
  | { readonly kind: 'text'; readonly text: Secret }
  /** A whole header, of other recipients. */
  | { readonly kind: 'other-identity' }
  /** No age file, or not all of it, or changed. */
  | { readonly kind: 'damaged' };

/** 2^18 is age's own choice: about a second. A file that asks for more than 2^20, a gigabyte of memory, is refused. */
const WORK_FACTOR = 18;
const MAX_WORK_FACTOR = 20;
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';
/** What the package says where none of the identities is a recipient; a test holds that it still says so. */
const NO_MATCH = /^no identity matched/;

/** A new X25519 identity: `AGE-SECRET-KEY-1...`. */
export async function newIdentity(): Promise<Secret> {
  const age = await import('age-encryption');
  return new Secret(await age.generateX25519Identity());
}

/** The recipient of an identity: `age1...`; undefined where it is no identity. Never throws. */
export async function recipientOf(identity: Secret): Promise<string | undefined> {
  const age = await import('age-encryption');
  try {
    return await age.identityToRecipient(identity.reveal());
  } catch {
    return undefined;
  }
}

/** Encrypts to one recipient. */
export async function encryptTo(recipient: string, text: Secret): Promise<Buffer> {
  const age = await import('age-encryption');
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(text.reveal()));
}

/** Decrypts with whichever of the identities fits. Never throws. */
export async function decryptWith(identities: readonly Secret[], file: Buffer): Promise<Decrypted> {
  return decrypt(
    identities.map((identity) => identity.reveal()),
    file,
  );
}

/** Encrypts so that `age -d` asks for the passphrase. `workFactor`: for tests, which have no second to spare. */
export async function encryptWithPassphrase(
  passphrase: Secret,
  text: Secret,
  workFactor = WORK_FACTOR,
): Promise<Buffer> {
  const age = await import('age-encryption');
  const encrypter = new age.Encrypter();
  encrypter.setPassphrase(passphrase.reveal());
  encrypter.setScryptWorkFactor(workFactor);
  return Buffer.from(await encrypter.encrypt(text.reveal()));
}

/** Decrypts what a passphrase encrypted, armored or not; `other-identity` for a wrong one. Never throws. */
export async function decryptWithPassphrase(passphrase: Secret, file: Buffer): Promise<Decrypted> {
  const age = await import('age-encryption');
  let binary: Uint8Array = file;
  try {
    if (file.subarray(0, ARMOR.length).toString('latin1') === ARMOR) binary = age.armor.decode(file.toString('latin1'));
  } catch {
    return { kind: 'damaged' };
  }
  return decrypt([passphraseIdentity(passphrase)], binary);
}

async function decrypt(identities: readonly (string | Identity)[], file: Uint8Array): Promise<Decrypted> {
  const age = await import('age-encryption');
  try {
    const decrypter = new age.Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    const plaintext = await decrypter.decrypt(file);
    return {
      kind: 'text',
      text: new Secret(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext)),
    };
  } catch (error) {
    return { kind: error instanceof Error && NO_MATCH.test(error.message) ? 'other-identity' : 'damaged' };
  }
}

/**
 * The package's own computes scrypt on the event loop, for a second in which no call gets on; this one does not. The
 * format: https://c2sp.org/age#scrypt-recipient-stanza
 */
function passphraseIdentity(passphrase: Secret): Identity {
  return {
    unwrapFileKey: async (stanzas) => {
      const [stanza] = stanzas;
      if (stanza?.args[0] !== 'scrypt' || stanzas.length !== 1) return null;
      return openStanza(stanza, await stretch(passphrase, stanza));
    },
  };
}

/** @throws Error for a stanza that is not of the format's form: the file is damaged */
function stretch(passphrase: Secret, { args: [, salt = '', factor = ''] }: Stanza): Promise<Buffer> {
  const workFactor = /^[1-9]\d?$/.test(factor) ? Number(factor) : Number.POSITIVE_INFINITY;
  if (workFactor > MAX_WORK_FACTOR) throw new Error('work factor');
  const label = Buffer.concat([Buffer.from('age-encryption.org/v1/scrypt'), Buffer.from(salt, 'base64')]);
  const options = { N: 2 ** workFactor, r: 8, p: 1, maxmem: 2 ** (workFactor + 10) + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.reveal(), label, 32, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** The file key; null where the passphrase is another one. */
function openStanza({ body }: Stanza, key: Buffer): Uint8Array | null {
  if (body.length !== 32) throw new Error('body');
  const cipher = createDecipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: 16 });
  cipher.setAuthTag(body.subarray(16));
  try {
    return new Uint8Array(Buffer.concat([cipher.update(body.subarray(0, 16)), cipher.final()]));
  } catch {
    return null;
  }
}
