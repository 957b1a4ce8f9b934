/**
 * Lookups that failed, and when they may be tried again: a service that is down or refuses a credential is not asked by
 * every call.
 */

/** A lookup that failed, for status and doctor. */
export interface Failure {
  /** The reference as `describeReference` puts it. */
  readonly reference: string;
  /** Milliseconds since the epoch at which the first failure without a success after it was seen. */
  readonly since: number;
  /** What is wrong; never a value. */
  readonly problem: string;
  /** Milliseconds until the next call tries again; 0: it does. */
  readonly retryAfterMs: number;
}

/** Wait after the first failure; it doubles with each further one. */
export const FIRST_WAIT_MS = 5000;
const LONGEST_WAIT_MS = 5 * 60_000;
/** References come from policies, so that many are there only when policies have changed for a long time. */
const MAX_REMEMBERED = 10_000;
/** Nobody needs a reference that was not asked for that long after it could have been tried again. */
const FORGOTTEN_AFTER_MS = 60 * 60_000;

interface Remembered {
  readonly reference: string;
  readonly since: number;
  readonly problem: string;
  readonly failedAt: number;
  readonly waitMs: number;
  readonly stamp: string;
}

/** One try of a lookup: what was known when it began. */
export interface Try {
  readonly key: string;
  readonly stamp: string;
  readonly before: Remembered | undefined;
}

export interface FailureMemory {
  /**
   * The failure that stands for a lookup now: what it is told without a try. Undefined where a try is due, and where
   * `stamp` says that the value was changed since.
   */
  readonly standing: (key: string, stamp: string) => Failure | undefined;
  /** To be called before a try. */
  readonly begin: (key: string, stamp: string) => Try;
  /** A try failed. Of tries that ran at the same time the first one counts. */
  readonly failed: (tried: Try, reference: string, problem: string) => Failure;
  readonly succeeded: (tried: Try) => void;
  readonly list: () => readonly Failure[];
}

/** @param now milliseconds since the epoch */
export function createFailureMemory(now: () => number): FailureMemory {
  const failures = new Map<string, Remembered>();
  const forgetOld = (): void => {
    for (const [key, entry] of failures) {
      const isOld = now() - entry.failedAt > entry.waitMs + FORGOTTEN_AFTER_MS;
      if (isOld || failures.size > MAX_REMEMBERED) failures.delete(key);
    }
  };
  return {
    standing: (key, stamp) => {
      const entry = failures.get(key);
      if (entry === undefined) return undefined;
      if (entry.stamp !== stamp) {
        failures.delete(key);
        return undefined;
      }
      return waitLeft(entry, now()) > 0 ? viewOf(entry, now()) : undefined;
    },
    begin: (key, stamp) => ({ key, stamp, before: failures.get(key) }),
    failed: (tried, reference, problem) => {
      const last = failures.get(tried.key);
      const known = last?.stamp === tried.stamp ? last : undefined;
      if (known !== undefined && known !== tried.before) return viewOf(known, now());
      const waitMs = known === undefined ? FIRST_WAIT_MS : Math.min(known.waitMs * 2, LONGEST_WAIT_MS);
      const since = known?.since ?? now();
      const entry = { reference, since, problem, failedAt: now(), waitMs, stamp: tried.stamp };
      failures.delete(tried.key);
      failures.set(tried.key, entry);
      forgetOld();
      return viewOf(entry, now());
    },
    succeeded: ({ key }) => void failures.delete(key),
    list: () => {
      forgetOld();
      return [...failures.values()].map((entry) => viewOf(entry, now()));
    },
  };
}

/** Never more than the whole wait, though the clock be set back. */
function waitLeft({ failedAt, waitMs }: Remembered, now: number): number {
  return Math.max(0, Math.min(waitMs, failedAt + waitMs - now));
}

function viewOf(entry: Remembered, now: number): Failure {
  const { reference, since, problem } = entry;
  return { reference, since, problem, retryAfterMs: waitLeft(entry, now) };
}
