/**
 * Resolves an upstream's name and lets a connection go only to an address that was looked at: the socket connects to what
 * this returns, and nothing is resolved a second time.
 */
import { lookup as resolveName, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { CarapaceError } from '../../model/error.ts';
import type { Upstream } from '../../model/http.ts';
import { visible } from '../../model/visible.ts';
import { refusedKind } from './addresses.ts';

/** Whatever a name server says of `localhost`. */
const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** All addresses of a name, by the system's resolver (nsswitch.conf(5) counts). */
export type ResolveName = (
  name: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

const resolveBySystem: ResolveName = (name, done) => {
  resolveName(name, { all: true, verbatim: true }, (error, addresses) => done(error, addresses));
};

/**
 * Why an upstream that is written as an address may not be connected to; undefined where it may, and for names, which are
 * looked at when they are resolved.
 */
export function addressProblem({ host, allowPrivate }: Upstream): string | undefined {
  if (isIP(host) === 0 || allowPrivate) return undefined;
  const kind = refusedKind(host);
  return kind === undefined ? undefined : `${host} is ${kind}`;
}

/**
 * The `lookup` of an upstream's connections. Fails with `address-refused` where one address of a name is refused, however
 * many others are not: who can add that one can take the others away.
 */
export function pinnedLookup(upstream: Upstream, resolve: ResolveName = resolveBySystem): LookupFunction {
  return (name, options, callback) => {
    const answer = (addresses: readonly LookupAddress[]): void => {
      const fitting = addresses.filter(({ family }) => isFitting(family, options.family));
      const [first] = fitting;
      const problem = first === undefined ? 'has no address' : refusedAmong(fitting, upstream);
      if (first === undefined || problem !== undefined)
        callback(new CarapaceError('address-refused', `${visible(name, 253)}: ${problem}`), '', 0);
      else if (options.all === true) callback(null, [...fitting]);
      else callback(null, first.address, first.family);
    };
    if (name === 'localhost') answer(LOOPBACK);
    else resolve(name, (error, addresses) => (error === null ? answer(addresses) : callback(error, '', 0)));
  };
}

function isFitting(family: number, wanted: number | 'IPv4' | 'IPv6' | undefined): boolean {
  if (wanted === undefined || wanted === 0) return true;
  return wanted === family || wanted === `IPv${family}`;
}

function refusedAmong(addresses: readonly LookupAddress[], { allowPrivate }: Upstream): string | undefined {
  if (allowPrivate) return undefined;
  for (const { address } of addresses) {
    const kind = refusedKind(address);
    if (kind !== undefined) return `resolves to ${address}, which is ${kind}; the policy must say that it may`;
  }
  return undefined;
}
