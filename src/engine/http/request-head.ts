/**
 * The head of a request, as the policy gets it: what Node's parser accepts, and of that only what has one reading.
 *
 * The parser (llhttp, strict) refuses bare LF and CR, folded lines, a length beside a transfer coding, repeated lengths and
 * control characters; this refuses what it lets pass. Chunk extensions and trailers are dropped (RFC 9112, section 7.1).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpHead } from '../../model/http.ts';
import type { FailureReason } from '../../model/reason.ts';

/** What passes through one request: the two halves as Node has them. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export type ParsedHead =
  | { readonly ok: true; readonly head: HttpHead }
  /** `message` is safe for the client. */
  | { readonly ok: false; readonly reason: FailureReason; readonly message: string };

/** Above what any client sends. */
const MAX_HEADERS = 100;

/** Of these one counts, and servers differ in which: RFC 9110 defines none of them as a list. */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'date',
  'expect',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'origin',
  'range',
  'referer',
  'sec-websocket-key',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);

/** Headers of which one value is understood. */
const ONLY_VALUE: ReadonlyMap<string, string> = new Map([
  ['transfer-encoding', 'chunked'],
  ['expect', '100-continue'],
]);

/** Reads the head of a request. Never throws. */
export function readHead({ httpVersion, method = '', url = '', rawHeaders }: IncomingMessage): ParsedHead {
  // An answer to HTTP/1.0 ends where the connection does, so one that broke off would look whole.
  if (httpVersion !== '1.1')
    return { ok: false, reason: 'unsupported-version', message: 'the version must be HTTP/1.1' };
  const headers = pairsOf(rawHeaders);
  const problem = targetProblem(url) ?? headersProblem(headers);
  if (problem !== undefined) return { ok: false, reason: 'malformed', message: problem };
  const mark = url.indexOf('?');
  const [path, query] = mark === -1 ? [url, null] : [url.slice(0, mark), url.slice(mark + 1)];
  return { ok: true, head: { method, path, query, headers } };
}

/** Whether the request says that a body follows (RFC 9112, section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Whether a part of the body has not come yet: after an answer nothing else may be read from this connection. */
export function isBodyPending(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete;
}

/** Whether Node has taken the connection out of its own hands, because the request is to upgrade it. */
export function isUpgrade(request: IncomingMessage): boolean {
  return 'upgrade' in request && request.upgrade === true;
}

/** Requests whose client waits for a 100 before it sends the body (RFC 9110, section 10.1.1). */
const waiting = new WeakSet<IncomingMessage>();

/** Notes that a client waits; for the server that reads its head. */
export function noteExpectation(request: IncomingMessage): void {
  waiting.add(request);
}

/** To be called once the request is allowed, before its body is read: a client that waits is told to go on. */
export function sendContinue({ request, response }: HttpExchange): void {
  if (waiting.delete(request)) response.writeContinue();
}

function pairsOf(raw: readonly string[]): (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ''] as const] : []));
}

/** Origin form only (RFC 9112, section 3.2.1): where the request goes is the policy's to say. */
function targetProblem(target: string): string | undefined {
  if (!target.startsWith('/')) return 'the target must be a path';
  return target.includes('#') ? 'the target has a fragment' : undefined;
}

function headersProblem(headers: HttpHead['headers']): string | undefined {
  if (headers.length > MAX_HEADERS) return `there are more than ${MAX_HEADERS} headers`;
  const seen = new Set<string>();
  for (const [name, value] of headers) {
    if (SINGLE.has(name) && seen.has(name)) return `the header ${name} is there twice`;
    const only = ONLY_VALUE.get(name);
    if (only !== undefined && value.toLowerCase() !== only) return `the header ${name} is not ${only}`;
    seen.add(name);
  }
  if (seen.has('transfer-encoding') && seen.has('content-length')) return 'the body has a length and a transfer coding';
  return seen.has('host') ? undefined : 'there is no host';
}
