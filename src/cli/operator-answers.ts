/** Fills the operator socket's answers from the running parts. */
import type { SshDoor } from '../doors/ssh/door.ts';
import type { Audit } from '../engine/audit/audit.ts';
import type { Engine } from '../engine/gateway.ts';
import type { ConnectionsAnswer, HealthCheck, OperatorView, StatusAnswer } from '../engine/operator-view.ts';
import type { Runners } from '../engine/runners.ts';
import type { Resolver } from '../engine/secrets/resolver.ts';
import type { Store } from '../engine/store.ts';
import { CarapaceError } from '../model/error.ts';
import { formatProblem, type Problem } from '../model/problem.ts';
import { neededReferences } from './secret-uses.ts';
import type { Version } from './version.ts';

export interface OperatorParts {
  readonly version: Version;
  /** Names of the listeners. */
  readonly names: readonly string[];
  readonly store: Store;
  readonly door: SshDoor;
  readonly engine: Engine;
  readonly audit: Audit;
  readonly runners: Runners;
  readonly resolver: Pick<Resolver, 'failures'>;
  readonly warnings: () => readonly string[];
}

export function operatorView(parts: OperatorParts): OperatorView {
  const startedAt = new Date();
  const since = performance.now();
  return {
    status: () => status(parts, startedAt, performance.now() - since),
    connections: () => connections(parts),
    checks: checks(parts),
  };
}

function status(
  { version, names, store, door, engine, audit, runners, warnings }: OperatorParts,
  startedAt: Date,
  uptimeMs: number,
): StatusAnswer {
  const snapshot = store.current();
  const { pid } = runners.status();
  return {
    ...version,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    uptimeSecs: Math.floor(uptimeMs / 1000),
    listeners: names,
    clients: snapshot.clients.size,
    connections: door.connections().length,
    callsRunning: engine.running().length,
    policy: snapshot.digest,
    lastReload: { at: new Date(snapshot.loadedAt).toISOString(), problems: snapshot.problems.map(formatProblem) },
    audit: audit.state(),
    runner: { pid, ok: pid !== null },
    warnings: warnings(),
  };
}

function connections({ door, engine }: OperatorParts): ConnectionsAnswer {
  const running = engine.running();
  return {
    connections: door.connections().map(({ caller, connectedAt, bytes }) => ({
      id: caller.connection,
      client: caller.client,
      door: caller.door,
      peer: caller.peer,
      key: caller.fingerprint,
      connectedAt: connectedAt.toISOString(),
      bytes,
      calls: running
        .filter((call) => call.caller.connection === caller.connection)
        .map(({ request, tool, startedAt: since }) => ({ request, tool, ageMs: Date.now() - since.getTime() })),
    })),
  };
}

/** Each finds out now; none repeats what was true at the start. */
function checks({ store, audit, runners, resolver }: OperatorParts): HealthCheck[] {
  return [
    { name: 'audit', run: () => audit.check() },
    {
      name: 'runner',
      run: async () => {
        if (!(await runners.ping())) throw new CarapaceError('unhealthy', 'it ended, and is being started again');
      },
    },
    {
      // What could not be looked up when a call last needed it, and is still needed.
      name: 'secrets',
      run: () => {
        const needed = neededReferences([...store.current().policies.values()]);
        const failures = resolver.failures().filter(({ reference }) => needed.has(reference));
        const problems = failures.map(({ problem }) => problem);
        if (problems.length > 0) throw new CarapaceError('unhealthy', problems.join('; '));
      },
    },
    {
      name: 'policies',
      run: () => {
        const errors = errorsIn(store.policyProblems());
        if (errors.length > 0) throw new CarapaceError('unhealthy', errors.join('; '));
      },
    },
    {
      // A broken file stops its own client only; where it leaves nobody, the gateway does not serve.
      name: 'keys',
      run: () => {
        const { clients, problems } = store.current();
        const errors = errorsIn(problems);
        if (clients.size === 0 && errors.length > 0) throw new CarapaceError('unhealthy', errors.join('; '));
      },
    },
  ];
}

function errorsIn(problems: readonly Problem[]): string[] {
  return problems.filter((problem) => problem.severity === 'error').map(formatProblem);
}
