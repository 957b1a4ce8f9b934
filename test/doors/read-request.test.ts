import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CLIENT_FRAME_BYTES, createFrameBudgets } from '../../src/doors/frame-budget.ts';
import { readRequest, type SessionCommand } from '../../src/doors/read-request.ts';
import { frame } from '../helpers/gateway.ts';

interface Session {
  readonly stdin: PassThrough;
  readonly gone: AbortController;
  readonly asked: ReturnType<typeof readRequest>;
}

function session(command: SessionCommand, budget = createFrameBudgets()('vm')): Session {
  const stdin = new PassThrough();
  const gone = new AbortController();
  return { stdin, gone, asked: readRequest(command, { stdin, gone: gone.signal, budget }) };
}

const exec = (command: string | Buffer): Promise<unknown> =>
  session({ kind: 'exec', command: Buffer.from(command) }).asked;
const TOOL = { kind: 'tool', request: { tool: 'op', argv: ['item', 'list'] }, reply: 'raw' };

afterEach(() => {
  vi.useRealTimers();
});

describe('readRequest', () => {
  it('takes a frame from stdin and leaves what follows', async () => {
    const { stdin, asked } = session({ kind: 'shell' });
    const bytes = Buffer.from(`${frame({ tool: 'op', argv: ['item', 'list'] })}the rest`);
    for (const byte of bytes) stdin.write(Buffer.from([byte]));
    stdin.end();
    expect(await asked).toMatchObject(TOOL);
    let rest = '';
    for await (const chunk of stdin) rest += String(chunk);
    expect(rest).toBe('the rest');
  });

  it('takes a frame or words from the exec command', async () => {
    expect(await exec(frame({ tool: 'op', argv: ['item', 'list'] }))).toMatchObject(TOOL);
    expect(await exec('op item list')).toMatchObject(TOOL);
    expect(await exec('op \'item\' li"st"')).toMatchObject(TOOL);
  });

  it('tells built-in words from tools, in words and in frames', async () => {
    expect(await exec('tools --shim')).toMatchObject({ kind: 'word', word: 'tools', request: { argv: ['--shim'] } });
    expect(await exec(frame({ tool: 'ping', argv: [] }))).toMatchObject({ kind: 'word', word: 'ping' });
    expect(await session({ kind: 'terminal' }).asked).toMatchObject({ kind: 'word', word: 'help' });
  });

  it.each([
    ['', 'malformed', 'command is empty'],
    ['a; b', 'malformed', "';' outside quotes"],
    ['5:{}', 'malformed', 'frame is longer than the command that holds it'],
    ['2:{},x', 'malformed', 'bytes after the frame'],
    ['2:{},', 'malformed', "'argv' must be a list"],
    ['0', 'malformed', 'frame is longer than the command that holds it'],
    [Buffer.from([0x6f, 0xff]), 'malformed', 'command is not valid UTF-8'],
    [Buffer.from('op a\0b'), 'malformed', 'command holds NUL'],
    [`op ${'x'.repeat(131_072)}`, 'too-large', 'argument 1 is longer'],
  ])('refuses the command %j', async (command, reason, message) => {
    expect(await exec(command)).toEqual({
      kind: 'invalid',
      reason,
      message: expect.stringContaining(message) as string,
    });
  });

  it('refuses a command that is too long for the door', async () => {
    expect(await session({ kind: 'oversized', limit: 32_000 }).asked).toMatchObject({
      kind: 'invalid',
      reason: 'too-large',
    });
  });

  it('knows no request where stdin ends, or the client leaves, before the first byte', async () => {
    const ended = session({ kind: 'shell' });
    ended.stdin.end();
    expect(await ended.asked).toBe('no-request');
    const left = session({ kind: 'shell' });
    left.gone.abort();
    expect(await left.asked).toBe('no-request');
  });

  it('refuses a frame that stdin ends within', async () => {
    const { stdin, asked } = session({ kind: 'shell' });
    stdin.end('10:{"too');
    expect(await asked).toMatchObject({
      kind: 'invalid',
      reason: 'malformed',
      message: 'stdin ended within the frame',
    });
  });

  it('refuses a frame that is not complete after ten seconds', async () => {
    vi.useFakeTimers();
    const { stdin, asked } = session({ kind: 'shell' });
    stdin.write('10:{');
    await vi.advanceTimersByTimeAsync(9_999);
    stdin.write('"');
    await vi.advanceTimersByTimeAsync(1);
    expect(await asked).toMatchObject({ kind: 'invalid', reason: 'frame-timeout' });
  });

  it("refuses what goes beyond the client's budget, and gives the budget back at the end", async () => {
    const budgetOf = createFrameBudgets();
    const other = budgetOf('vm').open();
    other.resize(CLIENT_FRAME_BYTES - 100);
    const { stdin, asked } = session({ kind: 'shell' }, budgetOf('vm'));
    stdin.write(`1000:${'x'.repeat(200)}`);
    expect(await asked).toMatchObject({ kind: 'invalid', reason: 'too-many' });
    expect(budgetOf('vm').open().resize(100)).toBe(true);
  });

  it('leaves no listener behind', async () => {
    const { stdin, gone, asked } = session({ kind: 'shell' });
    const before = stdin.listenerCount('end');
    stdin.write(frame({ tool: 'op', argv: [] }));
    await asked;
    expect(stdin.listenerCount('data')).toBe(0);
    expect(stdin.listenerCount('end')).toBeLessThan(before);
    gone.abort();
  });
});
