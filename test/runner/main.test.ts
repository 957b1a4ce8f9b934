import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lineReader } from '../../src/model/line-reader.ts';
import { controlHeader, streamHeader } from '../../src/model/runner-messages.ts';

const ENTRY = fileURLToPath(new URL('../../dist/runner/main.js', import.meta.url));
const SECRET = 'a'.repeat(32);
const INSTALLATION = 'b'.repeat(32);
const TOKEN = 'c'.repeat(32);

let directory: string;
let path: string;
let runner: ChildProcess;
let exited: Promise<unknown>;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-runner-'));
  path = join(directory, 'socket');
  runner = spawn(process.execPath, [ENTRY, path, INSTALLATION], { env: {}, stdio: ['pipe', 'pipe', 'inherit'] });
  exited = once(runner, 'exit');
  runner.stdin?.write(`${SECRET}\n`);
  const [ready] = (await once(runner.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  expect(ready.toString()).toBe('ready\n');
});
afterEach(async () => {
  runner.stdin?.destroy();
  await exited;
  rmSync(directory, { recursive: true, force: true });
});

/** A connection that has sent `text`. */
function dial(text: string): Socket {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(text);
  return socket;
}

async function isClosed(socket: Socket): Promise<boolean> {
  socket.resume();
  await once(socket, 'end');
  return true;
}

interface Control {
  readonly socket: Socket;
  readonly send: (command: object) => void;
  readonly next: () => Promise<Record<string, unknown>>;
}

function control(): Control {
  const events: Record<string, unknown>[] = [];
  let isGreeted = false;
  const waiting: ((event: Record<string, unknown>) => void)[] = [];
  const socket = dial(controlHeader(SECRET));
  const read = lineReader(100_000, (line) => {
    const event = JSON.parse(line) as Record<string, unknown>;
    if (!isGreeted) {
      isGreeted = true;
      expect(event).toMatchObject({
        type: 'hello',
        pid: runner.pid,
        status: expect.stringContaining('Uid:'),
        place: null,
      });
      return;
    }
    const receive = waiting.shift();
    if (receive === undefined) events.push(event);
    else receive(event);
  });
  socket.on('data', (chunk) => read(chunk));
  return {
    socket,
    send: (command) => socket.write(`${JSON.stringify(command)}\n`),
    next: async () => {
      const event = events.shift();
      return event ?? new Promise((resolve) => waiting.push(resolve));
    },
  };
}

function start(overrides: object = {}): object {
  const cwd = { path: '/no/such/directory', dev: '1', ino: '1' };
  const tool = { binary: '/bin/true', argv: [], env: [], cwd, stdin: 'none', killGraceMs: 0, home: null, limits: null };
  return { type: 'start', token: TOKEN, ...tool, ...overrides };
}

describe('the socket of a runner', () => {
  it('closes a connection that begins with anything but a header', async () => {
    expect(await isClosed(dial('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))).toBe(true);
    expect(await isClosed(dial(`${TOKEN} 3\n`))).toBe(true);
    expect(await isClosed(dial(`${TOKEN.toUpperCase()} 0\n`))).toBe(true);
  });

  it('is not controlled by who does not know the secret, and goes on', async () => {
    expect(await isClosed(dial(controlHeader('0'.repeat(32))))).toBe(true);
    const { send, next } = control();
    send({ type: 'start', token: TOKEN });
    expect(await next()).toMatchObject({ type: 'refused', code: 'EINVAL' });
  });

  it('is controlled by one connection only', async () => {
    const { send, next } = control();
    send({ type: 'start', token: TOKEN });
    await next();
    expect(await isClosed(dial(controlHeader(SECRET)))).toBe(true);
    send({ type: 'start', token: TOKEN });
    expect(await next()).toMatchObject({ type: 'refused' });
  });

  it('takes a header that comes in pieces', async () => {
    const socket = dial(controlHeader(SECRET).slice(0, 10));
    socket.write(`${controlHeader(SECRET).slice(10)}{"type":"start","token":"${TOKEN}"}\n`);
    let text = '';
    while (text.split('\n').length < 3) text += String(((await once(socket, 'data')) as [Buffer])[0]);
    const [hello = '', refused = ''] = text.split('\n');
    expect(JSON.parse(hello)).toMatchObject({ type: 'hello', pid: runner.pid });
    expect(JSON.parse(refused)).toMatchObject({ type: 'refused', token: TOKEN });
  });

  it('closes a stream that carries more than its header', async () => {
    expect(await isClosed(dial(`${streamHeader(TOKEN, 0)}early`))).toBe(true);
  });

  it('closes the second of two streams for one descriptor', async () => {
    dial(streamHeader(TOKEN, 1));
    expect(await isClosed(dial(streamHeader(TOKEN, 1)))).toBe(true);
  });
});

describe('a start command', () => {
  it('may come before its streams or after them', async () => {
    const { send, next } = control();
    send(start());
    dial(streamHeader(TOKEN, 1));
    dial(streamHeader(TOKEN, 2));
    expect(await next()).toMatchObject({ type: 'refused', code: 'ESTALE' });
    const later = 'd'.repeat(32);
    dial(streamHeader(later, 1));
    dial(streamHeader(later, 2));
    send(start({ token: later }));
    expect(await next()).toMatchObject({ type: 'refused', token: later, code: 'ESTALE' });
  });

  it('is refused the second time while the first waits, and closes its streams when it fails', async () => {
    const { send, next } = control();
    send(start());
    send(start());
    expect(await next()).toMatchObject({ type: 'refused', code: 'EEXIST' });
    const streams = [dial(streamHeader(TOKEN, 1)), dial(streamHeader(TOKEN, 2))];
    expect(await next()).toMatchObject({ type: 'refused', code: 'ESTALE' });
    expect(await Promise.all(streams.map(isClosed))).toEqual([true, true]);
  });

  it('is not confused by commands for calls that are not there', async () => {
    const { send, next } = control();
    send({ type: 'end', token: TOKEN });
    send({ type: 'signal', token: TOKEN, signal: 'KILL' });
    send({ type: 'start', token: TOKEN });
    expect(await next()).toMatchObject({ type: 'refused' });
  });
});

describe('the life of a runner', () => {
  it('ends with the control connection', async () => {
    control().socket.end();
    expect(await exited).toEqual([0, null]);
  });

  it('ends with its stdin', async () => {
    control();
    runner.stdin?.end();
    expect(await exited).toEqual([0, null]);
  });

  it('ends at a line that no gateway sends', async () => {
    control().socket.write('{"type":"end"}\n');
    expect(await exited).toEqual([0, null]);
  });

  it('ends at a line without end', async () => {
    control().socket.write(Buffer.alloc(9 * 1024 * 1024, 'x'));
    expect(await exited).toEqual([0, null]);
  });

  it('does not begin without a gateway', () => {
    const { status, stderr } = spawnSync(process.execPath, [ENTRY], { encoding: 'utf8' });
    expect(status).toBe(64);
    expect(stderr).toMatch(/^carapace: error: runner: [^\n]+\n$/);
  });
});
