/**
 * Public keys of clients: what an authorized_keys line holds, and whether a signature was made with it.
 *
 * Invariants: a key is accepted only in its one canonical encoding, so equal keys are equal bytes; a signature counts
 * only if `verifySignature` returned `true` for it; keys that a client merely offers are compared as bytes and never
 * parsed (RFC 4252 section 7: an offer proves nothing).
 */
import type { KeyObject } from 'node:crypto';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { quoted } from '../model/visible.ts';
import { splitStrings, unsignedOfMpint } from './wire.ts';

/** The key types that the embedded SSH server verifies: RFC 8709 and RFC 5656. */
export const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** A key whose every byte was understood. */
export interface PublicKey {
  readonly type: KeyType;
  /** RFC 4253 section 6.6, canonical. Compare keys by these bytes. */
  readonly blob: Buffer;
  /** The blob in base64 with padding, as files and maps hold it. */
  readonly base64: string;
  /** The same key for node:crypto. */
  readonly verifyKey: KeyObject;
}

export type ParsedKey =
  | { readonly ok: true; readonly key: PublicKey }
  /** `reason`: one clause, lower case, safe to print. */
  | { readonly ok: false; readonly reason: string };

interface Curve {
  readonly name: string;
  readonly jwk: string;
  /** Bytes of a coordinate, and of r and s. */
  readonly size: number;
  /** RFC 5656 section 6.2.1. */
  readonly hash: string;
}

const CURVES: ReadonlyMap<string, Curve> = new Map([
  ['ecdsa-sha2-nistp256', { name: 'nistp256', jwk: 'P-256', size: 32, hash: 'sha256' }],
  ['ecdsa-sha2-nistp384', { name: 'nistp384', jwk: 'P-384', size: 48, hash: 'sha384' }],
  ['ecdsa-sha2-nistp521', { name: 'nistp521', jwk: 'P-521', size: 66, hash: 'sha512' }],
]);

const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;

/** SEC 1 section 2.3.3: an uncompressed point is 0x04, x, y. */
const UNCOMPRESSED = 0x04;

/** A P-521 key's blob has 172 bytes; whatever is much longer is none of ours. */
const MAX_BLOB_BYTES = 256;

/**
 * Parses a key of an authorized_keys line: the type's name and the base64 beside it. Refuses with a reason what this
 * version does not verify, and everything that is not the key's one encoding. Never throws.
 */
export function parsePublicKey(type: string, base64: string): ParsedKey {
  const unsupported = whyUnsupported(type);
  if (unsupported !== undefined) return refused(unsupported);
  if (base64.length > MAX_BLOB_BYTES * 2) return refused(`key is too long for ${type}`);
  const blob = Buffer.from(base64, 'base64');
  // Node's decoder skips what it does not know; encoding again shows whether it skipped anything.
  if (blob.toString('base64') !== base64) return refused('key is not canonical base64');
  const [name] = splitStrings(blob, 2) ?? splitStrings(blob, 3) ?? [];
  if (name === undefined) return refused('key is cut off or has bytes after its end');
  if (!name.equals(Buffer.from(type))) return refused(`key says ${type} outside but ${quoted(name.toString())} inside`);
  const verifyKey = type === 'ssh-ed25519' ? importEd25519(blob) : importEcdsa(blob, type);
  if (verifyKey === undefined) return refused(`key is no valid ${type} key`);
  return { ok: true, key: { type: type as KeyType, blob, base64, verifyKey } };
}

/**
 * Why keys of this type are refused; undefined for a type that is verified here. RSA, `sk-*` keys and certificates need
 * a verifier that the embedded server does not have; stock sshd in front of `carapace force` has it.
 */
export function whyUnsupported(type: string): string | undefined {
  if ((KEY_TYPES as readonly string[]).includes(type)) return undefined;
  if (/-cert-v\d+@openssh\.com$/.test(type)) return `certificates (${visibleType(type)}) are not in this version`;
  if (/^(sk-|webauthn-sk-)/.test(type)) return `security keys (${visibleType(type)}) are not in this version`;
  if (type === 'ssh-rsa' || type.startsWith('rsa-sha2-')) return 'RSA keys are not in this version';
  if (type === 'ssh-dss') return 'DSA keys are too weak for anything';
  return `key type ${visibleType(type)} is unknown`;
}

/** `SHA256:` and unpadded base64, as ssh-keygen prints it. Works on any bytes, parsed or not. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * True only if `signature` (as it stands on the wire: RFC 8709 section 6, RFC 5656 section 3.1.2) is the key's own
 * signature of `data`: its algorithm's name is the key's type, nothing is missing and nothing follows. Everything else,
 * errors of the library included, is false. Never throws.
 */
export function verifySignature(key: PublicKey, data: Buffer, signature: Buffer): boolean {
  const [algorithm, value] = splitStrings(signature, 2) ?? [];
  if (algorithm === undefined || value === undefined) return false;
  if (!algorithm.equals(Buffer.from(key.type))) return false;
  const curve = CURVES.get(key.type);
  try {
    if (curve !== undefined) return verifyEcdsa(key, curve, data, value);
    return value.length === ED25519_SIGNATURE_BYTES && verify(null, data, key.verifyKey, value);
  } catch {
    return false;
  }
}

function verifyEcdsa(key: PublicKey, curve: Curve, data: Buffer, value: Buffer): boolean {
  const [r, s] = (splitStrings(value, 2) ?? []).map((mpint) => unsignedOfMpint(mpint, curve.size));
  if (r === undefined || s === undefined) return false;
  const raw = Buffer.concat([r, s]);
  return verify(curve.hash, data, { key: key.verifyKey, dsaEncoding: 'ieee-p1363' }, raw);
}

function importEd25519(blob: Buffer): KeyObject | undefined {
  const [, point] = splitStrings(blob, 2) ?? [];
  if (point?.length !== ED25519_KEY_BYTES) return undefined;
  return importJwk({ kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') });
}

function importEcdsa(blob: Buffer, type: string): KeyObject | undefined {
  const curve = CURVES.get(type);
  const [, name, point] = splitStrings(blob, 3) ?? [];
  if (curve === undefined || name === undefined || point === undefined) return undefined;
  if (!name.equals(Buffer.from(curve.name))) return undefined;
  if (point.length !== 1 + 2 * curve.size || point[0] !== UNCOMPRESSED) return undefined;
  const x = point.subarray(1, 1 + curve.size).toString('base64url');
  const y = point.subarray(1 + curve.size).toString('base64url');
  return importJwk({ kty: 'EC', crv: curve.jwk, x, y });
}

/** Undefined for what OpenSSL refuses, such as a point that is not on its curve. */
function importJwk(jwk: Record<string, string>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function visibleType(type: string): string {
  return quoted(type, 80);
}

function refused(reason: string): ParsedKey {
  return { ok: false, reason };
}
