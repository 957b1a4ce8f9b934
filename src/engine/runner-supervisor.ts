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
  let life: RunnerLife | undefined;
  let isStopped = false;
  let starting = 0;
  let restarts = 0;
  let failures = 0;
  let retryAt = 0;
  let problem = 'no runner could be started';

  const begin = (): RunnerLife => {
    const startedAt = performance.now();
    const begun = launch();
    life = begun;
    void begun.ended.then(() => onEnd(begun, performance.now() - startedAt));
    return begun;
  };
  const onEnd = (ended: RunnerLife, livedMs: number): void => {
    life = undefined;
    problem = ended.problem() ?? 'no runner could be started';
    if (isStopped) return;
    restarts += 1;
    failures = livedMs < SETTLED_MS ? failures + 1 : 0;
    const delayMs = failures < 2 ? 0 : Math.min(MIN_RETRY_MS * 2 ** (failures - 2), MAX_RETRY_MS);
    retryAt = performance.now() + delayMs;
    const why = ended.problem();
    if (why === undefined)
      log?.warn(`${subject}: ended unexpectedly, and its calls with it; it is started again`, { delayMs, restarts });
    else log?.warn(`${subject}: cannot be used: ${why}`, { delayMs, restarts });
    if (isOnDemand && delayMs > 0) return;
    setTimeout(() => (life === undefined && !isStopped ? begin() : undefined), delayMs).unref();
  };
  const retryAfterMs = (): number => (life === undefined ? Math.max(0, Math.ceil(retryAt - performance.now())) : 0);
  const start = async (command: ToolCommand): Promise<ToolStart> => {
    if (life?.isOver() === true) await life.ended;
    if (isStopped || retryAfterMs() > 0) return noRunner(problem, retryAfterMs());
    starting += 1;
    const begun = life ?? begin();
    const connection = await begun.connection;
    const started = await (connection?.start(command) ?? noRunner(begun.problem() ?? problem, MIN_RETRY_MS));
    starting -= 1;
    return started;
  };
  const admitted = async (): Promise<Admission> => {
    if (life?.isOver() === true) await life.ended;
    if (isStopped || retryAfterMs() > 0) return { ok: false, problem };
    const begun = life ?? begin();
    const connection = await begun.connection;
    return connection?.admitted ?? { ok: false, problem: begun.problem() ?? problem };
  };
  const stop = async (): Promise<void> => {
    isStopped = true;
    life?.stop();
    await life?.ended;
  };
  begin();
  return {
    start,
    admitted,
    ping: async () => (await (await life?.connection)?.ping()) ?? false,
    stop,
    load: () => (retryAfterMs() > 0 || life?.isOver() === true ? Number.POSITIVE_INFINITY : starting),
    status: () => ({ pid: life?.pid() ?? null, restarts }),
  };
}

function noRunner(problem: string, retryAfterMs: number): ToolStart {
  return { ok: false, code: 'ELOST', message: problem, retryAfterMs };
}
