import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { PublicKey } from '../../src/identity/public-key.ts';
import {
  fingerprint,
  KEY_TYPES,
  parsePublicKey,
  verifySignature,
  whyUnsupported,
} from '../../src/identity/public-key.ts';
import { joinStrings } from '../../src/identity/wire.ts';

const hasSshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
const DATA = Buffer.from('what is signed');

const CURVES = [
  { type: 'ecdsa-sha2-nistp256', name: 'nistp256', curve: 'P-256', size: 32, hash: 'sha256' },
  { type: 'ecdsa-sha2-nistp384', name: 'nistp384', curve: 'P-384', size: 48, hash: 'sha384' },
  { type: 'ecdsa-sha2-nistp521', name: 'nistp521', curve: 'P-521', size: 66, hash: 'sha512' },
] as const;

interface Pair {
  readonly key: PublicKey;
  readonly privateKey: KeyObject;
}

function parsed(type: string, blob: Buffer): PublicKey {
  const result = parsePublicKey(type, blob.toString('base64'));
  if (!result.ok) throw new Error(result.reason);
  return result.key;
}

function coordinate(jwkValue: string | undefined): Buffer {
  return Buffer.from(jwkValue ?? '', 'base64url');
}

function ed25519(): Pair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const point = coordinate(createPublicKey(privateKey).export({ format: 'jwk' }).x);
  return { privateKey, key: parsed('ssh-ed25519', joinStrings('ssh-ed25519', point)) };
}

function ecdsa(curve: (typeof CURVES)[number]): Pair {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: curve.curve });
  const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), coordinate(x), coordinate(y)]);
  return { privateKey, key: parsed(curve.type, joinStrings(curve.type, curve.name, point)) };
}

function mpint(digits: Buffer): Buffer {
  const start = digits.findIndex((byte) => byte !== 0);
  const short = start === -1 ? Buffer.alloc(0) : digits.subarray(start);
  return (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), short]) : short;
}

