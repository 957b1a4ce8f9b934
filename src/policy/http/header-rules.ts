/**
 * Which headers of a request pass to the server, and what a request's headers say of its body.
 *
 * Invariants: a header that is not named here or by the policy does not pass. Nothing that proves who somebody is, that says
 * where a request came from, that steers the connection or overrides the method ever passes. How the body is framed has
 * one reading.
 */
import type { HttpHead } from '../../model/http.ts';
import { quoted } from '../../model/visible.ts';

type Headers = HttpHead['headers'];

/** What ordinary clients send and servers need: no more than content negotiation, conditions, ranges and versions of an API. */
const PASSING: ReadonlySet<string> = new Set(
  (
    'accept accept-charset accept-encoding accept-language anthropic-beta anthropic-version cache-control content-encoding ' +
    'content-language content-type git-protocol idempotency-key if-match if-modified-since if-none-match if-range ' +
    'if-unmodified-since last-event-id openai-beta pragma prefer range user-agent x-github-api-version'
  ).split(' '),
);
/** MCP's own: session and version (https://modelcontextprotocol.io/specification, transports). */
const PASSING_PREFIX = 'mcp-';

/** Of a handshake (RFC 6455 section 4.1), where WebSockets are allowed. */
const WEBSOCKET: ReadonlySet<string> = new Set(
  'sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version'.split(' '),
);

/** Never from a client: RFC 9110 sections 7.2, 7.6, 10.1.1, 11.6, RFC 9112 section 6, RFC 6265, RFC 7239, and common practice. */
const NEVER: ReadonlySet<string> = new Set(
  (
    'api-key authorization connection content-length cookie cookie2 expect forwarded front-end-https host http2-settings ' +
    'keep-alive max-forwards te trailer transfer-encoding true-client-ip upgrade via x-api-key x-auth-token x-client-ip ' +
    'x-cluster-client-ip x-goog-api-key x-http-method x-http-method-override x-method-override x-original-host ' +
    'x-original-url x-real-ip x-rewrite-url'
  ).split(' '),
);
const NEVER_PREFIX = /^(?:proxy-|x-forwarded|sec-|cf-|x-envoy-|x-amzn?-)/;

/** What a policy may not inject either: it would change where a request ends or where it goes. */
const FRAMING: ReadonlySet<string> = new Set(
  'connection content-length expect host http2-settings keep-alive te trailer transfer-encoding upgrade'.split(' '),
);

