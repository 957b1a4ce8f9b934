/**
 * What happens to a request to a server, in order: read its body where rules look at it, find the tools of the caller's key
 * at this moment, decide, take a place within the limits, record the decision, forward, record the outcome.
 *
 * Invariants: those of `gateway.ts`, for each request of a connection by itself. A request that the policy of this moment
 * would refuse is ended when keys or policies change.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditEvent } from '../../model/audit-record.ts';
import type { HttpDecision } from '../../model/decision.ts';
import { messageOf } from '../../model/error.ts';
import type { HttpHead, HttpPermit } from '../../model/http.ts';
import type { RpcBody } from '../../model/rpc.ts';
import { decideHttp, needsRpc } from '../../policy/http/decide-http.ts';
import type { HttpTool } from '../../policy/http/http-tool.ts';
import { parseRpcBody } from '../../protocol/json-rpc.ts';
import type { CallIo } from '../call-io.ts';
import type { Caller, ForwardTarget, Refusal, ServeForward } from '../door-interface.ts';
import { invalidRecord } from '../gateway-records.ts';
import { admit, type Admitted, toolsOf } from '../judge.ts';
import type { Limiter } from '../limits.ts';
import type { Log } from '../log.ts';
import { newRequestId } from '../request-id.ts';
import type { RunningCalls } from '../running-calls.ts';
import type { Snapshot } from '../snapshot.ts';
import { forward, type ForwardParts } from './forward.ts';
import type { HttpOutcome } from './http-outcome.ts';
import { httpDecisionRecords, httpOutcomeRecord } from './http-records.ts';
import { createHttpServer, type Unreadable } from './http-server.ts';
import { duplexOf } from './io-duplex.ts';
import { readBody } from './read-body.ts';
import { sendRefusal } from './refusal.ts';
import { rpcRefusal } from './rpc-refusal.ts';

/** What it is made of: the engine's own parts, and those of forwarding. */
export interface ServeHttpParts extends ForwardParts {
  /** The current snapshot. */
  readonly snapshot: () => Snapshot;
  readonly audit: { readonly record: (event: AuditEvent) => void };
  readonly limits: Pick<Limiter, 'admit'>;
  readonly log: Log;
  readonly running: RunningCalls;
  /** True: the gateway stops, and takes nothing new. */
  readonly isDraining: () => boolean;
}

/** Servers as capabilities, as the engine offers them to doors. */
export interface HttpCapabilities {
  /** What a name leads to; undefined where the caller's key has no such capability now. */
  readonly open: (caller: Caller, target: ForwardTarget) => ServeForward | undefined;
  /** Ends the exchanges that would not be allowed any more. To be called when keys or policies have changed. */
  readonly recheck: () => void;
  /** Ends every connection behind what was written to it: nothing runs any more. Resolves once all are closed. */
  readonly end: () => Promise<void>;
  /** Ends every connection at once. */
  readonly close: () => void;
}

/** The caller of a connection, and the capability that it leads to. */
interface Context {
  readonly caller: Caller;
  readonly tool: string;
}

