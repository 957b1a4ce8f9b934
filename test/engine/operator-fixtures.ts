/** An operator view for tests: complete, well, and easy to change. */
import type {
  ConnectionsAnswer,
  ConnectionState,
  HealthCheck,
  OperatorView,
  StatusAnswer,
} from '../../src/engine/operator-view.ts';

export const STATUS: StatusAnswer = {
  version: '0.1.0',
  commit: 'abc1234',
  pid: 4711,
  startedAt: '2027-01-31T08:00:00.000Z',
  uptimeSecs: 3725,
  listeners: ['127.0.0.1:2222'],
  clients: 2,
  connections: 1,
  callsRunning: 1,
  policy: 'd1d1d1',
  lastReload: { at: '2027-01-31T08:00:00.000Z', problems: [] },
  audit: { ok: true, lastError: null, seq: 42 },
  runner: { pid: 4712, ok: true },
  warnings: [],
};

export const CONNECTION: ConnectionState = {
  id: 'c1',
  client: 'claw-vm',
  door: 'ssh',
  peer: '10.0.0.7:51234',
  key: 'SHA256:abc',
  connectedAt: '2027-01-31T08:00:00.000Z',
  bytes: { received: 340, sent: 123_456 },
  calls: [
    { request: 'r1', tool: 'op', ageMs: 1200 },
    { request: 'r2', tool: 'gh', ageMs: 90_000 },
  ],
};

export const CONNECTIONS: ConnectionsAnswer = { connections: [CONNECTION] };

export function operatorView(changes: Partial<OperatorView> = {}): OperatorView {
  return { status: () => STATUS, connections: () => CONNECTIONS, checks: [passing('audit')], ...changes };
}

export function passing(name: string): HealthCheck {
  return { name, run: () => undefined };
}

export function failing(name: string, message: string): HealthCheck {
  return {
    name,
    run: () => {
      throw new Error(message);
    },
  };
}
