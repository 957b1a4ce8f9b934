/**
 * Turns how a request ended back into bytes: raw streams and an exit status, or netstring frames for programs.
 */
import { Writable } from 'node:stream';
import type { CallIo } from '../engine/call-io.ts';
import type { Ending } from '../engine/door-interface.ts';
import type { Outcome } from '../model/outcome.ts';
import type { ReplyForm } from '../model/request.ts';
import { EXIT_STATUS, exitStatusOf } from '../protocol/exit-status.ts';
import { formatFrame } from '../protocol/netstring.ts';
import { formatRefusal, isRetriable } from '../protocol/refusal.ts';

/** The reply to one request. */
export interface Reply {
  /** What the engine writes to: the session's own streams, or their framed form. */
  readonly io: CallIo;
  /** Tells that the request was allowed and recorded. */
  readonly started: (request: string) => void;
  /** Writes the end and returns the exit status. */
  readonly finish: (ending: Ending) => number;
}

/** Begins a reply in the form that the request asked for. */
export function openReply(form: ReplyForm, io: CallIo): Reply {
  return form === 'raw' ? rawReply(io) : framedReply(io);
}

function rawReply(io: CallIo): Reply {
  return {
    io,
    started: () => undefined,
    finish: (ending) => {
      const status = statusOf(ending);
      if (ending.kind === 'refused') write(io.stderr, formatRefusal({ ...ending.refusal, request: ending.request }));
      if (ending.kind === 'outcome') {
        const { outcome, request } = ending;
        if (outcome.kind === 'limited') {
          write(
            io.stderr,
            formatRefusal({
              tool: ending.tool,
              reason: outcome.reason,
              message: endMessage(outcome),
              request,
            }),
          );
        }
        // OpenSSH's client returns 255 for its own failures too; without this line they could not be told apart.
        if (outcome.kind === 'exited' && status === 255) {
          write(io.stderr, `carapace: note: status 255 is the tool's own (request ${request})\n`);
        }
      }
      return status;
    },
  };
}

function framedReply(io: CallIo): Reply {
  const startedAt = performance.now();
  const event = (fields: Readonly<Record<string, unknown>>): Buffer => formatFrame(JSON.stringify(fields));
  const stream = (name: 'stdout' | 'stderr'): Writable =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (io.stdout.destroyed) return done(new Error('the reader is gone'));
        io.stdout.write(event({ event: name, data: chunk.toString('base64') }), done);
      },
    }).on('error', () => undefined);
  return {
    io: { ...io, stdout: stream('stdout'), stderr: stream('stderr') },
    started: (request) => write(io.stdout, event({ event: 'started', id: request })),
    finish: (ending) => {
      write(io.stdout, event(endEvent(ending, Math.round(performance.now() - startedAt))));
      return statusOf(ending);
    },
  };
}

function endEvent(ending: Ending, durationMs: number): Readonly<Record<string, unknown>> {
  const id = ending.request;
  if (ending.kind === 'refused') {
    const { tool, reason, message, retryAfterMs } = ending.refusal;
    return {
      event: 'error',
      id,
      code: reason,
      status: EXIT_STATUS[reason],
      tool,
      message,
      retriable: isRetriable(reason),
      retryAfterMs,
    };
  }
  if (ending.kind === 'answered') return { event: 'exit', id, code: ending.status, durationMs };
  const { outcome } = ending;
  return {
    event: 'exit',
    id,
    code: exitStatusOf(outcome),
    signal: outcome.kind === 'signalled' ? outcome.signal : undefined,
    reason: outcome.kind === 'limited' ? outcome.reason : undefined,
    detector: outcome.kind === 'limited' ? outcome.detector : undefined,
    durationMs: Math.round(outcome.durationMs),
    bytes: outcome.bytes,
  };
}

function endMessage({ reason, detector }: Outcome & { kind: 'limited' }): string {
  if (reason === 'time-limit') return 'the time limit ended the tool';
  if (reason === 'output-limit') return 'the output limit ended the tool';
  return `what it reads or prints is refused${detector === undefined ? '' : `: ${detector}`}`;
}

function statusOf(ending: Ending): number {
  if (ending.kind === 'answered') return ending.status;
  return ending.kind === 'refused' ? EXIT_STATUS[ending.refusal.reason] : exitStatusOf(ending.outcome);
}

/** The client may have left; then there is nobody to tell. */
function write(stream: Writable, data: string | Buffer): void {
  if (!stream.destroyed && !stream.writableEnded) stream.write(data);
}
