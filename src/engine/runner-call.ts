/** One call's side of the conversation with a runner: its streams, and what it is told of its tool. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { errnoOf, messageOf } from '../model/error.ts';
import { streamHeader } from '../model/runner-messages.ts';
import type { RunnerCommand, RunnerEvent, RunnerSignal } from '../model/runner-messages.ts';
import { deferred } from './deferred.ts';

/** What a tool is started with. */
export type ToolCommand = Omit<Extract<RunnerCommand, { type: 'start' }>, 'type' | 'token'>;

/** How a tool's own process ended. `lost`: the runner ended before it could say. */
export type ToolEnd =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'lost' };

/** A tool that runs. Its sockets are the other ends of its descriptors; whoever has it reads, writes and closes them. */
export interface StartedTool {
  /** Undefined under `stdin: none`. */
  readonly stdin: Socket | undefined;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** Never rejects. */
  readonly ended: Promise<ToolEnd>;
  /** To the tool's group; nothing once it is gone. */
  readonly signal: (signal: RunnerSignal) => void;
  /**
   * TERM, KILL after the grace period, then the sweep. Must be called for every tool, also one that exited: only then does
   * the runner know that nobody waits for what the tool left running.
   */
  readonly end: () => void;
}

export type ToolStart =
  | { readonly ok: true; readonly tool: StartedTool }
  /** Nothing runs. `code` is an errno, `ELOST` for a runner that ended, `ETIMEDOUT` for one that does not answer. */
  | { readonly ok: false; readonly code: string; readonly message: string; readonly retryAfterMs?: number };

/** Where the events about a call go. */
export interface CallEvents {
  readonly answered: (event: Extract<RunnerEvent, { type: 'started' | 'refused' }>) => void;
  readonly ended: (end: ToolEnd) => void;
}

/** Longer than the runner waits for a call's streams, so that it is the runner that says what was wrong. */
const START_DEADLINE_MS = 15_000;

/**
 * Opens the call's streams and resolves with what the runner answers. `register` is called at once; from then on the
 * call's events must come, and `ended` with `lost` when none can come any more. Never rejects.
 */
export function openCall(
  path: string,
  token: string,
  stdin: ToolCommand['stdin'],
  send: (command: RunnerCommand) => void,
  register: (events: CallEvents) => void,
): Promise<ToolStart> {
  const { promise: ended, resolve: tellEnd } = deferred<ToolEnd>();
  const { promise: answer, resolve } = deferred<ToolStart>();
  const streams = {
    stdin: stdin === 'stream' ? openStream(path, streamHeader(token, 0)) : undefined,
    stdout: openStream(path, streamHeader(token, 1)),
    stderr: openStream(path, streamHeader(token, 2)),
  };
  const sockets = Object.values(streams).filter((socket) => socket !== undefined);
  const refuse = (code: string, message: string): void => {
    clearTimeout(deadline);
    for (const socket of sockets) socket.off('error', onError).destroy();
    resolve({ ok: false, code, message });
  };
  const onError = (error: Error): void => refuse(errnoOf(error) ?? 'EIO', `stream: ${messageOf(error)}`);
  const deadline = setTimeout(() => refuse('ETIMEDOUT', 'the runner does not answer'), START_DEADLINE_MS);
  const start = (): void => {
    clearTimeout(deadline);
    for (const socket of sockets) socket.off('error', onError);
    const signal = (name: RunnerSignal): void => send({ type: 'signal', token, signal: name });
    resolve({ ok: true, tool: { ...streams, ended, signal, end: () => send({ type: 'end', token }) } });
  };
  let isStarted = false;
  for (const socket of sockets) socket.on('error', onError);
  register({
    answered: (event) => {
      isStarted = event.type === 'started';
      if (event.type === 'refused') refuse(event.code, event.message);
      else start();
    },
    ended: (end) => {
      tellEnd(end);
      if (!isStarted) refuse('ELOST', 'the runner ended');
    },
  });
  return answer;
}

/** Half-open, so that the end of what the tool writes does not end what it reads. Errors never go unheard. */
function openStream(path: string, header: string): Socket {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on('error', () => socket.destroy());
  socket.write(header, 'latin1');
  return socket;
}
