/**
 * How many calls may run, and how many may begin. Pure but for what it remembers: the clock is handed in.
 *
 * Invariant: a client's counts are over all of its keys, doors and connections, because they go by its name alone.
 */
import type { ToolLimits } from '../model/permit.ts';

export type Admission =
  /** `release` gives the place back; the second time does nothing. */
  | { readonly ok: true; readonly release: () => void }
  /** `retryAfterMs` is absent where only the end of another call can tell. */
  | { readonly ok: false; readonly reason: 'too-many' | 'rate-limited'; readonly retryAfterMs?: number };

/** What is bounded: calls of a tool, or requests to a server. */
export interface Bounded {
  readonly tool: string;
  readonly limits: Pick<ToolLimits, 'maxConcurrent' | 'maxConcurrentTotal' | 'rateLimit'>;
}

export interface Limiter {
  /** Takes a place for one call. Only admitted calls count towards the rate: trying again cannot push it further away. */
  readonly admit: (client: string, permit: Bounded) => Admission;
  /** Calls that hold a place. */
  readonly running: () => number;
  /** Clients' tools that are remembered: what this costs, and what must vanish with idle clients. */
  readonly remembered: () => number;
}

/** What is known of one client's use of one tool. */
interface Use {
  running: number;
  /** When its latest calls began, oldest first: those that a window can still hold. */
  began: number[];
  windowMs: number;
}

/**
 * `now` is milliseconds of a clock that never goes back. The rate is a log of when calls began, not a bucket: a bucket
 * that holds `maxRequests` lets nearly twice as many through in a window that begins just before it empties. The log costs
 * eight bytes for each call that is allowed in a window, and is forgotten when the client has been idle for that long.
 */
export function createLimiter(now: () => number = () => performance.now()): Limiter {
  /** In the order of last use, so that the idle ones come first. */
  const uses = new Map<string, Use>();
  const runningOfTool = new Map<string, number>();
  let running = 0;

  const leave = (tool: string, use: Use): void => {
    use.running -= 1;
    running -= 1;
    const left = (runningOfTool.get(tool) ?? 1) - 1;
    if (left === 0) runningOfTool.delete(tool);
    else runningOfTool.set(tool, left);
  };
  const admit: Limiter['admit'] = (client, { tool, limits }) => {
    const at = now();
    const key = `${client} ${tool}`;
    const use = uses.get(key) ?? { running: 0, began: [], windowMs: 0 };
    const total = runningOfTool.get(tool) ?? 0;
    if (use.running >= limits.maxConcurrent || total >= limits.maxConcurrentTotal)
      return { ok: false, reason: 'too-many' };
    use.windowMs = limits.rateLimit?.windowMs ?? 0;
    const retryAfterMs = limits.rateLimit === null ? 0 : waitFor(use, limits.rateLimit.maxRequests, at);
    if (retryAfterMs > 0) return { ok: false, reason: 'rate-limited', retryAfterMs };
    if (limits.rateLimit === null) use.began = [];
    else use.began.push(at);
    use.running += 1;
    running += 1;
    runningOfTool.set(tool, total + 1);
    uses.delete(key);
    uses.set(key, use);
    forgetIdle(uses, at);
    let isHeld = true;
    return {
      ok: true,
      release: () => {
        if (isHeld) leave(tool, use);
        isHeld = false;
      },
    };
  };
  return { admit, running: () => running, remembered: () => uses.size };
}

/** Milliseconds until one more call keeps every window within `maxRequests`; 0 for now. Forgets what no window can hold. */
function waitFor(use: Use, maxRequests: number, at: number): number {
  const expired = use.began.findIndex((began) => began + use.windowMs > at);
  use.began.splice(0, expired === -1 ? use.began.length : expired);
  const blocking = use.began[use.began.length - maxRequests];
  return blocking === undefined ? 0 : Math.ceil(blocking + use.windowMs - at);
}

/** Each admission forgets the idle at the front, and stops at the first whose window still counts. */
function forgetIdle(uses: Map<string, Use>, at: number): void {
  for (const [key, use] of uses) {
    const last = use.began.at(-1);
    if (last !== undefined && last + use.windowMs > at) return;
    if (use.running === 0) uses.delete(key);
  }
}
