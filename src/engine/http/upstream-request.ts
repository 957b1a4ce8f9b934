/**
 * The request that an upstream gets: made of the permit and the injected values alone. Pure.
 *
 * Invariants: nothing of the client's request is in it that the permit does not hold; an injected name is in it once, with
 * our value; how long the body is, is said in one way.
 */
import type { HttpPermit } from '../../model/http.ts';
import type { HttpValues } from './http-values.ts';

/** How the end of the body is told (RFC 9112, section 6). `none`: there is no body. */
export type Framing = { readonly kind: 'none' | 'chunked' } | { readonly kind: 'length'; readonly bytes: number };

export interface UpstreamRequest {
  readonly method: string;
  /** Base path, path and query. */
  readonly path: string;
  /** In order; names in lower case, those that came several times as often. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What is about one connection or about the framing, and never passed on (RFC 9110, section 7.6.1), nor injected. */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Asks for the answer, or a part of it, in a form that cannot be looked through. */
const FORM_HEADERS: ReadonlySet<string> = new Set(['accept-encoding', 'range', 'if-range']);

/**
 * @param isLookedThrough the answer's body is searched: it must come whole and unencoded
 * @returns undefined where an injected value makes a path that leads elsewhere
 */
export function buildUpstreamRequest(
  permit: HttpPermit,
  values: Pick<HttpValues, 'headers' | 'query' | 'path'>,
  framing: Framing,
  isLookedThrough: boolean,
): UpstreamRequest | undefined {
  const path = fillPath(permit.path, values.path);
  if (path === undefined) return undefined;
  const query = buildQuery(permit.query, values.query);
  return {
    method: permit.method,
    path: `${permit.upstream.basePath}${path}${query === null ? '' : `?${query}`}`,
    headers: [
      ['host', hostOf(permit)],
      ...passedHeaders(permit, values.headers, isLookedThrough),
      ...(isLookedThrough ? [['accept-encoding', 'identity'] as const] : []),
      ...[...values.headers].filter(([name]) => !CONNECTION_HEADERS.has(name)),
      ...framingHeaders(framing),
    ],
  };
}

/** Fills placeholders in. A value that is `..`, or makes such a segment with what is around it, would lead elsewhere. */
function fillPath(path: string, values: ReadonlyMap<string, string>): string | undefined {
  if (values.size === 0) return path;
  const filled = path.replaceAll(/\{([^{}]*)\}/g, (placeholder, name: string) => values.get(name) ?? placeholder);
  const segments = filled.split('/').slice(1);
  const isStill = segments.every((segment) => segment !== '.' && segment !== '..');
  // Nor may an empty one make two segments of three.
  return isStill && segments.filter(Boolean).length === path.split('/').filter(Boolean).length ? filled : undefined;
}

function buildQuery(query: string | null, injected: ReadonlyMap<string, string>): string | null {
  if (injected.size === 0) return query;
  const kept = query === null || query === '' ? [] : query.split('&').filter((pair) => !injected.has(nameOf(pair)));
  return [...kept, ...[...injected].map(([name, value]) => `${encodeURIComponent(name)}=${value}`)].join('&');
}

/** The name as servers read it. One that cannot be decoded is no injected one. */
function nameOf(pair: string): string {
  const [name = ''] = pair.split('=', 1);
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

function passedHeaders(
  { headers, body }: HttpPermit,
  injected: ReadonlyMap<string, string>,
  isLookedThrough: boolean,
): (readonly [string, string])[] {
  return headers.filter(([name]) => {
    if (CONNECTION_HEADERS.has(name) || injected.has(name)) return false;
    // What was checked is text as it stands, whatever the client called it.
    if (name === 'content-encoding' && typeof body === 'object') return false;
    return !isLookedThrough || !FORM_HEADERS.has(name);
  });
}

/** Said in every case: for some methods Node would send a body without (RFC 9112, section 6.3), as if a request followed. */
function framingHeaders(framing: Framing): (readonly [string, string])[] {
  if (framing.kind === 'length') return [['content-length', String(framing.bytes)]];
  return framing.kind === 'chunked' ? [['transfer-encoding', 'chunked']] : [];
}

function hostOf({ upstream: { protocol, host, port } }: HttpPermit): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (protocol === 'https:' ? 443 : 80) ? name : `${name}:${port}`;
}
