/**
 * The values that one HTTP request is given: looked up together, and handed out all or none, each as the bytes that are
 * to stand in its place.
 */
import type { HttpPermit } from '../../model/http.ts';
import type { Injection, Redaction } from '../../model/injection.ts';
import { Secret } from '../../model/secret.ts';
import { type Injected, resolveInjections } from '../secrets/resolve-injections.ts';
import type { Resolver } from '../secrets/resolver.ts';
import type { ClientIdentity } from './upstream.ts';

/** Revealed: to be handed on, and kept in no field. */
export interface HttpValues {
  readonly ok: true;
  /** By name in lower case; as bytes, one character each (latin1). `basic` is in it as `authorization`. */
  readonly headers: ReadonlyMap<string, string>;
  /** By name, percent-encoded. */
  readonly query: ReadonlyMap<string, string>;
  /** By placeholder, percent-encoded. */
  readonly path: ReadonlyMap<string, string>;
  readonly identity: ClientIdentity | null;
  /** What to take out of the answer. */
  readonly redactions: readonly Redaction[];
}

type Unresolved = Injected & { readonly ok: false };

/** Looks up what the permit injects, and nothing else: of the path only what its placeholders name. Never rejects. */
export async function resolveHttpValues(
  permit: HttpPermit,
  resolver: Pick<Resolver, 'resolve'>,
): Promise<HttpValues | Unresolved> {
  const [injected, identity] = await Promise.all([
    resolveInjections(injectionsOf(permit), resolver, 'header'),
    // PEM has line breaks, which no header can carry; and it goes nowhere where an answer could hold it.
    resolveInjections(identityOf(permit), resolver, 'environment'),
  ]);
  if (!injected.ok) return injected;
  if (!identity.ok) return identity;
  const { values } = injected;
  const certificate = identity.values.get('certificate');
  const key = identity.values.get('key');
  const found: HttpValues = {
    ok: true,
    headers: mapOf(values, 'header', toLatin1),
    query: mapOf(values, 'query', encodeValue),
    path: mapOf(values, 'path', encodeSegment),
    identity: certificate === undefined || key === undefined ? null : { certificate, key },
    redactions: injected.redactions,
  };
  return permit.inject.basic === null ? found : withBasic(found, values, permit.inject.basic);
}

/** Injections by a name that says where each goes: a header and a parameter may have the same. */
function injectionsOf({ inject, path }: HttpPermit): ReadonlyMap<string, Injection> {
  const used = [...inject.path].filter(([name]) => path.includes(`{${name}}`));
  const { basic } = inject;
  return new Map([
    ...[...inject.headers].map(([name, injection]) => [`header ${name}`, injection] as const),
    ...[...inject.query].map(([name, injection]) => [`query ${name}`, injection] as const),
    ...used.map(([name, injection]) => [`path ${name}`, injection] as const),
    ...(basic === null
      ? []
      : ([
          ['basic user', basic.user],
          ['basic password', basic.password],
        ] as const)),
  ]);
}

function identityOf({ upstream }: HttpPermit): ReadonlyMap<string, Injection> {
  return new Map(Object.entries(upstream.clientCertificate ?? {}));
}

function mapOf(
  values: ReadonlyMap<string, string>,
  place: string,
  encode: (value: string) => string,
): Map<string, string> {
  const prefix = `${place} `;
  const placed = [...values].filter(([name]) => name.startsWith(prefix));
  return new Map(placed.map(([name, value]) => [name.slice(prefix.length), encode(value)]));
}

/** RFC 7617: a user with a colon would move where the password begins. */
function withBasic(
  found: HttpValues,
  values: ReadonlyMap<string, string>,
  { password }: NonNullable<HttpPermit['inject']['basic']>,
): HttpValues | Unresolved {
  const user = values.get('basic user') ?? '';
  if (user.includes(':')) return { ok: false, problem: 'basic user: holds a colon', retryAfterMs: 0 };
  const pair = Buffer.from(`${user}:${values.get('basic password') ?? ''}`).toString('base64');
  return {
    ...found,
    headers: new Map([...found.headers, ['authorization', `Basic ${pair}`]]),
    // Whole, because that is how an answer would show it.
    redactions: password.redacted
      ? [...found.redactions, { name: 'basic', value: new Secret(pair) }]
      : found.redactions,
  };
}

/** Node writes headers as latin1: what is not ASCII goes as UTF-8, byte by byte. */
function toLatin1(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}

/** RFC 3986: all but unreserved characters. */
function encodeValue(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll(/[!'()*]/g, percent);
}

/** The same, but for what a path segment may hold besides and servers compare as it is: `123:abc` of a bot. */
function encodeSegment(value: string): string {
  return encodeValue(value).replaceAll(/%(?:24|26|2B|3A|3D|40)/g, (escape) => decodeURIComponent(escape));
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
