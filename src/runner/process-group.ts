/**
 * Signals to a process group that the runner made.
 *
 * Invariant: no signal goes to a number that may belong to somebody else by now. While the leader is not reaped its
 * number cannot be given away. After that, the kernel keeps the number out of use for as long as the group has a member,
 * so a group that was seen empty once is never signalled again, and neither is one whose number is a process again (a
 * process cannot get the number of a living group).
 */
import { errnoOf } from '../model/error.ts';
import type { RunnerSignal } from '../model/runner-messages.ts';

export interface ProcessGroup {
  /** Sends a signal to every member; does nothing once the group is gone. Never throws. */
  readonly signal: (signal: RunnerSignal) => void;
  /** To be called in the leader's exit event, before anything else can run: from then on the number is not ours alone. */
  readonly leaderReaped: () => void;
  /** Whether no member is left, as far as can be known; once true, always true. */
  readonly isGone: () => boolean;
}

/** The group that `leader` leads: it was started with `detached`, so its process, group and session numbers are one. */
export function processGroup(leader: number): ProcessGroup {
  let reaped = false;
  let gone = false;
  const look = (): boolean => {
    if (reaped && !gone) gone = exists(leader) || !exists(-leader);
    return gone;
  };
  return {
    isGone: look,
    leaderReaped: () => {
      reaped = true;
      look();
    },
    signal: (signal) => {
      if (!look()) send(leader, `SIG${signal}`);
    },
  };
}

function send(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // ESRCH: it emptied since the look. EPERM: every member is another user's (a set-uid program), so no signal of ours
    // can reach it. There is nothing to do about either.
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
