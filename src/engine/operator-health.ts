/** Runs the checks behind `GET /v1/health`. */
import { messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import type { CheckResult, HealthAnswer, HealthCheck } from './operator-view.ts';

/** How long one check may take before it counts as failed. */
export const CHECK_TIME_LIMIT_MS = 2000;

/** Runs all checks at once. Healthy only if there are checks and every one of them passed. Never rejects. */
export async function runChecks(
  checks: readonly HealthCheck[],
  timeLimitMs: number = CHECK_TIME_LIMIT_MS,
): Promise<HealthAnswer> {
  const results = await Promise.all(checks.map((check) => runCheck(check, timeLimitMs)));
  return { ok: results.length > 0 && results.every(({ ok }) => ok), checks: results };
}

async function runCheck({ name, run }: HealthCheck, timeLimitMs: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeLimitMs} ms`)), timeLimitMs);
  });
  try {
    await Promise.race([Promise.resolve().then(run), tooLate]);
    return { name, ok: true, message: null };
  } catch (error) {
    return { name, ok: false, message: visible(messageOf(error), 1000) };
  } finally {
    clearTimeout(timer);
  }
}
