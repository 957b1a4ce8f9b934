/** The gateway's end of a runner's control connection. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { lineReader } from '../model/line-reader.ts';
import { MAX_CONTROL_LINE_BYTES, controlHeader } from '../model/runner-messages.ts';
import type { RunnerCommand, RunnerEvent, RunnerHello } from '../model/runner-messages.ts';
import { deferred } from './deferred.ts';
import { openCall } from './runner-call.ts';
import type { CallEvents, ToolCommand, ToolStart } from './runner-call.ts';
import { parseEvent } from './runner-event.ts';

/** Whether a runner is who it must be: `problem` says what is wrong with it, for the operator. */
export type Admission =
  | { readonly ok: true; readonly hello: RunnerHello }
  | { readonly ok: false; readonly problem: string };

export interface RunnerConnection {
  /** Resolves with the judgement of the runner's first line. Nothing is to be started before it is good. Never rejects. */
  readonly admitted: Promise<Admission>;
  /** Never rejects. */
  readonly start: (command: ToolCommand) => Promise<ToolStart>;
  /** Whether the runner answers: waits as long as it takes, and resolves with false once the connection is over. */
  readonly ping: () => Promise<boolean>;
  /** Resolves once the connection is over, or could not be made; every call has been told by then. */
  readonly closed: Promise<void>;
  /** Ends the runner, and with it all that it started. */
  readonly close: () => void;
}

/**
 * Opens the control connection to a runner that listens. `judge` says what is wrong with who it is, and undefined where
 * nothing is; the connection to one that is not as it must be is closed. Never throws.
 */
export function connectRunner(
  path: string,
  secret: string,
  judge: (hello: RunnerHello) => string | undefined,
): RunnerConnection {
  const control = connect({ path });
  const calls = new Map<string, CallEvents>();
  const write = (text: string): void => {
    if (control.writable) control.write(text);
  };
  const send = (command: RunnerCommand): void => write(`${JSON.stringify(command)}\n`);
  const pings = createPings(() => send({ type: 'ping', token: newToken() }));
  const gate = createGate(judge);
  const read = lineReader(MAX_CONTROL_LINE_BYTES, (line) => {
    if (control.destroyed) return;
    const event = parseEvent(line);
    if (!gate.isOpen() && gate.hear(event)) return;
    if (!gate.isOpen() || event === undefined || event.type === 'hello') control.destroy();
    else if (event.type === 'pong') pings.answer(true);
    else dispatch(calls, event, send);
  });
  control.on('error', () => control.destroy()).on('data', (chunk) => (read(chunk) ? undefined : control.destroy()));
  const { promise: closed, resolve: tellClosed } = deferred<void>();
  control.once('close', () => {
    loseAll(calls);
    pings.answer(false);
    gate.close('it ended before it said who it is');
    tellClosed();
  });
  write(controlHeader(secret));
  return {
    admitted: gate.admitted,
    closed,
    close: () => control.destroy(),
    ping: async () => control.writable && pings.ask(),
    start: async (command) => {
      const token = newToken();
      const line = `${JSON.stringify({ type: 'start', token, ...command } satisfies RunnerCommand)}\n`;
      if (!gate.isOpen() || !control.writable) return { ok: false, code: 'ELOST', message: 'the runner ended' };
      if (Buffer.byteLength(line) > MAX_CONTROL_LINE_BYTES) return { ok: false, code: 'E2BIG', message: 'start line' };
      const answer = openCall(path, token, command.stdin, send, (events) => calls.set(token, events));
      write(line);
      const start = await answer;
      if (!start.ok) calls.delete(token);
      return start;
    },
  };
}

/** Between a runner's first line and the first permit. */
interface Gate {
  readonly admitted: Promise<Admission>;
  readonly isOpen: () => boolean;
  /** Judges the first line; returns whether that opens it. */
  readonly hear: (event: RunnerEvent | undefined) => boolean;
  /** Nothing will be heard any more. */
  readonly close: (problem: string) => void;
}

function createGate(judge: (hello: RunnerHello) => string | undefined): Gate {
  const { promise: admitted, resolve } = deferred<Admission>();
  let isOpen = false;
  const close = (problem: string): void => resolve({ ok: false, problem });
  return {
    admitted,
    isOpen: () => isOpen,
    close,
    hear: (event) => {
      if (event?.type !== 'hello') {
        close('it does not say who it is');
        return false;
      }
      const problem = judge(event);
      isOpen = problem === undefined;
      resolve(problem === undefined ? { ok: true, hello: event } : { ok: false, problem });
      return isOpen;
    },
  };
}

interface Pings {
  readonly ask: () => Promise<boolean>;
  /** Tells all who ask. */
  readonly answer: (isThere: boolean) => void;
}

/** One question at a time is out, however many ask it, so that a runner which hangs costs nothing. */
function createPings(send: () => void): Pings {
  let asked: ReturnType<typeof deferred<boolean>> | undefined;
  return {
    ask: () => {
      if (asked === undefined) {
        asked = deferred();
        send();
      }
      return asked.promise;
    },
    answer: (isThere) => {
      asked?.resolve(isThere);
      asked = undefined;
    },
  };
}

function newToken(): string {
  return randomBytes(16).toString('hex');
}

function loseAll(calls: Map<string, CallEvents>): void {
  for (const call of calls.values()) call.ended({ kind: 'lost' });
  calls.clear();
}

type CallEvent = Exclude<RunnerEvent, { type: 'pong' | 'hello' }>;

function dispatch(calls: Map<string, CallEvents>, event: CallEvent, send: (command: RunnerCommand) => void): void {
  const { token } = event;
  const call = calls.get(token);
  if (event.type !== 'exited') {
    call?.answered(event);
    // Started too late for whoever waited: nobody else would end it.
    if (call === undefined && event.type === 'started') send({ type: 'end', token });
    return;
  }
  calls.delete(token);
  if (event.status === null) call?.ended({ kind: 'signalled', signal: event.signal ?? 'SIGKILL' });
  else call?.ended({ kind: 'exited', status: event.status });
}