/** What is wrong with a header's name (RFC 9110 section 5.6.2) where a policy names one. */
export function headerNameProblem(name: string): string | undefined {
  return /^[\w!#$%&'*+\-.^`|~]{1,128}$/.test(name) ? undefined : 'is no name of a header';
}

/** The same of one to inject. */
export function injectedHeaderProblem(name: string): string | undefined {
  const lower = name.toLowerCase();
  const isFraming = FRAMING.has(lower) || lower.startsWith('proxy-') || lower.startsWith('sec-websocket-');
  return headerNameProblem(name) ?? (isFraming ? 'concerns the connection, and is written by the gateway' : undefined);
}

/** The same of one that shall pass from the client. */
export function requestHeaderProblem(name: string): string | undefined {
  const lower = name.toLowerCase().replaceAll('_', '-');
  const isNever = NEVER.has(lower) || NEVER_PREFIX.test(lower);
  return headerNameProblem(name) ?? (isNever ? 'never passes from a client' : undefined);
}

/** The same of one that shall pass to the client. */
export function responseHeaderProblem(name: string): string | undefined {
  return injectedHeaderProblem(name);
}

export interface SortedHeaders {
  readonly passing: Headers;
  /** Names, each once; without those that every connection has of its own. */
  readonly dropped: readonly string[];
}

export interface HeaderRules {
  /** Further names that pass. */
  readonly requestHeaders: ReadonlySet<string>;
  /** Names that the gateway writes itself: those of a client never pass. */
  readonly injected: ReadonlySet<string>;
  readonly websocket: boolean;
}

/** Sorts a client's headers. Values pass as they came. */
export function sortHeaders(headers: Headers, { requestHeaders, injected, websocket }: HeaderRules): SortedHeaders {
  const named = new Set(valuesOf(headers, 'connection').flatMap(listOf));
  const passes = (name: string): boolean => {
    if (injected.has(name) || named.has(name)) return false;
    if (websocket && WEBSOCKET.has(name)) return true;
    return PASSING.has(name) || name.startsWith(PASSING_PREFIX) || requestHeaders.has(name);
  };
  const passing = headers.filter(([name]) => passes(name));
  const dropped = headers.flatMap(([name]) => (passes(name) || FRAMING.has(name) ? [] : [name]));
  return { passing, dropped: [...new Set(dropped)] };
}

/** What is wrong with a request's headers, whatever the policy: the header at fault, and why. Null where nothing is. */
export function headersFault(headers: Headers): HeaderFault | null {
  const bad = headers.find(
    ([name, value]) => headerNameProblem(name) !== undefined || /[^\t\x20-\x7e\x80-\xff]/.test(value),
  );
  if (bad !== undefined)
    return { token: bad[0], message: `header ${quoted(bad[0], 80)} holds a character that is not allowed` };
  const twice = ['content-type', 'content-encoding', 'upgrade'].find((name) => valuesOf(headers, name).length > 1);
  if (twice !== undefined) return { token: twice, message: `header ${twice} stands twice` };
  return framingFault(valuesOf(headers, 'content-length'), valuesOf(headers, 'transfer-encoding'));
}

export interface HeaderFault {
  readonly token: string;
  readonly message: string;
}

/** One length, or `chunked`, or neither (RFC 9112, section 6.3). */
function framingFault(lengths: readonly string[], codings: readonly string[]): HeaderFault | null {
  const isPlain =
    lengths.every((length) => /^\d{1,15}$/.test(length)) && codings.every((coding) => /^chunked$/i.test(coding));
  if (isPlain && lengths.length + codings.length <= 1) return null;
  const token = codings.length > 0 ? 'transfer-encoding' : 'content-length';
  return { token, message: 'the length of the body has more than one reading' };
}

/** True where the headers say that a body follows. */
export function hasBody(headers: Headers): boolean {
  return (
    valuesOf(headers, 'transfer-encoding').length > 0 ||
    valuesOf(headers, 'content-length').some((length) => Number(length) > 0)
  );
}

/** True for a handshake that asks for a WebSocket. */
export function asksForWebSocket({ method, headers }: HttpHead): boolean {
  return method === 'GET' && valuesOf(headers, 'upgrade').flatMap(listOf).includes('websocket');
}

/** Why a body under JSON-RPC rules would not be read as it is checked; null where it would. */
export function rpcBodyFault(headers: Headers): HeaderFault | null {
  const coding = valuesOf(headers, 'content-encoding').find((value) => value.toLowerCase() !== 'identity');
  if (coding !== undefined) return { token: 'content-encoding', message: 'an encoded body cannot be checked' };
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(valuesOf(headers, 'content-type').join(';'))?.[1];
  if (charset === undefined || charset.toLowerCase() === 'utf-8') return null;
  return { token: 'content-type', message: 'JSON-RPC is UTF-8, and no other charset' };
}

/** The headers of a body that was written anew: whatever the client called it, it is plain JSON now. */
export function asJson(headers: Headers): Headers {
  const others = headers.filter(
    ([name]) => name !== 'content-type' && name !== 'content-encoding' && name !== 'content-language',
  );
  return [...others, ['content-type', 'application/json']];
}

function valuesOf(headers: Headers, name: string): string[] {
  return headers.flatMap(([each, value]) => (each === name ? [value.trim()] : []));
}

function listOf(value: string): string[] {
  return value.split(',').map((each) => each.trim().toLowerCase());
}