function signedBy({ key, privateKey }: Pair, data = DATA): Buffer {
  const curve = CURVES.find(({ type }) => type === key.type);
  if (curve === undefined) return joinStrings(key.type, sign(null, data, privateKey));
  const raw = sign(curve.hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return joinStrings(key.type, joinStrings(mpint(raw.subarray(0, curve.size)), mpint(raw.subarray(curve.size))));
}

const PAIRS: readonly Pair[] = [ed25519(), ...CURVES.map(ecdsa)];

describe('public keys', () => {
  const directory = mkdtempSync(join(tmpdir(), 'carapace-keys-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it.runIf(hasSshKeygen).each([
    ['ed25519', '256'],
    ['ecdsa', '256'],
    ['ecdsa', '384'],
    ['ecdsa', '521'],
  ])('that ssh-keygen makes are taken, with its fingerprint: %s %s', (type, bits) => {
    const file = join(directory, `${type}${bits}`);
    spawnSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-f', file]);
    const [name = '', base64 = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    const key = parsed(name, Buffer.from(base64, 'base64'));
    expect(key.base64).toBe(base64);
    const printed = spawnSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' }).stdout;
    expect(printed.split(' ')[1]).toBe(fingerprint(key.blob));
  });

  it.runIf(hasSshKeygen)('verify what ssh-keygen signed', () => {
    const file = join(directory, 'signer');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const made = spawnSync('ssh-keygen', ['-Y', 'sign', '-q', '-n', 'test', '-f', file], { input: DATA });
    const [name = '', base64 = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    // PROTOCOL.sshsig in OpenSSH: what is signed is a digest in an envelope, and the signature is its last string.
    const armoured = made.stdout.toString().split('\n').slice(1, -2).join('');
    const signature = Buffer.from(armoured, 'base64').subarray(-(4 + 11 + 4 + 64));
    const digest = createHash('sha512').update(DATA).digest();
    const envelope = Buffer.concat([Buffer.from('SSHSIG'), joinStrings('test', '', 'sha512', digest)]);
    expect(verifySignature(parsed(name, Buffer.from(base64, 'base64')), envelope, signature)).toBe(true);
  });

  it('verify their own signatures of the same data only', () => {
    for (const pair of PAIRS) {
      const signature = signedBy(pair);
      expect(verifySignature(pair.key, DATA, signature)).toBe(true);
      expect(verifySignature(pair.key, Buffer.from('something else'), signature)).toBe(false);
      for (const other of PAIRS) expect(verifySignature(other.key, DATA, signature)).toBe(other === pair);
      expect(
        verifySignature(pair.key, DATA, signedBy(pair.key.type === 'ssh-ed25519' ? ed25519() : pair, Buffer.from('x'))),
      ).toBe(false);
    }
  });

  it('verify often enough that leading zeros of r and s are met', () => {
    for (const curve of CURVES) {
      const pair = ecdsa(curve);
      for (let i = 0; i < 40; i += 1) expect(verifySignature(pair.key, DATA, signedBy(pair))).toBe(true);
    }
  });

  it('verify no signature with another name, a missing or a further byte, or a needless zero', () => {
    for (const pair of PAIRS) {
      const signature = signedBy(pair);
      const value = signature.subarray(4 + pair.key.type.length + 4);
      const others = [
        joinStrings('ssh-rsa', value),
        joinStrings(`${pair.key.type}\0`, value),
        joinStrings('', value),
        value,
        joinStrings(pair.key.type, Buffer.concat([value, Buffer.alloc(1)])),
        joinStrings(pair.key.type, value.subarray(1)),
        Buffer.concat([signature, Buffer.alloc(1)]),
        signature.subarray(0, -1),
        Buffer.alloc(0),
      ];
      for (const other of others) expect(verifySignature(pair.key, DATA, other)).toBe(false);
    }
    const pair = ecdsa(CURVES[0]);
    const raw = sign('sha256', DATA, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
    const padded = [
      Buffer.concat([Buffer.alloc(2), raw.subarray(0, 32)]),
      Buffer.concat([Buffer.alloc(2), raw.subarray(32)]),
    ] as const;
    expect(verifySignature(pair.key, DATA, joinStrings(pair.key.type, joinStrings(...padded)))).toBe(false);
    const zero = joinStrings(pair.key.type, joinStrings(Buffer.alloc(0), Buffer.alloc(0)));
    expect(verifySignature(pair.key, DATA, zero)).toBe(false);
  });

  it('never throw and never verify for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...PAIRS), (bytes, { key }) => {
        const value = Buffer.from(bytes);
        expect(verifySignature(key, DATA, value)).toBe(false);
        expect(verifySignature(key, DATA, joinStrings(key.type, value))).toBe(false);
        expect(verifySignature(key, DATA, joinStrings(key.type, joinStrings(value, value)))).toBe(false);
      }),
    );
  });

  it.each<[string, string, Buffer]>([
    ['a point of 1 byte', 'ssh-ed25519', joinStrings('ssh-ed25519', Buffer.alloc(1))],
    ['a point of 33 bytes', 'ssh-ed25519', joinStrings('ssh-ed25519', Buffer.alloc(33))],
    ['no point', 'ssh-ed25519', joinStrings('ssh-ed25519')],
    [
      'bytes after the end',
      'ssh-ed25519',
      Buffer.concat([joinStrings('ssh-ed25519', Buffer.alloc(32)), Buffer.alloc(1)]),
    ],
    ['a further string', 'ssh-ed25519', joinStrings('ssh-ed25519', Buffer.alloc(32), '')],
    ['a length beyond the end', 'ssh-ed25519', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['another name inside', 'ssh-ed25519', joinStrings('ssh-rsa', Buffer.alloc(32))],
    [
      'another curve inside',
      'ecdsa-sha2-nistp256',
      joinStrings('ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(65, 4)),
    ],
    [
      'a point that is not on the curve',
      'ecdsa-sha2-nistp256',
      joinStrings('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 4)),
    ],
    ['a compressed point', 'ecdsa-sha2-nistp256', joinStrings('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(33, 2))],
    ['the point at infinity', 'ecdsa-sha2-nistp256', joinStrings('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(1))],
    ['35 kB', 'ssh-ed25519', joinStrings('ssh-ed25519', Buffer.alloc(35_000))],
    ['nothing', 'ssh-ed25519', Buffer.alloc(0)],
  ])('with %s are refused', (_, type, blob) => {
    expect(parsePublicKey(type, blob.toString('base64'))).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^key /),
    });
  });

  it('are refused in base64 that is not canonical', () => {
    const [{ key }] = PAIRS as [Pair];
    const padded = joinStrings('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 4)).toString('base64');
    for (const base64 of [
      `${key.base64}=`,
      key.base64.replace('/', '_'),
      `${key.base64} `,
      padded.replace(/=+$/, ''),
      key.base64.replace('A', 'A*'),
    ]) {
      if (base64 !== key.base64) expect(parsePublicKey(key.type, base64).ok).toBe(false);
    }
  });

  it.each([
    ['ssh-rsa', 'RSA keys are not in this version'],
    ['rsa-sha2-512', 'RSA keys are not in this version'],
    ['ssh-dss', 'DSA keys are too weak for anything'],
    ['sk-ssh-ed25519@openssh.com', "security keys ('sk-ssh-ed25519@openssh.com') are not in this version"],
    ['ssh-ed25519-cert-v01@openssh.com', "certificates ('ssh-ed25519-cert-v01@openssh.com') are not in this version"],
    [
      'sk-ssh-ed25519-cert-v01@openssh.com',
      "certificates ('sk-ssh-ed25519-cert-v01@openssh.com') are not in this version",
    ],
    ['ssh-mldsa44\u001b', "key type 'ssh-mldsa44\\x1b' is unknown"],
  ])('of type %j are refused with the reason', (type, reason) => {
    expect(parsePublicKey(type, Buffer.alloc(35_000).toString('base64'))).toEqual({ ok: false, reason });
  });

  it('of the types that are verified are not called unsupported', () => {
    for (const type of KEY_TYPES) expect(whyUnsupported(type)).toBeUndefined();
  });

  it('never make the parser throw', () => {
    const type = fc.oneof(fc.constantFrom(...KEY_TYPES), fc.string());
    const base64 = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    );
    fc.assert(
      fc.property(type, base64, (name, text) => {
        expect(parsePublicKey(name, text).ok).toBe(false);
      }),
    );
  });
});
