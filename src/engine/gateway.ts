/**
 * What happens to a request, in order: find the key in the current snapshot, open the working directory, decide, take a
 * place within the limits, record the decision, run, record the outcome.
 *
 * Invariants: one snapshot judges a request from beginning to end; nothing runs whose decision is not on disk; the
 * executor sees the permit and never the request; whatever is thrown on the way denies.
 */
import { verifySignature } from '../identity/public-key.ts';
import type { AuditEvent } from '../model/audit-record.ts';
import { messageOf } from '../model/error.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Permit } from '../model/permit.ts';
import { visible } from '../model/visible.ts';
import { answerWord } from './built-in.ts';
import type { CallIo } from './call-io.ts';
import type {
  Asked,
  Caller,
  DoorEvent,
  Ending,
  ForwardTarget,
  Gateway,
  KeyAnswer,
  Refusal,
  ServeForward,
} from './door-interface.ts';
import { decisionRecord, doorRecord, invalidRecord, outcomeRecord } from './gateway-records.ts';
import type { ForwardParts } from './http/forward.ts';
import { createHttpCapabilities, type HttpCapabilities, VIRTUAL_PORT } from './http/serve-http.ts';
import { admit, type Admitted, judge, NO_LIMITS, toolsOf } from './judge.ts';
import type { Limiter } from './limits.ts';
import type { Log } from './log.ts';
import { newRequestId } from './request-id.ts';
import { type RunningCall, RunningCalls } from './running-calls.ts';
import { keyStatus, type Snapshot } from './snapshot.ts';

/** What the gateway is made of. */
export interface GatewayParts {
  /** The current snapshot; taken once a request. */
  readonly snapshot: () => Snapshot;
  /** What is the gateway's own: no file that a wildcard of a policy stands for lies there. */
  readonly ownDirectories: readonly string[];
  readonly audit: { readonly record: (event: AuditEvent) => void };
  readonly limits: Limiter;
  /** Runs what a permit allows a client. Where it rejects, the call has failed. */
  readonly run: (permit: Permit, client: string, io: CallIo) => Promise<Outcome>;
  readonly log: Log;
  /** Servers as capabilities. */
  readonly http: ForwardParts;
}

type ToolAsked = Asked & { kind: 'tool' };

