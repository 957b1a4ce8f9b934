/**
 * What a client gets of the head of an upstream's answer. Pure.
 *
 * Invariant: of the headers pass those that are named here or in the policy, and never one that is about the connection.
 */
import type { HttpPermit } from '../../model/http.ts';
import { CONNECTION_HEADERS } from './upstream-request.ts';

/** The head of an answer as Node read it. */
export interface AnswerHead {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** Those that pass always: about the answer itself, its caching, and when to ask again. */
const ORDINARY: ReadonlySet<string> = new Set([
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-range',
  'content-type',
  'date',
  'deprecation',
  'etag',
  'expires',
  'last-modified',
  'link',
  'location',
  'pragma',
  'request-id',
  'retry-after',
  'sunset',
  'vary',
  'x-request-id',
]);
/** `RateLimit-Remaining`, `X-RateLimit-Reset`, `anthropic-ratelimit-...`: what a well-behaved client slows down by. */
const RATE_LIMIT = /^(?:[a-z]+-)?ratelimit(?:-|$)/;

/** Why an answer cannot be passed on; undefined where it can. `isLookedThrough`: its body has to be searched. */
export function answerProblem(head: AnswerHead, isLookedThrough: boolean): string | undefined {
  if (head.status < 200 || head.status > 599) return `its status is ${head.status}`;
  const codings = valuesOf(head, 'transfer-encoding').map((value) => value.toLowerCase());
  if (codings.length > 1 || codings.some((coding) => coding !== 'chunked')) return 'its transfer coding is not chunked';
  if (!isLookedThrough) return undefined;
  const encodings = valuesOf(head, 'content-encoding').map((value) => value.trim().toLowerCase());
  if (encodings.some((encoding) => encoding !== 'identity' && encoding !== ''))
    return 'it is encoded, so it cannot be searched for what must not pass';
  // Of a value that is in two parts, neither would be found.
  if (head.status === 206) return 'it is a part, so it cannot be searched for what must not pass';
  return undefined;
}

/** The headers that pass, without those that say how long the body is. */
export function passedHeaders(head: AnswerHead, permit: HttpPermit, sentPath: string): Headers {
  const named = new Set(valuesOf(head, 'connection').flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/)));
  return pairsOf(head.rawHeaders).flatMap(([name, value]) => {
    if (!mayPass(name, permit) || named.has(name)) return [];
    if (name !== 'location') return [[name, value] as const];
    const location = clientLocation(value, permit, sentPath);
    return location === undefined ? [] : [[name, location] as const];
  });
}

/** Trailers pass as headers do. */
export function passedTrailers(rawTrailers: readonly string[], permit: HttpPermit): Headers {
  return pairsOf(rawTrailers).filter(([name]) => name !== 'location' && mayPass(name, permit));
}

/** Whether the answer to a request with this method has a body (RFC 9112, section 6.3). */
export function hasAnswerBody(method: string, { status }: AnswerHead): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304;
}

/** The length that the upstream announced; undefined where it did not, and for 204, which may have none. */
export function announcedLength(head: AnswerHead): number | undefined {
  if (head.status === 204) return undefined;
  const [length, ...others] = valuesOf(head, 'content-length');
  if (length === undefined || others.length > 0 || !/^\d{1,15}$/.test(length)) return undefined;
  return valuesOf(head, 'transfer-encoding').length > 0 ? undefined : Number(length);
}

export function isEventStream(head: AnswerHead): boolean {
  return valuesOf(head, 'content-type').some((value) => /^text\/event-stream[ \t]*(?:;|$)/i.test(value));
}

/** Node's types ask for arrays that may be changed; it does not change them. */
export function mutable(headers: Headers): [name: string, value: string][] {
  return headers.map(([name, value]) => [name, value]);
}

function mayPass(name: string, { responseHeaders }: HttpPermit): boolean {
  if (CONNECTION_HEADERS.has(name)) return false;
  return ORDINARY.has(name) || RATE_LIMIT.test(name) || responseHeaders.has(name);
}

function valuesOf({ rawHeaders }: AnswerHead, wanted: string): string[] {
  return pairsOf(rawHeaders).flatMap(([name, value]) => (name === wanted ? [value] : []));
}

function pairsOf(raw: readonly string[]): (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ''] as const] : []));
}

/** A redirect as the client can follow it: a path of this capability. One that leads away from the upstream is dropped. */
function clientLocation(location: string, { upstream }: HttpPermit, sentPath: string): string | undefined {
  const { protocol, host, port, basePath } = upstream;
  const sent = `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}${sentPath}`;
  if (!URL.canParse(sent) || !URL.canParse(location, sent)) return undefined;
  const target = new URL(location, sent);
  if (target.origin !== new URL(sent).origin) return undefined;
  if (target.pathname !== basePath && !target.pathname.startsWith(`${basePath}/`)) return undefined;
  const path = target.pathname.slice(basePath.length) || '/';
  // `//host` would be another host's to the client (RFC 3986, section 4.2).
  return path.startsWith('//') ? undefined : `${path}${target.search}${target.hash}`;
}
