/**
 * Sends one refresh to a token endpoint (RFC 6749, section 6).
 *
 * Invariant: the refresh token and the client's secret go over TLS with a verified certificate or to this host itself,
 * and nowhere but to the address that the policy names: no redirect is followed, and no proxy of the environment is used.
 */
import { request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { errnoOf } from '../../model/error.ts';
import type { OAuth2Reference } from '../../model/injection.ts';
import type { Secret } from '../../model/secret.ts';
import type { TokenAnswer } from './oauth2-answer.ts';
import { readTokenAnswer } from './oauth2-answer.ts';

/** From the first byte sent until the answer is whole. */
const TIME_LIMIT_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/** What a refresh is made with. */
export interface RefreshRequest {
  readonly reference: OAuth2Reference;
  readonly refreshToken: Secret;
  /** Null for a public client. */
  readonly clientSecret: Secret | null;
}

/** Sends it and reads the answer. Never rejects; no problem names what was sent or what the server said. */
export async function requestToken(refresh: RefreshRequest, timeLimitMs: number = TIME_LIMIT_MS): Promise<TokenAnswer> {
  try {
    const url = new URL(refresh.reference.tokenUrl);
    const problem = urlProblem(url);
    if (problem !== undefined) return noAnswer(problem);
    return await exchange(openRequest(url, headersOf(refresh)), bodyOf(refresh), timeLimitMs);
  } catch (error) {
    return noAnswer(`the token endpoint cannot be asked (${errnoOf(error) ?? 'internal error'})`);
  }
}

/** What the schema of policies refuses as well: this is what the invariant above stands on. */
function urlProblem(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'token_url holds a user';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname))) return undefined;
  return 'token_url is not https';
}

function openRequest(url: URL, headers: Readonly<Record<string, string>>): ClientRequest {
  // `agent: false`: a connection of its own, without the proxy that Node's global agent may take from the environment.
  const options = { method: 'POST', headers, agent: false } as const;
  if (url.protocol === 'http:') return requestHttp(url, { ...options, lookup: lookUpLoopback });
  // Said, because NODE_TLS_REJECT_UNAUTHORIZED would decide otherwise.
  return requestHttps(url, { ...options, rejectUnauthorized: true });
}

/** Whatever a name server says of `localhost`. */
const lookUpLoopback: LookupFunction = (_name, options, callback) => {
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) callback(null, both);
  else callback(null, '127.0.0.1', 4);
};

function headersOf({ reference, clientSecret }: RefreshRequest): Record<string, string> {
  const headers = {
    'Content-Type': 'application/x-www-form-urlencoded',
    Accept: 'application/json',
    'User-Agent': 'carapace',
    Connection: 'close',
  };
  if (clientSecret === null || reference.clientAuth === 'body') return headers;
  // Section 2.3.1: both are encoded as a form's values are (appendix B), and then as Basic has it (RFC 7617).
  const pair = `${formEncoded(reference.clientId)}:${formEncoded(clientSecret.reveal())}`;
  return { ...headers, Authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function bodyOf({ reference, refreshToken, clientSecret }: RefreshRequest): string {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken.reveal() });
  if (reference.scope !== null) form.set('scope', reference.scope);
  // A public client names itself in the body however it would prove itself (section 3.2.1).
  if (clientSecret === null || reference.clientAuth === 'body') form.set('client_id', reference.clientId);
  if (clientSecret !== null && reference.clientAuth === 'body') form.set('client_secret', clientSecret.reveal());
  return form.toString();
}

function formEncoded(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice('v='.length);
}

function exchange(request: ClientRequest, body: string, timeLimitMs: number): Promise<TokenAnswer> {
  return new Promise((resolve) => {
    const fail = (problem: string): void => {
      resolve(noAnswer(problem));
      request.destroy();
    };
    const timer = setTimeout(fail, timeLimitMs, `the token endpoint did not answer within ${timeLimitMs / 1000} s`);
    const broken = (error: unknown): void =>
      fail(`the token endpoint cannot be reached (${errnoOf(error) ?? 'protocol error'})`);
    request.on('error', broken);
    request.on('close', () => {
      clearTimeout(timer);
      // Nothing where the answer was whole.
      fail('the token endpoint closed the connection before its answer was whole');
    });
    request.on('response', (response) => readAnswer(response, resolve, fail));
    request.end(body);
  });
}

function readAnswer(
  response: IncomingMessage,
  resolve: (answer: TokenAnswer) => void,
  fail: (problem: string) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_ANSWER_BYTES) chunks.push(chunk);
    else fail(`the token endpoint answered with more than ${MAX_ANSWER_BYTES} bytes`);
  });
  response.on('error', () => fail('the token endpoint closed the connection before its answer was whole'));
  response.on('end', () => {
    const body = Buffer.concat(chunks);
    resolve(readTokenAnswer(response.statusCode ?? 0, body));
    for (const buffer of [...chunks, body]) buffer.fill(0);
  });
}

function noAnswer(problem: string): TokenAnswer {
  return { refreshToken: undefined, access: { ok: false, problem } };
}
