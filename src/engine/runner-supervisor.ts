/**
 * Keeps one runner process there.
 *
 * Invariant: a call never waits for a runner that cannot be had; it fails, and says when trying again may help.
 */
import type { Log } from './log.ts';
import type { ToolCommand, ToolStart } from './runner-call.ts';
import { launchRunner } from './runner-launch.ts';
import type { LaunchOptions, RunnerLife } from './runner-launch.ts';

export interface Supervisor {
  /** Starts a tool, and the runner first where there is none. Never rejects. */
  readonly start: (command: ToolCommand) => Promise<ToolStart>;
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

const NO_RUNNER = { ok: false, code: 'ELOST', message: 'no runner could be started' } as const;

/**
 * Starts a runner at once, so that what an earlier life left running ends now, and again whenever it ends: at once the
 * first time, later and later where it keeps dying. Never throws.
 */
export function superviseRunner(options: LaunchOptions, log?: Pick<Log, 'warn'>): Supervisor {
  let life: RunnerLife | undefined;
  let isStopped = false;
  let starting = 0;
  let restarts = 0;
  let failures = 0;
  let retryAt = 0;

  const begin = (): RunnerLife => {
    const startedAt = performance.now();
    const begun = launchRunner(options);
    life = begun;
    void begun.ended.then(() => onEnd(performance.now() - startedAt));
    return begun;
  };
  const onEnd = (livedMs: number): void => {
    life = undefined;
    if (isStopped) return;
    restarts += 1;
    failures = livedMs < SETTLED_MS ? failures + 1 : 0;
    const delayMs = failures < 2 ? 0 : Math.min(MIN_RETRY_MS * 2 ** (failures - 2), MAX_RETRY_MS);
    retryAt = performance.now() + delayMs;
    log?.warn('runner: ended unexpectedly, and its calls with it; it is started again', { delayMs, restarts });
    setTimeout(() => (life === undefined && !isStopped ? begin() : undefined), delayMs).unref();
  };
  const retryAfterMs = (): number => (life === undefined ? Math.max(0, Math.ceil(retryAt - performance.now())) : 0);
  const start = async (command: ToolCommand): Promise<ToolStart> => {
    if (life?.isOver() === true) await life.ended;
    if (isStopped || retryAfterMs() > 0) return { ...NO_RUNNER, retryAfterMs: retryAfterMs() };
    starting += 1;
    const connection = await (life ?? begin()).connection;
    const started = await (connection?.start(command) ?? { ...NO_RUNNER, retryAfterMs: MIN_RETRY_MS });
    starting -= 1;
    return started;
  };
  const stop = async (): Promise<void> => {
    isStopped = true;
    life?.stop();
    await life?.ended;
  };
  begin();
  return {
    start,
    ping: async () => (await (await life?.connection)?.ping()) ?? false,
    stop,
    load: () => (retryAfterMs() > 0 || life?.isOver() === true ? Number.POSITIVE_INFINITY : starting),
    status: () => ({ pid: life?.pid ?? null, restarts }),
  };
}
