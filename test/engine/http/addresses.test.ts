import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusedKind } from '../../../src/engine/http/addresses.ts';

/** The address, and what the word for it holds. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['10.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['100.64.0.1', 'carrier'],
  ['100.100.100.200', 'carrier'],
  ['100.127.255.255', 'carrier'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['168.63.129.16', 'cloud'],
  ['169.254.169.254', 'link-local'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.0.0.192', 'reserved'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', 'reserved'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmarks'],
  ['198.51.100.7', 'documentation'],
  ['203.0.113.7', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'reserved'],
  ['::', 'not global'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['::127.0.0.1', 'not global'],
  ['::ffff:127.0.0.1', 'IPv4-mapped'],
  ['::ffff:8.8.8.8', 'IPv4-mapped'],
  ['::ffff:0:127.0.0.1', 'not global'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['64:ff9b::a9fe:a9fe', 'link-local'],
  ['64:ff9b::', 'unspecified'],
  ['64:ff9b:1::1', 'not global'],
  ['100::1', 'not global'],
  ['2001::1', 'Teredo'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'Teredo'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::', '6to4'],
  ['3fff::1', 'documentation'],
  ['5f00::1', 'not global'],
  ['fc00::1', 'private'],
  ['fd00:ec2::254', 'private'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'no address'],
  ['fec0::1', 'not global'],
  ['ff02::1', 'multicast'],
  ['', 'no address'],
  ['localhost', 'no address'],
  ['127.1', 'no address'],
  ['2130706433', 'no address'],
  ['0x7f000001', 'no address'],
  ['[::1]', 'no address'],
  ['2606:4700:4700::1111%lo', 'no address'],
];

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '168.63.129.17',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.20.0.0',
  '223.255.255.255',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2003::1',
  '2606:4700:4700::1111',
  '2a00:1450:4001:830::200e',
  '64:ff9b::8.8.8.8',
  '64:ff9b::808:808',
];

describe('an address', () => {
  it.each(REFUSED)('%s is refused: %s', (address, kind) => {
    expect(refusedKind(address)).toContain(kind);
  });

  it.each(PUBLIC)('%s is public', (address) => {
    expect(refusedKind(address)).toBeUndefined();
  });

  it('of IPv4 is judged the same behind a NAT64 prefix, however that is written', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const hex = `64:ff9b::${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        expect(refusedKind(`64:ff9b::${address}`)).toBe(refusedKind(address));
        expect(refusedKind(hex)).toBe(refusedKind(address));
      }),
    );
  });

  it('of IPv6 is public only within 2000::/3 or behind that prefix', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const first = Number.parseInt(`0${address.split(':', 1)[0]}`, 16);
        if (refusedKind(address) === undefined) expect(first >= 0x2000 && first <= 0x3fff).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
