/** One tool from its start until nothing is left of its process group. */
import type { RunnerSignal } from '../model/runner-messages.ts';
import { processGroup } from './process-group.ts';

/** How often a group that outlived its leader is looked at: the delay of noticing that it is gone. */
const WATCH_INTERVAL_MS = 100;

export interface RunningCall {
  readonly signal: (signal: RunnerSignal) => void;
  /** To be called in the leader's exit event. */
  readonly leaderExited: () => void;
  /** TERM to the group, KILL after the grace period to whatever is left of it. The second time does nothing. */
  readonly end: () => void;
  /** KILL now. */
  readonly kill: () => void;
}

/**
 * The call of the tool that leads group `pid`. `finished` is called once: when the call was ended and its group is gone,
 * or was killed. Until then the group is the gateway's, also where its leader has exited and others still write.
 */
export function runningCall(pid: number, killGraceMs: number, finished: () => void): RunningCall {
  const group = processGroup(pid);
  let killTimer: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  let isFinished = false;

  const finish = (): void => {
    if (isFinished) return;
    isFinished = true;
    clearTimeout(killTimer);
    clearInterval(watch);
    finished();
  };
  const kill = (): void => {
    group.signal('KILL');
    finish();
  };
  const finishOnceGone = (): void => {
    if (!group.isGone()) return;
    clearInterval(watch);
    if (killTimer !== undefined) finish();
  };
  return {
    signal: group.signal,
    leaderExited: () => {
      group.leaderReaped();
      if (!isFinished && !group.isGone()) watch = setInterval(finishOnceGone, WATCH_INTERVAL_MS);
      finishOnceGone();
    },
    end: () => {
      if (killTimer !== undefined || isFinished) return;
      killTimer = setTimeout(kill, killGraceMs);
      group.signal('TERM');
      finishOnceGone();
    },
    kill,
  };
}