export class Engine implements Gateway {
  readonly #parts: GatewayParts;
  readonly #running = new RunningCalls();
  readonly #http: HttpCapabilities;
  #draining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    const isDraining = (): boolean => this.#draining;
    this.#http = createHttpCapabilities({ ...parts, ...parts.http, running: this.#running, isDraining });
  }

  lookUpKey(key: Buffer, address: string | undefined): KeyAnswer {
    const status = keyStatus(this.#parts.snapshot(), key, address, Date.now());
    if (!status.ok) return status;
    const { client, fingerprint, key: publicKey } = status.entry;
    return { ok: true, client, fingerprint, verify: (data, signature) => verifySignature(publicKey, data, signature) };
  }

  async serve(caller: Caller, asked: Asked, io: CallIo, onStarted: (request: string) => void): Promise<Ending> {
    const request = newRequestId();
    try {
      switch (asked.kind) {
        case 'tool':
          return await this.#serveTool({ caller, asked, io, request, onStarted });
        case 'word':
          return await this.#serveWord(caller, asked, io, request);
        case 'invalid':
          return this.#refuseInvalid(caller, asked, request);
      }
    } catch (thrown) {
      return this.fail(caller, thrown, request);
    }
  }

  fail(caller: Caller, thrown: unknown, request = newRequestId()): Ending {
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#parts.log.error('request: defect while serving it', { request, error });
    return this.#refuseInvalid(caller, { kind: 'invalid', reason: 'internal', message: FAILED }, request);
  }

  openForward(caller: Caller, target: ForwardTarget): ServeForward | undefined {
    return this.#draining ? undefined : this.#http.open(caller, target);
  }

  /** Ends what keys or policies do not allow any more; to be called when they have changed. */
  recheck(): void {
    this.#http.recheck();
  }

  note(event: DoorEvent): void {
    try {
      this.#parts.audit.record(doorRecord(event));
    } catch (thrown) {
      this.#parts.log.error('audit: cannot record an event', { event: event.kind, error: messageOf(thrown) });
    }
  }

  /** Calls that run now. */
  running(): readonly RunningCall[] {
    return this.#running.list();
  }

  /** Refuses new requests from now on; resolves once nothing runs any more. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#running.idle();
    await this.#http.end();
  }

  async #serveTool({ caller, asked, io, request, onStarted }: ToolCall): Promise<Ending> {
    const { tool } = asked.request;
    const judged = judge(this.#parts.snapshot(), caller, asked.request, this.#parts.ownDirectories);
    const admitted = this.#draining ? refuseDraining(tool) : admit(this.#parts.limits, caller, judged.decision);

    const unrecorded = this.#tryRecord(decisionRecord({ ...judged, caller, request, asked, admitted, word: null }));
    if (unrecorded !== undefined) {
      if (admitted.ok) admitted.release();
      return refused(request, { tool, ...unrecorded });
    }
    if (!admitted.ok) return refused(request, admitted.refusal);

    let outcome: Outcome;
    this.#running.add({ request, caller, tool, startedAt: new Date() });
    try {
      onStarted(request);
      outcome = await this.#run(admitted.permit, caller.client, io);
    } finally {
      this.#running.delete(request);
      admitted.release();
    }
    this.#recordOutcome(caller, request, tool, outcome);
    return endingOf(request, tool, outcome);
  }

  /** A defect is an outcome as well: an allow without one would look like a gateway that was killed. */
  async #run(permit: Permit, client: string, io: CallIo): Promise<Outcome> {
    try {
      return await this.#parts.run(permit, client, io);
    } catch (thrown) {
      return { kind: 'failed', reason: 'internal', message: FAILED, detail: messageOf(thrown) };
    }
  }

  #serveWord(caller: Caller, asked: Asked & { kind: 'word' }, io: CallIo, request: string): Ending | Promise<Ending> {
    if (asked.word === 'check') return this.#serveCheck(caller, asked, io, request);
    if (asked.word === 'tunnel') return this.#serveTunnel(caller, asked.request.argv, io, request);
    const snapshot = this.#parts.snapshot();
    const tools = toolsOf(snapshot, caller);
    return answerWord({ word: asked.word, argv: asked.request.argv, caller, snapshot, tools, io, request });
  }

  /** A forward over the session's own streams; each request in it is decided and recorded by itself. */
  async #serveTunnel(caller: Caller, argv: readonly string[], io: CallIo, request: string): Promise<Ending> {
    const [name, ...more] = argv;
    if (name === undefined || more.length > 0)
      return refused(request, { tool: 'tunnel', reason: 'malformed', message: 'expected the name of a capability' });
    const serve = this.openForward(caller, { name, port: VIRTUAL_PORT });
    if (serve === undefined) return refused(request, { tool: name, reason: 'no-such-tool', message: NO_CAPABILITY });
    await serve(io);
    return { kind: 'answered', request, status: 0 };
  }

  /** The decision without running it: recorded like any, and without a place within the limits. */
  #serveCheck(caller: Caller, asked: Asked & { kind: 'word' }, io: CallIo, request: string): Ending {
    const [tool, ...argv] = asked.request.argv;
    if (tool === undefined)
      return refused(request, { tool: 'check', reason: 'malformed', message: 'expected TOOL ARGS...' });
    const wanted: ToolAsked = { ...asked, kind: 'tool', request: { ...asked.request, tool, argv } };
    const judged = judge(this.#parts.snapshot(), caller, wanted.request, this.#parts.ownDirectories);
    const admitted = admit(NO_LIMITS, caller, judged.decision);
    const unrecorded = this.#tryRecord(
      decisionRecord({ ...judged, caller, request, asked: wanted, admitted, word: 'check' }),
    );
    if (unrecorded !== undefined) return refused(request, { tool, ...unrecorded });
    if (!admitted.ok) return refused(request, admitted.refusal);
    io.stdout.write(`allow: ${visible(tool, 64)}: these arguments are allowed\n`);
    return { kind: 'answered', request, status: 0 };
  }

  #refuseInvalid(caller: Caller, { reason, message }: Asked & { kind: 'invalid' }, request: string): Ending {
    const unrecorded = this.#tryRecord(invalidRecord(caller, request, reason, this.#parts.snapshot().digest));
    return refused(request, { tool: null, ...(unrecorded ?? { reason, message }) });
  }

  /** Records, and returns what to tell the client where that failed. */
  #tryRecord(event: AuditEvent): { reason: 'audit-unavailable'; message: string } | undefined {
    try {
      this.#parts.audit.record(event);
      return undefined;
    } catch (thrown) {
      this.#parts.log.error('audit: cannot write a record, so nothing runs', { error: messageOf(thrown) });
      return { reason: 'audit-unavailable', message: 'the audit log cannot be written, so nothing ran' };
    }
  }

  /** The call is over: a record that cannot be written changes nothing of it, but the next request will be refused. */
  #recordOutcome(caller: Caller, request: string, tool: string, outcome: Outcome): void {
    if (outcome.kind === 'failed') {
      this.#parts.log.warn(`call: ${tool}: ${outcome.message}`, {
        request,
        reason: outcome.reason,
        detail: outcome.detail ?? null,
      });
    }
    this.#tryRecord(outcomeRecord(caller, request, tool, outcome));
  }
}

interface ToolCall {
  readonly caller: Caller;
  readonly asked: ToolAsked;
  readonly io: CallIo;
  readonly request: string;
  readonly onStarted: (request: string) => void;
}

const FAILED = 'the gateway failed';
const NO_CAPABILITY = 'there is no such capability for this client';

function refuseDraining(tool: string): Admitted {
  return { ok: false, refusal: { tool, reason: 'draining', message: 'the gateway is stopping' } };
}

function endingOf(request: string, tool: string, outcome: Outcome): Ending {
  if (outcome.kind !== 'failed') return { kind: 'outcome', request, tool, outcome };
  const { reason, message, retryAfterMs } = outcome;
  return refused(request, { tool, reason, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

function refused(request: string, refusal: Refusal): Ending {
  return { kind: 'refused', request, refusal };
}
