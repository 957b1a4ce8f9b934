/** Events for the audit tests, complete and unremarkable. */
import type {
  AuthFailureEvent,
  ConnectionEvent,
  DecisionEvent,
  FeatureRefusedEvent,
  OutcomeEvent,
} from '../../../src/model/audit-record.ts';

const peer = { door: 'ssh', connection: 'c1', peer: '127.0.0.1', client: 'claw-vm', key: 'SHA256:abc' } as const;

export function decision(changes: Partial<DecisionEvent> = {}): DecisionEvent {
  return {
    event: 'decision',
    request: 'r1',
    word: null,
    tool: 'op',
    type: 'cli',
    argv: ['item', 'list'],
    argvCut: false,
    http: null,
    cwd: null,
    env: [],
    envDropped: 0,
    meta: {},
    verdict: 'allow',
    reason: null,
    rule: 'policies/claw.yaml:4',
    policy: 'd1',
    ...peer,
    ...changes,
  };
}

export function denial(changes: Partial<DecisionEvent> = {}): DecisionEvent {
  return decision({ verdict: 'deny', reason: 'no-rule', rule: null, ...changes });
}

export function outcome(changes: Partial<OutcomeEvent> = {}): OutcomeEvent {
  return {
    event: 'outcome',
    request: 'r1',
    tool: 'op',
    kind: 'exited',
    reason: null,
    status: 0,
    signal: null,
    durationMs: 12,
    bytes: { stdin: 0, stdout: 340, stderr: 0 },
    firstByteMs: null,
    redactions: {},
    detector: null,
    ...peer,
    ...changes,
  };
}

export function connection(changes: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return { event: 'connection', action: 'opened', reason: null, ...peer, ...changes };
}

export function featureRefused(changes: Partial<FeatureRefusedEvent> = {}): FeatureRefusedEvent {
  return { event: 'feature-refused', feature: 'x11', ...peer, ...changes };
}

export function authFailure(changes: Partial<AuthFailureEvent> = {}): AuthFailureEvent {
  return {
    event: 'auth-failure',
    door: 'ssh',
    connection: 'c2',
    peer: '192.0.2.7',
    key: null,
    reason: 'unknown-key',
    ...changes,
  };
}
