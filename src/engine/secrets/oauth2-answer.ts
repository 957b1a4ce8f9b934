/** What a token endpoint answers to a refresh (RFC 6749, sections 5.1 and 5.2). */
import { isUtf8 } from 'node:buffer';
import { Secret } from '../../model/secret.ts';
import { parseStrictJson } from '../../protocol/strict-json.ts';

/** An answer, taken apart before it is judged: its refresh token must not be lost whatever else is wrong with it. */
export interface TokenAnswer {
  /** A refresh token that stands for the one that was sent; undefined where the server sent none. */
  readonly refreshToken: Secret | undefined;
  readonly access: AccessToken | { readonly ok: false; readonly problem: string };
}

export interface AccessToken {
  readonly ok: true;
  readonly token: Secret;
  /** Its life from the moment of the request, in milliseconds. */
  readonly lifeMs: number;
}

/** Where the server does not say (RFC 6749, section 5.1, only recommends that it does): short, so that little is guessed. */
const DEFAULT_LIFE_MS = 5 * 60_000;
/** RFC 6749, appendix A.12: printable ASCII, so it cannot end a header line. */
const ACCESS_TOKEN = /^[\x20-\x7E]+$/;
/** The codes of RFC 6749, section 5.2, that are ours to print; all else that a server says stays unsaid. */
const ERROR_CODES = [
  'invalid_request',
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
];

/** Takes an answer apart. Never throws; no problem holds a word of the answer but one of the error codes above. */
export function readTokenAnswer(status: number, body: Buffer): TokenAnswer {
  const json = isUtf8(body) ? parseStrictJson(body.toString('utf8')) : { ok: false as const };
  const fields = json.ok && isObject(json.value) ? json.value : undefined;
  if (fields === undefined) return refused(status === 200 ? 'the answer is no JSON object' : statusProblem(status));
  if (status !== 200) return refused(errorProblem(fields['error']) ?? statusProblem(status));
  return { refreshToken: textOf(fields['refresh_token']), access: accessOf(fields) };
}

function accessOf(fields: Readonly<Record<string, unknown>>): TokenAnswer['access'] {
  const { access_token: token, token_type: type, expires_in: seconds } = fields;
  // Some servers answer an error with status 200.
  const problem = token === undefined ? errorProblem(fields['error']) : undefined;
  if (problem !== undefined) return { ok: false, problem };
  if (typeof token !== 'string' || token === '') return { ok: false, problem: 'the answer has no access_token' };
  if (!ACCESS_TOKEN.test(token)) return { ok: false, problem: 'the access_token is no printable ASCII' };
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    return { ok: false, problem: 'the token_type is not bearer' };
  }
  const lifeMs = typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : DEFAULT_LIFE_MS;
  return { ok: true, token: new Secret(token), lifeMs };
}

function errorProblem(code: unknown): string | undefined {
  if (code === 'invalid_grant') return 'the refresh token was refused (invalid_grant); set a new one';
  const known = ERROR_CODES.find((one) => one === code);
  return known === undefined ? undefined : `the request was refused (${known})`;
}

function statusProblem(status: number): string {
  if (status >= 300 && status < 400) return `the token endpoint redirects (status ${status}), which is not followed`;
  return `the token endpoint answered with status ${status}`;
}

function refused(problem: string): TokenAnswer {
  return { refreshToken: undefined, access: { ok: false, problem } };
}

function textOf(value: unknown): Secret | undefined {
  return typeof value === 'string' && value !== '' ? new Secret(value) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
