/**
 * Which addresses are on the public internet. Whatever is not is refused after a name was resolved, so that no name
 * server decides that a request for a public host goes to the host itself, to its neighbours or to a cloud's metadata.
 *
 * Sources: IANA's registries of special-purpose addresses (RFC 6890), and what clouds document of their own.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

interface Range {
  readonly prefix: string;
  readonly bits: number;
  /** What it is, for the operator. */
  readonly kind: string;
}

const V4_RANGES: readonly Range[] = [
  { prefix: '0.0.0.0', bits: 8, kind: 'unspecified' },
  { prefix: '10.0.0.0', bits: 8, kind: 'private' },
  { prefix: '100.64.0.0', bits: 10, kind: 'shared by a carrier (RFC 6598)' },
  { prefix: '127.0.0.0', bits: 8, kind: 'loopback' },
  { prefix: '169.254.0.0', bits: 16, kind: 'link-local' },
  { prefix: '172.16.0.0', bits: 12, kind: 'private' },
  { prefix: '192.0.0.0', bits: 24, kind: 'reserved' },
  { prefix: '192.0.2.0', bits: 24, kind: 'for documentation' },
  { prefix: '192.88.99.0', bits: 24, kind: 'reserved' },
  { prefix: '192.168.0.0', bits: 16, kind: 'private' },
  { prefix: '198.18.0.0', bits: 15, kind: 'for benchmarks' },
  { prefix: '198.51.100.0', bits: 24, kind: 'for documentation' },
  { prefix: '203.0.113.0', bits: 24, kind: 'for documentation' },
  { prefix: '224.0.0.0', bits: 4, kind: 'multicast' },
  { prefix: '240.0.0.0', bits: 4, kind: 'reserved' },
  // Azure answers every virtual machine there, with its configuration in it.
  { prefix: '168.63.129.16', bits: 32, kind: "a cloud's own" },
];

/** Global unicast (RFC 4291, section 2.4): everything else in IPv6 is something special. */
const V6_GLOBAL: Range = { prefix: '2000::', bits: 3, kind: 'global' };
/** What is special in there. */
const V6_RANGES: readonly Range[] = [
  { prefix: '2001::', bits: 23, kind: 'reserved (Teredo and others)' },
  { prefix: '2001:db8::', bits: 32, kind: 'for documentation' },
  // Both hold an IPv4 address, which is then where the packets go.
  { prefix: '2002::', bits: 16, kind: '6to4' },
  { prefix: '3fff::', bits: 20, kind: 'for documentation' },
];
/** For a better word than "not global". */
const V6_KINDS: readonly Range[] = [
  { prefix: '::1', bits: 128, kind: 'loopback' },
  { prefix: '::ffff:0:0', bits: 96, kind: 'IPv4-mapped' },
  { prefix: 'fc00::', bits: 7, kind: 'private' },
  { prefix: 'fe80::', bits: 10, kind: 'link-local' },
  { prefix: 'ff00::', bits: 8, kind: 'multicast' },
];
/** Where a network without IPv4 reaches it (RFC 6052, section 2.1); the last 32 bits are the IPv4 address. */
const NAT64: Range = { prefix: '64:ff9b::', bits: 96, kind: 'NAT64' };

/** What makes an address one that is refused, in a word for the operator; undefined where it is on the public internet. */
export function refusedKind(address: string): string | undefined {
  // A zone (RFC 4007, section 11) names a link, so the address is of that link.
  if (isIP(address) === 0 || address.includes('%')) return 'no address of the internet';
  if (isIPv4(address)) return kindIn(V4_RANGES, address);
  if (isInside(NAT64, address)) return refusedKind(lastFourBytes(address));
  if (!isInside(V6_GLOBAL, address)) return kindIn(V6_KINDS, address) ?? 'not global';
  return kindIn(V6_RANGES, address);
}

const LISTS = new Map(
  [...V4_RANGES, V6_GLOBAL, ...V6_RANGES, ...V6_KINDS, NAT64].map((range) => [range, listOf(range)] as const),
);

function listOf({ prefix, bits }: Range): BlockList {
  const list = new BlockList();
  list.addSubnet(prefix, bits, isIPv6(prefix) ? 'ipv6' : 'ipv4');
  return list;
}

function kindIn(ranges: readonly Range[], address: string): string | undefined {
  return ranges.find((range) => isInside(range, address))?.kind;
}

function isInside(range: Range, address: string): boolean {
  return LISTS.get(range)?.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') === true;
}

/** The last 32 bits of an IPv6 address, as an IPv4 address. */
function lastFourBytes(address: string): string {
  // Written by the URL parser there is one form: no dotted part, and `::` at most once.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail === undefined ? [] : tail.split(':').filter(Boolean);
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