/** One request, read. */
interface Exchange extends Context {
  readonly id: string;
  readonly head: HttpHead;
  readonly body: RpcBody | null;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The port by which every capability is reached over `direct-tcpip`. */
export const VIRTUAL_PORT = 80;

export function createHttpCapabilities(parts: ServeHttpParts): HttpCapabilities {
  const exchanges = new Set<Exchange>();
  const server = createHttpServer<Context>({
    handle: async (context, head, request, response) => {
      const exchange = await readExchange(parts, context, head, { request, response });
      if (exchange !== undefined) await serve(parts, exchanges, exchange);
    },
    refused: ({ caller }, unreadable, cause) => refuseUnreadable(parts, caller, unreadable, cause),
  });
  return {
    open: (caller, target) => {
      const name = nameOf(target);
      const tool = name === undefined ? undefined : httpToolOf(parts, caller, name);
      if (tool === undefined) return undefined;
      return (io) => attend(io, (duplex) => server.accept(duplex, { caller, tool: tool.name }, tool));
    },
    recheck: () => {
      for (const exchange of exchanges)
        if (judge(parts, exchange).decision.verdict === 'deny') exchange.response.destroy();
    },
    end: server.end,
    close: server.close,
  };
}

/** `NAME:80`, or the Unix socket `/NAME`; undefined for anything else. */
function nameOf({ name, port }: ForwardTarget): string | undefined {
  if (port !== null) return port === VIRTUAL_PORT ? name : undefined;
  return name.startsWith('/') ? name.slice(1) : undefined;
}

function httpToolOf(parts: ServeHttpParts, caller: Caller, name: string): HttpTool | undefined {
  const tool = toolsOf(parts.snapshot(), caller).get(name);
  return tool?.type === 'http' ? tool : undefined;
}

/** Resolves once the connection is over. */
async function attend(io: CallIo, accept: (duplex: ReturnType<typeof duplexOf>) => void): Promise<void> {
  const duplex = duplexOf(io);
  const closed = new Promise<void>((resolve) => void duplex.once('close', resolve));
  accept(duplex);
  await closed;
}

/** Reads the body where the rules of this moment look at it; undefined where the request was refused on the way. */
async function readExchange(
  parts: ServeHttpParts,
  context: Context,
  head: HttpHead,
  halves: Pick<Exchange, 'request' | 'response'>,
): Promise<Exchange | undefined> {
  const exchange = { ...context, ...halves, id: newRequestId(), head, body: null };
  const tool = httpToolOf(parts, context.caller, context.tool);
  if (tool === undefined || !needsRpc(tool, head)) return exchange;
  const read = await readBody(halves, tool.limits.maxBodyBytes);
  if (read.ok) return { ...exchange, body: parseRpcBody(read.body) };
  const refusal = {
    reason: 'too-large',
    message: `the body is larger than ${tool.limits.maxBodyBytes} bytes`,
  } as const;
  const request = refuseUnreadable(parts, context.caller, refusal);
  if (read.reason === 'too-large') sendRefusal(halves.request, halves.response, { ...refusal, request });
  return undefined;
}

interface Judged {
  readonly definition: HttpTool | undefined;
  readonly decision: HttpDecision;
  readonly digest: string;
}

/** By one snapshot: that of this moment. */
function judge(parts: ServeHttpParts, { caller, tool, head, body }: Exchange): Judged {
  const snapshot = parts.snapshot();
  const tools = toolsOf(snapshot, caller);
  const found = tools.get(tool);
  const definition = found?.type === 'http' ? found : undefined;
  return { definition, decision: decideHttp(tools, { tool, head, body }), digest: snapshot.digest };
}

/** The order of everything. */
async function serve(parts: ServeHttpParts, exchanges: Set<Exchange>, exchange: Exchange): Promise<void> {
  const { caller, tool, id: request } = exchange;
  const judged = judge(parts, exchange);
  const admitted = parts.isDraining() ? refuseDraining(tool) : admit<HttpPermit>(parts.limits, caller, judged.decision);

  const refused = admitted.ok ? null : admitted.refusal.reason;
  const unrecorded = tryRecord(parts, httpDecisionRecords({ ...judged, ...exchange, request, refused }));
  if (unrecorded !== undefined) {
    if (admitted.ok) admitted.release();
    return refuse(exchange, { tool, ...unrecorded });
  }
  if (!admitted.ok) return refuse(exchange, admitted.refusal);

  let outcome: HttpOutcome;
  parts.running.add({ request, caller, tool, startedAt: new Date() });
  exchanges.add(exchange);
  try {
    outcome = await forward(parts, admitted.permit, exchange);
  } finally {
    exchanges.delete(exchange);
    parts.running.delete(request);
    admitted.release();
  }
  tryRecord(parts, [httpOutcomeRecord(caller, request, tool, outcome)]);
  answerUnsent(parts, exchange, outcome);
}

/** What was not answered by the upstream is answered by us. */
function answerUnsent({ log }: ServeHttpParts, exchange: Exchange, outcome: HttpOutcome): void {
  const { id: request, tool } = exchange;
  const detail = 'detail' in outcome ? (outcome.detail ?? null) : null;
  if (outcome.kind === 'failed')
    log.warn(`request: ${tool}: ${outcome.message}`, { request, reason: outcome.reason, detail });
  if (outcome.kind === 'broken') log.warn(`request: ${tool}: the answer broke off`, { request, detail });
  if (outcome.kind === 'failed') refuse(exchange, { tool, ...outcome });
  else if (outcome.kind === 'limited' && outcome.status === null) refuse(exchange, { tool, ...outcome });
  else if (outcome.kind === 'broken' && outcome.status === null)
    refuse(exchange, { tool, reason: 'upstream-unavailable', message: 'the upstream did not answer' });
}

function refuse({ request, response, id, body }: Exchange, { reason, message, retryAfterMs }: Refusal): void {
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  const text = rpcRefusal(body, { reason, message, request: id });
  sendRefusal(request, response, { reason, message, request: id, ...retry, ...(text === null ? {} : { body: text }) });
}

/** Records what never became a request, and returns its id. */
function refuseUnreadable(parts: ServeHttpParts, caller: Caller, { reason }: Unreadable, cause?: unknown): string {
  const request = newRequestId();
  if (cause !== undefined) {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : messageOf(cause);
    parts.log.error('request: defect while serving it', { request, error });
  }
  tryRecord(parts, [invalidRecord(caller, request, reason, parts.snapshot().digest)]);
  return request;
}

function refuseDraining(tool: string): Admitted<HttpPermit> {
  return { ok: false, refusal: { tool, reason: 'draining', message: 'the gateway is stopping' } };
}

/** Records, and returns what to tell the client where that failed. */
function tryRecord(
  { audit, log }: ServeHttpParts,
  events: readonly AuditEvent[],
): { reason: 'audit-unavailable'; message: string } | undefined {
  try {
    for (const event of events) audit.record(event);
    return undefined;
  } catch (thrown) {
    log.error('audit: cannot write a record, so nothing runs', { error: messageOf(thrown) });
    return { reason: 'audit-unavailable', message: 'the audit log cannot be written, so nothing was sent' };
  }
}
