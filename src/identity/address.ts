/**
 * The addresses of an authorized_keys line's `from="..."`, judged as sshd judges them (match_host_and_ip in
 * OpenSSH): addresses and CIDR ranges, with `!` for exceptions. Host names and wildcards are refused: names would need a
 * resolver, which whoever controls the address can answer for.
 */
import { quoted } from '../model/visible.ts';

/** One element of a `from` list. */
export interface AddressRule {
  /** As the line spells it. */
  readonly text: string;
  /** True for `!ADDRESS`: a peer in it is refused whatever else the list says. */
  readonly negated: boolean;
  /** 4 or 16 bytes. */
  readonly network: readonly number[];
  readonly prefixBits: number;
}

export type ParsedFrom =
  | { readonly ok: true; readonly rules: readonly AddressRule[] }
  | { readonly ok: false; readonly reason: string };

/** Parses the value of `from`, a list with commas. Refuses with a reason what cannot be honoured exactly. Never throws. */
export function parseFrom(value: string): ParsedFrom {
  const rules: AddressRule[] = [];
  for (const element of value.split(',')) {
    const rule = parseRule(element);
    if (typeof rule === 'string') return { ok: false, reason: rule };
    rules.push(rule);
  }
  if (rules.every((rule) => rule.negated))
    return { ok: false, reason: 'from holds only exceptions, so nobody matches' };
  return { ok: true, rules };
}

/**
 * True where the peer's address matches an element and no negated one. An IPv4 address in IPv6's clothes
 * (`::ffff:10.0.0.1`) is the IPv4 address; a scope (`fe80::1%eth0`) is left aside. A peer without an address (a Unix
 * socket) and text that is none match nothing. Never throws.
 */
export function addressMatches(rules: readonly AddressRule[], peerAddress: string | undefined): boolean {
  const peer = parseAddress((peerAddress ?? '').replace(/%.*$/, ''));
  if (peer === undefined) return false;
  const address = isMappedIpv4(peer) ? peer.slice(12) : peer;
  const matching = rules.filter((rule) => contains(rule, address));
  return matching.length > 0 && !matching.some((rule) => rule.negated);
}

/** The bytes of a textual IPv4 (four decimals) or IPv6 address (RFC 4291 section 2.2); undefined for all else. */
export function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** A rule, or the reason why there is none. */
function parseRule(element: string): AddressRule | string {
  const negated = element.startsWith('!');
  const [address = '', prefix, ...more] = element.slice(negated ? 1 : 0).split('/');
  const network = parseAddress(address);
  if (network === undefined || more.length > 0) {
    return `from: ${quoted(element)} is no IP address or CIDR range (host names and wildcards are not accepted)`;
  }
  if (isMappedIpv4(network)) return `from: ${quoted(element)} is an IPv4 address: write it as one`;
  const prefixBits = prefix === undefined ? network.length * 8 : parsePrefix(prefix, network.length * 8);
  if (prefixBits === undefined) return `from: ${quoted(element)} has no prefix length from 0 to ${network.length * 8}`;
  if (network.some((byte, i) => (byte & ~maskByte(prefixBits, i)) !== 0)) {
    return `from: ${quoted(element)} has bits set beyond its prefix length, which sshd refuses`;
  }
  return { text: element, negated, network, prefixBits };
}

function parsePrefix(text: string, maxBits: number): number | undefined {
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return undefined;
  return Number(text) <= maxBits ? Number(text) : undefined;
}

function parseIpv4(text: string): readonly number[] | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array.from({ length: 16 - head.length - tail.length }, () => 0), ...tail];
}

/** The bytes of groups between colons; the address's last two groups may be written as IPv4. */
function parseGroups(text: string, isEnd: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    const ipv4 = isEnd && i === groups.length - 1 && group.includes('.') ? parseIpv4(group) : undefined;
    if (ipv4 === undefined && !/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    bytes.push(...(ipv4 ?? [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
  }
  return bytes;
}

/** RFC 4291 section 2.5.5.2. */
function isMappedIpv4(address: readonly number[]): boolean {
  return address.length === 16 && address.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
}

function contains(rule: AddressRule, address: readonly number[]): boolean {
  if (rule.network.length !== address.length) return false;
  return rule.network.every((byte, i) => ((address[i] ?? 0) & maskByte(rule.prefixBits, i)) === byte);
}

function maskByte(prefixBits: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}
