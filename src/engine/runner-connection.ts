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
  const { promise: admitted, resolve: admit } = deferred<Admission>();
  let isAdmitted = false;
  const greet = (event: RunnerEvent | undefined): void => {
    const problem = event?.type === 'hello' ? judge(event) : 'it does not say who it is';
    isAdmitted = problem === undefined;
    if (event?.type === 'hello' && problem === undefined) admit({ ok: true, hello: event });
    else admit({ ok: false, problem: problem ?? '' });
    if (!isAdmitted) control.destroy();
  };
  const read = lineReader(MAX_CONTROL_LINE_BYTES, (line) => {
    if (control.destroyed) return;
    const event = parseEvent(line);
    if (!isAdmitted) greet(event);
    else if (event === undefined || event.type === 'hello') control.destroy();
    else if (event.type === 'pong') pings.answer(true);
    else dispatch(calls, event, send);
  });
  control.on('error', () => control.destroy());
  control.on('data', (chunk) => {
    if (!read(chunk)) control.destroy();
  });
  const closed = new Promise<void>((resolve) => {
    control.once('close', () => {
      for (const call of calls.values()) call.ended({ kind: 'lost' });
      calls.clear();
      pings.answer(false);
      admit({ ok: false, problem: 'it ended before it said who it is' });
      resolve();
    });
  });
  write(controlHeader(secret));
  return {
    admitted,
    closed,
    close: () => control.destroy(),
    ping: async () => control.writable && pings.ask(),
    start: async (command) => {
      const token = newToken();
      const line = `${JSON.stringify({ type: 'start', token, ...command } satisfies RunnerCommand)}\n`;
      if (!isAdmitted || !control.writable) return { ok: false, code: 'ELOST', message: 'the runner ended' };
      if (Buffer.byteLength(line) > MAX_CONTROL_LINE_BYTES) return { ok: false, code: 'E2BIG', message: 'start line' };
      const answer = openCall(path, token, command.stdin, send, (events) => calls.set(token, events));
      write(line);
      const start = await answer;
      if (!start.ok) calls.delete(token);
      return start;
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
