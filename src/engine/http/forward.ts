/**
 * Sends what a permit allows to its upstream, and the answer back: the executor of `type: http`. It reads the permit, and
 * of the client's request the body alone.
 *
 * Invariants: nothing is sent with a secret missing; what was injected is taken out of the answer, its headers too, unless
 * the policy says `redact: false`; an answer that broke off never looks whole; who leaves first ends the other side.
 */
import type { ClientRequest } from 'node:http';
import { CarapaceError } from '../../model/error.ts';
import type { HttpPermit } from '../../model/http.ts';
import type { Redaction } from '../../model/injection.ts';
import type { Resolver } from '../secrets/resolver.ts';
import { Forwarding } from './forwarding.ts';
import { type HttpFilters, openHttpFilters } from './http-filters.ts';
import { type FailedOutcome, type HttpOutcome, UNUSABLE } from './http-outcome.ts';
import { resolveHttpValues } from './http-values.ts';
import { hasBody, type HttpExchange, isUpgrade } from './request-head.ts';
import { buildUpstreamRequest, type Framing, type UpstreamRequest } from './upstream-request.ts';
import type { UpstreamLink, Upstreams } from './upstream.ts';

export interface ForwardParts {
  readonly resolver: Pick<Resolver, 'resolve'>;
  readonly upstreams: Pick<Upstreams, 'open'>;
}

/**
 * Forwards one allowed request; to be called once its decision is on record. Resolves when the answer has left, or was cut
 * off, or none may be sent: where the outcome is `failed`, or its status is null and the client is not gone, nothing was
 * written to the response, and the caller answers with a refusal. To end an exchange from outside, destroy the response.
 * Never rejects.
 */
export async function forward(parts: ForwardParts, permit: HttpPermit, exchange: HttpExchange): Promise<HttpOutcome> {
  try {
    return bodyProblem(permit, exchange) ?? (await forwardAllowed(parts, permit, exchange));
  } catch (thrown) {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return { kind: 'failed', reason: 'internal', message: 'the gateway failed', detail };
  }
}

async function forwardAllowed(parts: ForwardParts, permit: HttpPermit, exchange: HttpExchange): Promise<HttpOutcome> {
  const startedAt = performance.now();
  const values = await resolveHttpValues(permit, parts.resolver);
  if (!values.ok) return secretUnavailable(values.problem, values.retryAfterMs);
  const filters = filtersOrProblem(permit, values.redactions);
  if (typeof filters === 'string') return secretUnavailable(filters);
  const upgrades = isUpgrade(exchange.request);
  if (upgrades && (filters.answer !== undefined || filters.body !== undefined))
    return refusedBody('a WebSocket cannot be searched for what must not pass');

  const framing = framingOf(permit, exchange, filters);
  const isSearched = filters.answer !== undefined || permit.sseFilter !== null;
  const built = buildUpstreamRequest(permit, values, framing, isSearched);
  if (built === undefined) return secretUnavailable('a value that is injected into the path would lead elsewhere');
  const opened = await parts.upstreams.open(permit.upstream, values.identity);
  if (!opened.ok) return { ...UNUSABLE, message: 'the upstream cannot be reached', detail: opened.problem };

  const outgoing = beginRequest(opened.link, built, upgrades);
  const forwarding = new Forwarding({ permit, exchange, outgoing, sentPath: built.path, filters, framing, startedAt });
  return forwarding.run();
}

/** A value that cannot be taken out of the answer is not injected. */
function filtersOrProblem(permit: HttpPermit, redactions: readonly Redaction[]): HttpFilters | string {
  try {
    return openHttpFilters(permit, redactions);
  } catch (thrown) {
    if (thrown instanceof CarapaceError) return thrown.message;
    throw thrown;
  }
}

function framingOf({ body }: HttpPermit, { request }: HttpExchange, filters: HttpFilters): Framing {
  const isSearched = filters.body !== undefined;
  if (typeof body === 'object')
    return isSearched ? { kind: 'chunked' } : { kind: 'length', bytes: Buffer.byteLength(body.text) };
  if (body === 'none' || !hasBody(request)) return { kind: 'none' };
  const length = request.headers['content-length'];
  return length === undefined || isSearched ? { kind: 'chunked' } : { kind: 'length', bytes: Number(length) };
}

/** What may not be sent as the body, before anything is looked up; undefined where there is nothing against it. */
function bodyProblem(permit: HttpPermit, exchange: HttpExchange): FailedOutcome | undefined {
  const { request } = exchange;
  if (isUpgrade(exchange.request) && !permit.websocket) return refusedBody('connections are not upgraded here');
  if (typeof permit.body === 'object' || !hasBody(request)) return undefined;
  if (permit.body === 'none') return tooLarge('a body is not allowed here');
  const { maxBodyBytes } = permit.limits;
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes)
    return tooLarge(`the body is larger than ${maxBodyBytes} bytes`);
  const encodings = permit.headers.filter(([name]) => name === 'content-encoding');
  if (permit.content.input !== null && encodings.some(([, value]) => value.toLowerCase() !== 'identity'))
    return refusedBody('an encoded body cannot be searched for what must not pass');
  return undefined;
}

function beginRequest(
  link: UpstreamLink,
  { method, path, headers }: UpstreamRequest,
  upgrades: boolean,
): ClientRequest {
  const outgoing = link.request(method, path);
  // Whatever becomes of it, and whenever: an error that nobody hears would end the gateway.
  outgoing.on('error', () => {});
  try {
    for (const [name, value] of headers) outgoing.appendHeader(name, value);
    if (upgrades) outgoing.setHeader('connection', 'Upgrade').setHeader('upgrade', 'websocket');
  } catch (thrown) {
    outgoing.destroy();
    throw thrown;
  }
  return outgoing;
}

function tooLarge(message: string): FailedOutcome {
  return { kind: 'failed', reason: 'too-large', message };
}

function refusedBody(message: string): FailedOutcome {
  return { kind: 'failed', reason: 'content-refused', message };
}

/** Which secret it is, and where it is kept, is for the operator alone. */
function secretUnavailable(detail: string, retryAfterMs?: number): FailedOutcome {
  const message = 'a secret that the request needs cannot be had';
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { kind: 'failed', reason: 'secret-unavailable', message, detail, ...retry };
}
