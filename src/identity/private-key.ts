/**
 * Ed25519 private keys in OpenSSH's own file format (PROTOCOL.key in OpenSSH), unencrypted: the one format that
 * ssh-keygen, sshd and ssh2 all read.
 */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { joinStrings, splitStrings } from './wire.ts';

const MAGIC = Buffer.from('openssh-key-v1\0');
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';
const TYPE = 'ssh-ed25519';

/** The cipher `none` pads its section to blocks of eight bytes. */
const BLOCK_BYTES = 8;

/**
 * Writes a key file. `check` is any number of 32 bits: the format repeats it so that whoever decrypts can tell a wrong
 * passphrase, which means nothing without one.
 */
export function formatPrivateKey(privateKey: KeyObject, comment: string, check: number): string {
  const { seed, point } = partsOf(privateKey);
  const checks = Buffer.alloc(8);
  checks.writeUInt32BE(check, 0);
  checks.writeUInt32BE(check, 4);
  const secret = Buffer.concat([checks, joinStrings(TYPE, point, Buffer.concat([seed, point]), comment)]);
  const padding = Buffer.from(Array.from({ length: -secret.length & (BLOCK_BYTES - 1) }, (_, i) => i + 1));
  const count = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([
    MAGIC,
    joinStrings('none', 'none', ''),
    count,
    joinStrings(joinStrings(TYPE, point), Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return [BEGIN, ...lines, END, ''].join('\n');
}

/** Reads a key file as `formatPrivateKey` and `ssh-keygen -t ed25519 -N ''` write it; undefined for anything else. */
export function parsePrivateKey(text: string): KeyObject | undefined {
  const match = new RegExp(`^${BEGIN}\\n([A-Za-z0-9+/=\\n]+)\\n${END}\\n?$`).exec(text);
  if (match === null) return undefined;
  const body = Buffer.from(match[1] ?? '', 'base64');
  const header = Buffer.concat([MAGIC, joinStrings('none', 'none', ''), Buffer.from([0, 0, 0, 1])]);
  if (!body.subarray(0, header.length).equals(header)) return undefined;
  const [publicBlob, secret] = splitStrings(body.subarray(header.length), 2) ?? [];
  if (publicBlob === undefined || secret === undefined) return undefined;
  const privateKey = parseSecret(secret);
  return privateKey !== undefined && publicBlobOf(privateKey).equals(publicBlob) ? privateKey : undefined;
}

/** The public half of an Ed25519 private key, as it stands on the wire: RFC 8709 section 4. */
export function publicBlobOf(privateKey: KeyObject): Buffer {
  return joinStrings(TYPE, partsOf(privateKey).point);
}

function parseSecret(secret: Buffer): KeyObject | undefined {
  if (secret.length < 8 || secret.readUInt32BE(0) !== secret.readUInt32BE(4)) return undefined;
  const [type, , seedAndPoint] = withoutPadding(secret.subarray(8)) ?? [];
  if (type?.toString() !== TYPE || seedAndPoint?.length !== 64) return undefined;
  return importSeed(seedAndPoint.subarray(0, 32), seedAndPoint.subarray(32));
}

/** The four fields of a section that ends in padding 1, 2, 3 ... up to a block's length. */
function withoutPadding(bytes: Buffer): Buffer[] | undefined {
  for (let length = 0; length < BLOCK_BYTES && length <= bytes.length; length += 1) {
    const fields = splitStrings(bytes.subarray(0, bytes.length - length), 4);
    const padding = bytes.subarray(bytes.length - length);
    if (fields !== undefined) return padding.every((byte, i) => byte === i + 1) ? fields : undefined;
  }
  return undefined;
}

function importSeed(seed: Buffer, point: Buffer): KeyObject | undefined {
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: point.toString('base64url') };
    return createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function partsOf(privateKey: KeyObject): { readonly seed: Buffer; readonly point: Buffer } {
  const { d = '' } = privateKey.export({ format: 'jwk' });
  // The public half is worked out from the private one, whatever a file says beside it.
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { seed: Buffer.from(d, 'base64url'), point: Buffer.from(x, 'base64url') };
}
