/**
 * Carries out what a permit allows, in order: find the runner of the user that the tool runs as, look up the secrets, and
 * run it with its streams passing redaction and the content rules.
 *
 * Invariants: nothing runs with a secret missing; values are in the clear only in the environment that the runner gets;
 * what was injected is taken out of both outputs, unless the policy says `redact: false`.
 */
import { CarapaceError } from '../model/error.ts';
import type { Redaction } from '../model/injection.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Permit } from '../model/permit.ts';
import type { RunAs } from '../model/run-as.ts';
import { type CallFilters, openCallFilters } from './call-filters.ts';
import type { CallIo } from './call-io.ts';
import { deferred } from './deferred.ts';
import { runTool } from './run-tool.ts';
import type { Runners } from './runners.ts';
import { resolveInjections } from './secrets/resolve-injections.ts';
import type { Resolver } from './secrets/resolver.ts';

export interface Executor {
  readonly runners: Pick<Runners, 'of'>;
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** As whom tools run whose policy does not say. */
  readonly defaultRunAs: RunAs;
}

/** Runs one allowed call of a client. Rejects as `runTool` does. */
export async function carryOut(executor: Executor, permit: Permit, client: string, io: CallIo): Promise<Outcome> {
  const found = await beforeItLeaves(io.gone, executor.runners.of(permit.runAs ?? executor.defaultRunAs, client));
  if (found === 'gone') return ABANDONED;
  if (!found.ok)
    return notRun(io, { kind: 'failed', reason: 'tool-unavailable', message: found.message, detail: found.problem });

  const secrets = await beforeItLeaves(io.gone, resolveInjections(permit.secrets, executor.resolver, 'environment'));
  if (secrets === 'gone') return ABANDONED;
  if (!secrets.ok) return notRun(io, secretUnavailable(secrets.problem, secrets.retryAfterMs));
  const filters = filtersOrProblem(permit, secrets.redactions);
  if (typeof filters === 'string') return notRun(io, secretUnavailable(filters));

  const env = new Map([...permit.env, ...secrets.values]);
  const outcome = await runTool(found.runner, { ...permit, env }, io, filters.filters);
  const redactions = filters.counts();
  return outcome.kind === 'failed' || Object.keys(redactions).length === 0 ? outcome : { ...outcome, redactions };
}

const ABANDONED: Outcome = { kind: 'abandoned', durationMs: 0, bytes: { stdin: 0, stdout: 0, stderr: 0 } };

/** A client that leaves waits for nothing: what is looked up for it may take minutes, and holds one of its places. */
async function beforeItLeaves<Value>(gone: AbortSignal, work: Promise<Value>): Promise<Value | 'gone'> {
  if (gone.aborted) return 'gone';
  const { promise: left, resolve } = deferred<'gone'>();
  const onGone = (): void => resolve('gone');
  gone.addEventListener('abort', onGone, { once: true });
  try {
    return await Promise.race([work, left]);
  } finally {
    gone.removeEventListener('abort', onGone);
  }
}

/** Nobody reads what the client sends; a client that cannot send on would wait. */
function notRun(io: CallIo, outcome: Outcome): Outcome {
  io.stdin.on('error', () => {}).resume();
  return outcome;
}

/** A value that cannot be taken out of the outputs is not injected. */
function filtersOrProblem(permit: Permit, redactions: readonly Redaction[]): CallFilters | string {
  try {
    return openCallFilters(permit, redactions);
  } catch (thrown) {
    if (thrown instanceof CarapaceError) return thrown.message;
    throw thrown;
  }
}

/** Which secret it is, and where it is kept, is for the operator alone. */
function secretUnavailable(detail: string, retryAfterMs?: number): Outcome {
  const message = 'a secret that the tool needs cannot be had';
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { kind: 'failed', reason: 'secret-unavailable', message, detail, ...retry };
}
