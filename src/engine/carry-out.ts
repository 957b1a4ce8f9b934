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
  const found = await executor.runners.of(permit.runAs ?? executor.defaultRunAs, client);
  if (!found.ok) return { kind: 'failed', reason: 'tool-unavailable', message: found.message, detail: found.problem };

  const secrets = await resolveInjections(permit.secrets, executor.resolver, 'environment');
  if (!secrets.ok) return secretUnavailable(secrets.problem, secrets.retryAfterMs);
  const filters = filtersOrProblem(permit, secrets.redactions);
  if (typeof filters === 'string') return secretUnavailable(filters);

  const env = new Map([...permit.env, ...secrets.values]);
  const outcome = await runTool(found.runner, { ...permit, env }, io, filters.filters);
  const redactions = filters.counts();
  return outcome.kind === 'failed' || Object.keys(redactions).length === 0 ? outcome : { ...outcome, redactions };
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
