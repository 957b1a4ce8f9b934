/** Audit records of what passes through the gateway: field by field, so that nothing gets in that is not named here. */
import type { AuditEvent, AuditPeer, AuthFailureEvent, DecisionEvent, OutcomeEvent } from '../model/audit-record.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Reason } from '../model/reason.ts';
import { formatPlace } from '../policy/explain.ts';
import { redactArgv, redactDirectory } from '../policy/redact.ts';
import { exitStatusOf } from '../protocol/exit-status.ts';
import type { Asked, Caller, DoorEvent } from './door-interface.ts';
import type { Admitted, Judgement } from './judge.ts';

/** A decision with everything around it. */
export interface Decided extends Judgement {
  readonly caller: Caller;
  readonly request: string;
  readonly asked: Asked & { kind: 'tool' };
  readonly admitted: Admitted;
  readonly word: 'check' | null;
}

export function decisionRecord(decided: Decided): DecisionEvent {
  const { caller, request, asked, admitted, definition, decision, digest, word } = decided;
  const program = definition?.type === 'cli' ? definition : undefined;
  const { argv, cut } = redactArgv(program, asked.request.argv);
  return {
    event: 'decision',
    ...peerOf(caller),
    request,
    word,
    tool: bounded(asked.request.tool),
    type: definition?.type ?? null,
    argv,
    argvCut: cut,
    http: null,
    cwd: asked.request.cwd === undefined ? null : redactDirectory(program, asked.request.cwd),
    env: decision.env,
    envDropped: decision.envDropped,
    meta: Object.fromEntries(asked.meta),
    verdict: admitted.ok ? 'allow' : 'deny',
    reason: admitted.ok ? null : admitted.refusal.reason,
    rule: decision.rule === null ? null : formatPlace(decision.rule),
    policy: digest,
  };
}

/** A request that could not be parsed. */
export function invalidRecord(caller: Caller, request: string, reason: Reason, digest: string): DecisionEvent {
  return {
    event: 'decision',
    ...peerOf(caller),
    request,
    word: null,
    tool: null,
    type: null,
    argv: null,
    argvCut: false,
    http: null,
    cwd: null,
    env: [],
    envDropped: 0,
    meta: {},
    verdict: 'deny',
    reason,
    rule: null,
    policy: digest,
  };
}

export function outcomeRecord(caller: Caller, request: string, tool: string, outcome: Outcome): OutcomeEvent {
  const failed = outcome.kind === 'failed';
  return {
    event: 'outcome',
    ...peerOf(caller),
    request,
    tool,
    kind: outcome.kind,
    reason: outcome.kind === 'limited' || failed ? outcome.reason : null,
    status: exitStatusOf(outcome),
    signal: outcome.kind === 'signalled' ? outcome.signal : null,
    durationMs: failed ? 0 : Math.round(outcome.durationMs),
    bytes: failed ? { stdin: 0, stdout: 0, stderr: 0 } : outcome.bytes,
    firstByteMs: null,
    redactions: failed ? {} : (outcome.redactions ?? {}),
    detector: outcome.kind === 'limited' ? (outcome.detector ?? null) : null,
  };
}

export function doorRecord(event: DoorEvent): AuditEvent {
  switch (event.kind) {
    case 'opened':
      return { event: 'connection', ...peerOf(event.caller), action: 'opened', reason: null };
    case 'closed':
      return { event: 'connection', ...peerOf(event.caller), action: 'closed', reason: event.reason };
    case 'feature-refused':
      return { event: 'feature-refused', ...peerOf(event.caller), feature: bounded(event.feature) };
    case 'auth-failure': {
      const { kind: _kind, ...fields } = event;
      return { event: 'auth-failure', ...fields } satisfies AuthFailureEvent;
    }
  }
}

/** Who asked, as every record has it. */
export function peerOf(caller: Caller): AuditPeer {
  const { door, connection, peer, client, fingerprint } = caller;
  return { door, connection, peer, client, key: fingerprint };
}

/** A name or path of the client's: recorded as far as it can matter. */
export function bounded(text: string): string {
  return text.length <= 4096 ? text : `${text.slice(0, 4096)}...`;
}
