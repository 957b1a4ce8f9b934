/** What a client gets in place of an answer: a status by the reason, and JSON that says it. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Reason } from '../../model/reason.ts';
import { safeJson } from '../audit/safe-json.ts';
import { isBodyPending } from './request-head.ts';

export interface HttpRefusal {
  readonly reason: Reason;
  /** Safe for the client. */
  readonly message: string;
  /** The request's id. */
  readonly request: string;
  /** Milliseconds after which trying again may help; absent where it will not. */
  readonly retryAfterMs?: number;
  /** The whole body, where it has another form: an error object of JSON-RPC. It says the same. */
  readonly body?: string;
}

/** The status of each reason; docs/http.md prints this table. */
export const HTTP_STATUS: Readonly<Record<Reason, number>> = {
  'no-rule': 403,
  'rule-denies': 403,
  'unknown-subcommand': 403,
  'option-refused': 403,
  'value-refused': 403,
  'character-refused': 403,
  'path-refused': 403,
  'cwd-refused': 403,
  'stdin-refused': 403,
  'content-refused': 403,
  'no-such-tool': 404,
  malformed: 400,
  'unsupported-version': 505,
  'too-large': 413,
  'frame-timeout': 408,
  internal: 500,
  'tool-unavailable': 503,
  'secret-unavailable': 503,
  'upstream-unavailable': 502,
  'audit-unavailable': 503,
  'rate-limited': 429,
  'too-many': 429,
  draining: 503,
  'time-limit': 504,
  'output-limit': 502,
};

/**
 * Answers with a refusal. Where an answer has begun the connection is closed instead, so that no half of one looks whole;
 * where a body is still to come the connection is closed behind the refusal. Never throws.
 */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, refusal: HttpRefusal): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (isBodyPending(request)) response.shouldKeepAlive = false;
  const { status, headers, body } = formatRefusal(refusal);
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(status, headers.flat());
  response.end(Buffer.from(body));
  // What comes of the body is dropped.
  request.resume();
}

/** A refusal as the bytes of an answer, behind which the connection is closed: where Node has no response to write it to. */
export function refusalBytes(refusal: HttpRefusal): Buffer {
  const { status, headers, body } = formatRefusal(refusal);
  const lines = [...headers, ['connection', 'close'] as const].map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

interface Formatted {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

function formatRefusal({ reason, message, request, retryAfterMs, body }: HttpRefusal): Formatted {
  const text = body ?? safeJson({ error: { code: reason, message, request } });
  const retry = retryAfterMs === undefined ? [] : [['retry-after', retryAfter(retryAfterMs)] as const];
  return {
    status: HTTP_STATUS[reason],
    headers: [
      ['content-type', 'application/json; charset=utf-8'],
      ['content-length', String(Buffer.byteLength(text) + 1)],
      ['cache-control', 'no-store'],
      ...retry,
    ],
    body: `${text}\n`,
  };
}

/** Whole seconds (RFC 9110, section 10.2.3), rounded so that the wait is long enough. */
function retryAfter(milliseconds: number): string {
  return String(Math.max(1, Math.ceil(milliseconds / 1000)));
}
