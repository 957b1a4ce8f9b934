/**
 * Reads one request from a session: the three forms of docs/protocol.md. Shared by every door.
 *
 * Invariants: nothing is believed beyond its form; a frame that is not complete in time or too large is refused; the
 * bytes after a frame go back to stdin unread.
 */
import type { Readable } from 'node:stream';
import type { Asked } from '../engine/door-interface.ts';
import { BUILT_IN_WORDS } from '../model/request.ts';
import { splitCommandWords } from '../protocol/command-words.ts';
import { createFrameReader, type FrameProgress, parseWholeFrame } from '../protocol/netstring.ts';
import { argumentsProblem, parseRequest, type WireRequest } from '../protocol/request-frame.ts';
import type { FrameBudget } from './frame-budget.ts';

/** How long a frame on stdin may take, in milliseconds. */
const FRAME_TIME_LIMIT_MS = 10_000;

/** How a session was asked to start. */
export type SessionCommand =
  /** `exec`: the command's raw bytes. */
  | { readonly kind: 'exec'; readonly command: Buffer }
  /** `exec` with more bytes than the door takes. */
  | { readonly kind: 'oversized'; readonly limit: number }
  /** `shell` without a pseudo-terminal: the request is a frame on stdin. */
  | { readonly kind: 'shell' }
  /** `shell` after a refused pseudo-terminal: somebody sits at a terminal. */
  | { readonly kind: 'terminal' };

export interface RequestSource {
  readonly stdin: Readable;
  readonly gone: AbortSignal;
  readonly budget: FrameBudget;
}

/** Reads the request. `no-request` where stdin ended before its first byte. Never rejects. */
export async function readRequest(command: SessionCommand, source: RequestSource): Promise<Asked | 'no-request'> {
  switch (command.kind) {
    case 'terminal':
      return wordsAsked(['help']);
    case 'exec':
      return parseCommand(command.command);
    case 'oversized':
      return invalid('too-large', `command is longer than ${command.limit} bytes; send the frame on stdin`);
    case 'shell': {
      const progress = await readFrame(source);
      return progress === 'no-request' ? progress : frameAsked(progress);
    }
  }
}

function parseCommand(command: Buffer): Asked {
  const first = command[0] ?? 0;
  if (first >= 0x30 && first <= 0x39) return frameAsked(parseWholeFrame(command));
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(command);
  } catch {
    return invalid('malformed', 'command is not valid UTF-8');
  }
  if (text.includes('\0')) return invalid('malformed', 'command holds NUL');
  const split = splitCommandWords(text);
  if (!split.ok) return invalid('malformed', split.message);
  return wordsAsked(split.words);
}

function wordsAsked(words: readonly string[]): Asked {
  const [tool, ...argv] = words;
  if (tool === undefined) return invalid('malformed', 'command is empty');
  const problem = argumentsProblem(argv);
  if (problem !== undefined) return invalid(problem.reason, problem.message);
  return asked({ tool, argv, cwd: undefined, env: new Map(), reply: 'raw', meta: new Map() });
}

type FrameEnd =
  | Exclude<FrameProgress, { state: 'more' }>
  | { readonly state: 'bad'; readonly reason: 'frame-timeout' | 'too-many'; readonly message: string };

function frameAsked(progress: FrameEnd | FrameProgress): Asked {
  if (progress.state === 'more') return invalid('malformed', 'frame is not complete');
  if (progress.state === 'bad') return invalid(progress.reason, progress.message);
  const parsed = parseRequest(progress.payload);
  return parsed.ok ? asked(parsed.request) : invalid(parsed.reason, parsed.message);
}

function asked(wire: WireRequest): Asked {
  const { reply, meta, ...request } = wire;
  const word = BUILT_IN_WORDS.find((known) => known === request.tool);
  return word === undefined ? { kind: 'tool', request, reply, meta } : { kind: 'word', word, request, reply, meta };
}

function invalid(reason: (Asked & { kind: 'invalid' })['reason'], message: string): Asked {
  return { kind: 'invalid', reason, message };
}

/** Collects the frame at the head of stdin and puts what follows it back. */
function readFrame({ stdin, gone, budget }: RequestSource): Promise<FrameEnd | 'no-request'> {
  const reader = createFrameReader();
  const share = budget.open();
  return new Promise((resolve) => {
    const timer = setTimeout(
      () =>
        settle({
          state: 'bad',
          reason: 'frame-timeout',
          message: `frame is not complete after ${FRAME_TIME_LIMIT_MS / 1000} s`,
        }),
      FRAME_TIME_LIMIT_MS,
    );
    function settle(end: FrameEnd | 'no-request'): void {
      clearTimeout(timer);
      share.close();
      stdin.off('data', onData).off('end', onEnd).pause();
      gone.removeEventListener('abort', onEnd);
      if (end !== 'no-request' && end.state === 'done' && end.rest.length > 0) stdin.unshift(end.rest);
      resolve(end);
    }
    function onData(chunk: Buffer): void {
      const progress = reader.push(chunk);
      if (!share.resize(reader.held())) {
        return settle({
          state: 'bad',
          reason: 'too-many',
          message: "this client's unfinished frames are too large together",
        });
      }
      if (progress.state !== 'more') settle(progress);
    }
    function onEnd(): void {
      if (reader.held() === 0) return settle('no-request');
      settle({ state: 'bad', reason: 'malformed', message: 'stdin ended within the frame' });
    }
    stdin.on('data', onData).once('end', onEnd);
    gone.addEventListener('abort', onEnd);
  });
}
