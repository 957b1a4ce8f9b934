/**
 * The tools that run: what the gateway's commands do to them, and what it is told of them.
 *
 * Invariant: a call is live from its start until it was ended and its group is gone or was killed, so the sweep spares it
 * exactly as long as the gateway wants it to live.
 */
import type { RunnerCommand, RunnerEvent } from '../model/runner-messages.ts';
import type { StartCommand } from './command.ts';
import { runningCall } from './running-call.ts';
import type { RunningCall } from './running-call.ts';
import { startTool } from './start-tool.ts';
import type { ToolStreams } from './stream-meeting.ts';
import { markerVariable } from './sweep.ts';

export interface Calls {
  readonly isLive: (token: string) => boolean;
  /** Takes over the streams. */
  readonly start: (command: StartCommand, streams: ToolStreams) => void;
  /** Nothing for a call that is not there: it may have ended while the command was on its way. */
  readonly signal: (command: Extract<RunnerCommand, { type: 'signal' }>) => void;
  readonly end: (token: string) => void;
  /** KILLs every group at once, because the gateway is gone; nothing starts any more. */
  readonly killAll: () => void;
}

/** `send` reports to the gateway; `callEnded` asks for a sweep. */
export function createCalls(marker: string, send: (event: RunnerEvent) => void, callEnded: () => void): Calls {
  const calls = new Map<string, RunningCall>();
  let isClosed = false;

  const add = (token: string, pid: number, killGraceMs: number): RunningCall => {
    const call = runningCall(pid, killGraceMs, () => {
      calls.delete(token);
      callEnded();
    });
    calls.set(token, call);
    return call;
  };
  return {
    isLive: (token) => calls.has(token),
    start: (command, streams) => {
      const { token, killGraceMs } = command;
      if (isClosed || calls.has(token)) {
        for (const socket of [streams[0], streams[1], streams[2]]) socket?.destroy();
        send({ type: 'refused', token, code: 'EEXIST', message: 'the token was used before' });
        return;
      }
      startTool(command, streams, markerVariable(marker, token), {
        refused: (refusal) => send({ type: 'refused', token, ...refusal }),
        started: (child, pid) => {
          const call = add(token, pid, killGraceMs);
          child.once('exit', (status, signal) => {
            call.leaderExited();
            send({ type: 'exited', token, status, signal });
          });
          send({ type: 'started', token, pid });
        },
      });
    },
    signal: ({ token, signal }) => calls.get(token)?.signal(signal),
    end: (token) => calls.get(token)?.end(),
    killAll: () => {
      isClosed = true;
      for (const call of calls.values()) call.kill();
    },
  };
}
