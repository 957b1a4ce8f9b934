import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openReply } from '../../src/doors/reply.ts';
import type { CallIo } from '../../src/engine/call-io.ts';
import type { Ending } from '../../src/engine/door-interface.ts';
import type { Outcome } from '../../src/model/outcome.ts';

const BYTES = { stdin: 1, stdout: 2, stderr: 3 };

function io(): CallIo & { out: () => string; err: () => string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return {
    stdin: new PassThrough(),
    stdout,
    stderr,
    gone: new AbortController().signal,
    onSignal: () => undefined,
    out: () => String(stdout.read() ?? ''),
    err: () => String(stderr.read() ?? ''),
  };
}

const outcome = (value: Partial<Outcome> & { kind: string }): Ending =>
  ({ kind: 'outcome', request: 'R1', tool: 'op', outcome: { durationMs: 12.4, bytes: BYTES, ...value } }) as Ending;
const refused: Ending = {
  kind: 'refused',
  request: 'R1',
  refusal: { tool: 'op', reason: 'no-rule', message: 'no rule allows these arguments' },
};

/** The events of a framed reply. */
function events(text: string): unknown[] {
  const found: unknown[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const length = Number(text.slice(at, colon));
    found.push(JSON.parse(text.slice(colon + 1, colon + 1 + length)));
    expect(text[colon + 1 + length]).toBe(',');
    at = colon + length + 2;
  }
  return found;
}

describe('a raw reply', () => {
  it.each<[Ending, number]>([
    [outcome({ kind: 'exited', status: 7 }), 7],
    [outcome({ kind: 'signalled', signal: 'SIGTERM' }), 143],
    [outcome({ kind: 'signalled', signal: 'SIGKILL' }), 137],
    [outcome({ kind: 'limited', reason: 'time-limit' }), 124],
    [outcome({ kind: 'abandoned' }), 129],
    [outcome({ kind: 'exited', status: 256 }), 125],
    [{ kind: 'answered', request: 'R1', status: 0 }, 0],
    [refused, 126],
  ])('ends %j with %i', (ending, status) => {
    expect(openReply('raw', io()).finish(ending)).toBe(status);
  });

  it('names reason, token and request of a refusal on stderr, and a hint', () => {
    const streams = io();
    openReply('raw', streams).finish(refused);
    expect(streams.err()).toBe(
      'carapace: denied: op: no rule allows these arguments (no-rule, request R1)\n' +
        'carapace: hint: `ssh carapace tools op` shows what is allowed\n',
    );
    expect(streams.out()).toBe('');
  });

  it('says which limit ended a tool, and that 255 is its own', () => {
    const limited = io();
    openReply('raw', limited).finish(outcome({ kind: 'limited', reason: 'output-limit' }));
    expect(limited.err()).toContain('carapace: error: op: the output limit ended the tool (output-limit, request R1)');
    const own = io();
    openReply('raw', own).finish(outcome({ kind: 'exited', status: 255 }));
    expect(own.err()).toContain("status 255 is the tool's own");
  });

  it('hands the streams through as they are', () => {
    const streams = io();
    expect(openReply('raw', streams).io.stdout).toBe(streams.stdout);
  });
});

describe('a framed reply', () => {
  it('puts every stream and the end into events on stdout', async () => {
    const streams = io();
    const reply = openReply('frames', streams);
    reply.started('R1');
    await new Promise((resolve) => reply.io.stdout.write(Buffer.from([0xff, 0x00]), resolve));
    await new Promise((resolve) => reply.io.stderr.write('oops', resolve));
    expect(reply.finish(outcome({ kind: 'exited', status: 3 }))).toBe(3);
    expect(events(streams.out())).toEqual([
      { event: 'started', id: 'R1' },
      { event: 'stdout', data: '/wA=' },
      { event: 'stderr', data: 'b29wcw==' },
      { event: 'exit', id: 'R1', code: 3, durationMs: 12, bytes: BYTES },
    ]);
    expect(streams.err()).toBe('');
  });

  it('tells programs whether trying again helps', () => {
    const streams = io();
    const refusal = {
      tool: 'op',
      reason: 'rate-limited',
      message: 'too many calls in too short a time',
      retryAfterMs: 250,
    } as const;
    expect(openReply('frames', streams).finish({ kind: 'refused', request: 'R1', refusal })).toBe(75);
    expect(events(streams.out())).toEqual([
      {
        event: 'error',
        id: 'R1',
        code: 'rate-limited',
        status: 75,
        tool: 'op',
        message: refusal.message,
        retriable: true,
        retryAfterMs: 250,
      },
    ]);
  });

  it('tells signal and limit', () => {
    const streams = io();
    openReply('frames', streams).finish(outcome({ kind: 'signalled', signal: 'SIGSEGV' }));
    openReply('frames', streams).finish(outcome({ kind: 'limited', reason: 'time-limit' }));
    expect(events(streams.out())).toMatchObject([
      { code: 139, signal: 'SIGSEGV' },
      { code: 124, reason: 'time-limit' },
    ]);
  });

  it('fails writes once the reader is gone', async () => {
    const streams = io();
    const reply = openReply('frames', streams);
    streams.stdout.destroy();
    const error = await new Promise((resolve) => reply.io.stdout.write('x', resolve));
    expect(error).toMatchObject({ message: 'the reader is gone' });
  });
});
