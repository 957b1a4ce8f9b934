/**
 * Keeps one runner process there.
 *
 * Invariant: a call never waits for a runner that cannot be had; it fails, and says when trying again may help.
 */
import type { Log } from './log.ts';
import type { ToolCommand, ToolStart } from './runner-call.ts';
import type { Admission } from './runner-connection.ts';
import type { RunnerLife } from './runner-launch.ts';

export interface Supervisor {
  /** Starts a tool, and the runner first where there is none. Never rejects. */
  readonly start: (command: ToolCommand) => Promise<ToolStart>;
  /** Who the runner is, which is started where there is none; or why there is none. Never rejects. */
  readonly admitted: () => Promise<Admission>;
  /** Whether the runner answers now: waits as long as it takes. False where there is none. Never rejects. */
  readonly ping: () => Promise<boolean>;
  /** Tools that are being started: what the next one would wait for. Infinite while no runner can be had. */
  readonly load: () => number;
  /** `pid` is null while there is no process. `restarts` counts ends that nobody asked for. */
  readonly status: () => { readonly pid: number | null; readonly restarts: number };
  /** Ends the runner, and with it every tool. Nothing can be started any more. Never rejects. */
  readonly stop: () => Promise<void>;
}

/** A runner that lived this long did not die of how it was started. */
const SETTLED_MS = 5000;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;

/** How a runner is kept. */
export interface Supervision {
  /** Begins a life. Never throws. */
  readonly launch: () => RunnerLife;
  /** For the log: `runner`, or whose it is. */
  readonly subject: string;
  /** Is told when a runner ends by itself. Default: nobody. */
  readonly log?: Pick<Log, 'warn'> | undefined;
  /** True: one that keeps dying is started again only for a call. Default: also without. */
  readonly isOnDemand?: boolean;
}

/**
 * Starts a runner at once, so that what an earlier life left running ends now, and again whenever it ends: at once the
 * first time, later and later where it keeps dying. Never throws.
 */
export function superviseRunner({ launch, subject, log, isOnDemand = false }: Supervision): Supervisor {
  const deaths = createDeaths(subject, log);
  let life: RunnerLife | undefined;
  let isStopped = false;
  let starting = 0;
  const begin = (): RunnerLife => {
    const startedAt = performance.now();
    const begun = launch();
    life = begun;
    void begun.ended.then(() => onEnd(begun.problem(), performance.now() - startedAt));
    return begun;
  };
  const beginAgain = (): unknown => (life === undefined && !isStopped ? begin() : undefined);
  const onEnd = (problem: string | undefined, livedMs: number): void => {
    life = undefined;
    if (isStopped) return;
    const delayMs = deaths.note(problem, livedMs);
    if (!isOnDemand || delayMs === 0) setTimeout(beginAgain, delayMs).unref();
  };
  const retryAfterMs = (): number => (life === undefined ? deaths.retryAfterMs() : 0);
  /** The life that there is or could be; undefined while none can be had. */
  const current = async (): Promise<RunnerLife | undefined> => {
    if (life?.isOver() === true) await life.ended;
    return isStopped || retryAfterMs() > 0 ? undefined : (life ?? begin());
  };
  const start = async (command: ToolCommand): Promise<ToolStart> => {
    starting += 1;
    const begun = await current();
    const started = await (await begun?.connection)?.start(command);
    starting -= 1;
    return started ?? noRunner(begun?.problem() ?? deaths.problem(), Math.max(retryAfterMs(), MIN_RETRY_MS));
  };
  const admitted = async (): Promise<Admission> => {
    const begun = await current();
    return (await begun?.connection)?.admitted ?? { ok: false, problem: begun?.problem() ?? deaths.problem() };
  };
  begin();
  return {
    start,
    admitted,
    ping: async () => (await (await life?.connection)?.ping()) ?? false,
    stop: async () => {
      isStopped = true;
      life?.stop();
      await life?.ended;
    },
    load: () => (retryAfterMs() > 0 || life?.isOver() === true ? Number.POSITIVE_INFINITY : starting),
    status: () => ({ pid: life?.pid() ?? null, restarts: deaths.count() }),
  };
}

const NO_RUNNER = 'no runner could be started';

function noRunner(message: string, retryAfterMs: number): ToolStart {
  return { ok: false, code: 'ELOST', message, retryAfterMs };
}

function endOf(problem: string | undefined): string {
  if (problem !== undefined) return `cannot be used: ${problem}`;
  return 'ended unexpectedly, and its calls with it; it is started again';
}

/** Ends that nobody asked for: counted, told to the log, and what follows from them. */
interface Deaths {
  /** Returns the milliseconds until another start may be tried. */
  readonly note: (problem: string | undefined, livedMs: number) => number;
  readonly count: () => number;
  /** Of the last. */
  readonly problem: () => string;
  readonly retryAfterMs: () => number;
}

function createDeaths(subject: string, log: Supervision['log']): Deaths {
  let count = 0;
  let failures = 0;
  let retryAt = 0;
  let last: string | undefined;
  return {
    note: (problem, livedMs) => {
      last = problem;
      count += 1;
      failures = livedMs < SETTLED_MS ? failures + 1 : 0;
      const delayMs = failures < 2 ? 0 : Math.min(MIN_RETRY_MS * 2 ** (failures - 2), MAX_RETRY_MS);
      retryAt = performance.now() + delayMs;
      log?.warn(`${subject}: ${endOf(problem)}`, { delayMs, restarts: count });
      return delayMs;
    },
    count: () => count,
    problem: () => last ?? NO_RUNNER,
    retryAfterMs: () => Math.max(0, Math.ceil(retryAt - performance.now())),
  };
}
