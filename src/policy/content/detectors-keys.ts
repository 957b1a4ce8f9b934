/** Detectors of private keys, whoever made them. */
import { BLANKS, charSet, DIGITS, HEX } from './char-set.ts';
import { passesBech32 } from './checksums.ts';
import type { Detector } from './detector.ts';
import { type Block, candidate, lastBytes, literal, run, type Shape, whole, wholeIf } from './shape.ts';

/** More than the longest private key that is in use (RSA of 16,384 bits in PEM takes 13 KiB). */
const MAX_KEY_BYTES = 65_536;
const LABEL = charSet('A-Z0-9 ');

function block(end: RegExp, endBytes: number): Block {
  return { end, endBytes, maxBytes: MAX_KEY_BYTES };
}

const PEM: Omit<Shape, 'starts' | 'steps' | 'block'> = {
  wordStart: false,
  secret: wholeIf((header) => / PRIVATE KEY(?: BLOCK)?[ -]+$/.test(header)),
};

const PRIVATE_KEY: Detector = {
  name: 'private-key',
  what: 'Private keys: PEM (PKCS #1, PKCS #8, encrypted, EC, OpenSSH, PGP), ssh.com and PuTTY files, up to their end',
  checksum: 'none',
  source:
    'RFC 7468; RFC 9580, section 6.2; RFC 4716; openssh PROTOCOL.key; PuTTY manual, appendix C; gitleaks private-key',
  provider: false,
  candidates: [
    candidate({
      ...PEM,
      starts: ['-----BEGIN '],
      steps: [run(LABEL, 11, 64), literal('-----')],
      block: block(/-----END [A-Z0-9 ]{0,64}-----/, 9 + 64 + 5),
    }),
    candidate({
      ...PEM,
      starts: ['---- BEGIN '],
      steps: [run(LABEL, 11, 64), literal('----')],
      block: block(/---- END [A-Z0-9 ]{0,64}----/, 9 + 64 + 4),
    }),
    candidate({
      starts: ['PuTTY-User-Key-File-'],
      wordStart: false,
      steps: [run(DIGITS, 1, 2), literal(': ')],
      secret: whole,
      block: block(/Private-(?:MAC|Hash): [0-9a-f]{40,64}(?![0-9a-f])/, 14 + 64 + 1),
    }),
  ],
};

const BECH32 = charSet('QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L');

const AGE: Detector = {
  name: 'age-secret-key',
  what: 'Identities of age, with and without post-quantum keys',
  checksum: 'Bech32 (BIP 173)',
  source: 'C2SP age specification, "The X25519 recipient type"; gitleaks age-secret-key',
  provider: false,
  candidates: [
    candidate({
      starts: ['AGE-SECRET-KEY-1', 'AGE-SECRET-KEY-PQ-1'],
      wordStart: false,
      steps: [run(BECH32, 58, 58)],
      secret: wholeIf(passesBech32),
    }),
  ],
};

/** JSON as Google writes it, and the same inside of a string. */
const JSON_COLON = [run(BLANKS, 0, 16), literal(':'), run(BLANKS, 0, 16)];

const SERVICE_ACCOUNT: Detector = {
  name: 'gcp-service-account',
  what: "Key files of Google Cloud's service accounts: `private_key_id` and `private_key`",
  checksum: 'none',
  source:
    'cloud.google.com, "Create and delete service account keys"; GitHub secret scanning google_cloud_private_key_id',
  provider: true,
  candidates: [
    candidate({
      starts: ['"private_key_id"'],
      wordStart: false,
      steps: [...JSON_COLON, literal('"'), run(HEX, 40, 40)],
      secret: lastBytes(40),
    }),
    candidate({
      starts: ['"private_key"'],
      wordStart: false,
      steps: [...JSON_COLON, literal('"-----BEGIN ')],
      secret: lastBytes('-----BEGIN '.length),
      block: block(/(?=")/, 1),
    }),
  ],
};

export const KEY_DETECTORS: readonly Detector[] = [PRIVATE_KEY, AGE, SERVICE_ACCOUNT];
