import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrivateKey, parsePrivateKey, publicBlobOf } from '../../src/identity/private-key.ts';
import { parsePublicKey } from '../../src/identity/public-key.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const text = formatPrivateKey(privateKey, 'carapace', 7);

describe('private key files', () => {
  it('are read back as they were written, with comments of any length', () => {
    for (let length = 0; length < 20; length += 1) {
      const parsed = parsePrivateKey(formatPrivateKey(privateKey, 'c'.repeat(length), length));
      expect(parsed?.equals(privateKey)).toBe(true);
    }
  });

  it('hold a public half that is a public key', () => {
    expect(parsePublicKey('ssh-ed25519', publicBlobOf(privateKey).toString('base64')).ok).toBe(true);
  });

  it('are refused with any byte changed that is not the comment', () => {
    const body = Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64');
    const comment = body.indexOf('carapace', 100);
    for (let i = 0; i < body.length; i += 1) {
      if (i >= comment && i < comment + 8) continue;
      const changed = Buffer.from(body);
      changed[i] = (changed[i] ?? 0) ^ 1;
      const parsed = parsePrivateKey(
        text.split('\n')[0] + '\n' + changed.toString('base64') + '\n-----END OPENSSH PRIVATE KEY-----\n',
      );
      expect(parsed === undefined || parsed.equals(privateKey)).toBe(true);
    }
  });

  it('never make the parser throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer({ min: 0, max: text.length }).map((cut) => text.slice(0, cut)),
        ),
        (input) => {
          if (input.trimEnd() !== text.trimEnd()) expect(parsePrivateKey(input)).toBeUndefined();
        },
      ),
    );
  });
});
