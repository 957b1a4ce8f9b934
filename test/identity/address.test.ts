import { BlockList, isIPv4, isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressMatches, parseAddress, parseFrom } from '../../src/identity/address.ts';

function matches(from: string, peer: string | undefined): boolean {
  const parsed = parseFrom(from);
  if (!parsed.ok) throw new Error(parsed.reason);
  return addressMatches(parsed.rules, peer);
}

describe('the addresses of a from', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/9', '10.128.0.0', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '203.0.113.9', false],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['10.0.0.0/8', '::ffff:0a01:0203', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8,!10.0.0.9', '10.0.0.8', true],
    ['10.0.0.0/8,!10.0.0.9', '10.0.0.9', false],
    ['!10.0.0.9,10.0.0.0/8', '10.0.0.9', false],
    ['!10.0.0.0/24,::1', '::1', true],
  ])('%s against %s: %s', (from, peer, expected) => {
    expect(matches(from, peer)).toBe(expected);
  });

  it('are matched by no peer without an address', () => {
    for (const peer of [undefined, '', '/run/carapace.sock', 'localhost', '10.0.0.1:22', '010.0.0.1', '10.0.0.1 ']) {
      expect(matches('0.0.0.0/0,::/0', peer)).toBe(false);
    }
  });

  it.each([
    '',
    ',',
    '10.0.0.1,',
    'host.example',
    '*',
    '10.0.0.*',
    '10.0',
    '010.0.0.1',
    '256.0.0.1',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/08',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    '!!1.2.3.4',
    '! 1.2.3.4',
    ' 1.2.3.4',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '::/129',
    ':::',
    '12345::',
    '::g',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::ffff:10.0.0.1',
    '::ffff:0:0/96',
  ])('refuse %j', (from) => {
    expect(parseFrom(from)).toMatchObject({ ok: false, reason: expect.stringMatching(/^from: /) });
  });

  it('refuse bits beyond the prefix, and lists that nobody can match', () => {
    expect(parseFrom('10.0.0.1/8')).toMatchObject({ ok: false, reason: expect.stringContaining('which sshd refuses') });
    expect(parseFrom('2001:db8::1/32').ok).toBe(false);
    expect(parseFrom('!10.0.0.1')).toMatchObject({ ok: false, reason: expect.stringContaining('only exceptions') });
  });

  it('are recognised exactly as Node recognises addresses', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom('0', '1', 'f', ':', '.', '::', '255'), maxLength: 14 }),
    );
    fc.assert(
      fc.property(text, (address) => {
        expect(parseAddress(address)?.length).toBe(isIPv4(address) ? 4 : isIPv6(address) ? 16 : undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('match as Node’s own block list does', () => {
    const network = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    fc.assert(
      fc.property(network, fc.ipV4(), ([address, bits], peer) => {
        const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
        const number = Buffer.from(parseAddress(address) ?? []).readUInt32BE() & mask;
        const base = [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.');
        const list = new BlockList();
        list.addSubnet(base, bits);
        expect(matches(`${base}/${bits}`, peer)).toBe(list.check(peer));
        expect(matches(`${base}/${bits}`, base)).toBe(true);
      }),
    );
  });
});
