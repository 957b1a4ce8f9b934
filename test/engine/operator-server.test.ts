import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OperatorServer, startOperatorServer } from '../../src/engine/operator-server.ts';
import type { OperatorView } from '../../src/engine/operator-view.ts';
import { CONNECTION, CONNECTIONS, failing, operatorView, passing, STATUS } from './operator-fixtures.ts';

let directory: string;
let path: string;
let servers: OperatorServer[];
let errors: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-op-'));
  path = join(directory, 'operator.sock');
  servers = [];
  errors = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(directory, { recursive: true });
});

async function start(changes: Partial<OperatorView> = {}, socketPath = path): Promise<OperatorServer> {
  const log = { error: (message: string): number => errors.push(message) };
  const server = await startOperatorServer({ path: socketPath, view: operatorView(changes), log });
  servers.push(server);
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

async function ask(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, path: url, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => {
        const { statusCode: status, headers } = response;
        resolve({ status, headers, body: text === '' ? undefined : (JSON.parse(text) as unknown) });
      });
    });
    asked.once('error', reject).end(body);
  });
}

/** Sends raw bytes and returns all that comes back until the server closes. */
async function exchange(bytes: string): Promise<string> {
  const socket: Socket = connect(path);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

describe('an answer', () => {
  it('is the view status as JSON', async () => {
    await start();
    const { status, headers, body } = await ask('/v1/status');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(body).toEqual(STATUS);
  });

  it('is the view connections as JSON', async () => {
    await start();
    expect(await ask('/v1/connections?x=1')).toMatchObject({ status: 200, body: CONNECTIONS });
  });

  it('is what the view says at that moment', async () => {
    let seq = 0;
    await start({ status: () => ({ ...STATUS, audit: { ok: true, lastError: null, seq: (seq += 1) } }) });
    await ask('/v1/status');
    expect(await ask('/v1/status')).toMatchObject({ body: { audit: { seq: 2 } } });
  });

  it('is 200 for health only where every check passes', async () => {
    await start({ checks: [passing('audit'), passing('runner')] });
    expect(await ask('/v1/health')).toMatchObject({ status: 200, body: { ok: true } });
  });

  it('is 503 for health where a check fails, with its name and message', async () => {
    await start({ checks: [failing('audit', 'no space'), passing('runner')] });
    expect(await ask('/v1/health')).toMatchObject({
      status: 503,
      body: {
        ok: false,
        checks: [
          { name: 'audit', ok: false, message: 'no space' },
          { name: 'runner', ok: true, message: null },
        ],
      },
    });
  });

  it('is 503 for health where there is nothing to check', async () => {
    await start({ checks: [] });
    expect(await ask('/v1/health')).toMatchObject({ status: 503 });
  });

  it.each(['/', '/v1', '/v1/', '/v1/status/', '/v2/status', '/V1/STATUS', '/v1/%73tatus', '//v1/status'])(
    'is 404 and JSON for %s',
    async (url) => {
      await start();
      expect(await ask(url)).toMatchObject({ status: 404, body: { error: { code: 'not-found' } } });
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('is 405 for %s', async (method) => {
    await start();
    const answer = await ask('/v1/status', { method, headers: { 'content-length': '0' } });
    expect(answer).toMatchObject({
      status: 405,
      headers: { allow: 'GET' },
      body: { error: { code: 'method-refused' } },
    });
  });

  it('is 405 for HEAD', async () => {
    await start();
    expect(await ask('/v1/status', { method: 'HEAD' })).toMatchObject({ status: 405, body: undefined });
  });

  it.each([{ 'content-length': '2' }, { 'transfer-encoding': 'chunked' }])('is 413 for a body: %j', async (headers) => {
    await start();
    const answer = await ask('/v1/status', { headers: { ...headers }, body: '{}' });
    expect(answer).toMatchObject({
      status: 413,
      headers: { connection: 'close' },
      body: { error: { code: 'body-refused' } },
    });
  });

  it('is 500 without the reason where the view fails, and the log has it', async () => {
    const status = (): never => {
      throw new Error('defect');
    };
    await start({ status });
    const { status: code, body } = await ask('/v1/status');
    expect(code).toBe(500);
    expect(JSON.stringify(body)).not.toContain('defect');
    expect(errors).toEqual(['operator socket: /v1/status: defect']);
  });

  it('is safe to show on a terminal', async () => {
    const hostile = { ...CONNECTION, peer: '\u001b[2J\u202e' };
    await start({ connections: () => ({ connections: [hostile] }) });
    const raw = await exchange('GET /v1/connections HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(raw).toMatch(/^[\x20-\x7e\r\n]*$/);
  });

  it.skipIf(spawnSync('curl', ['--version']).status !== 0)('reaches curl', async () => {
    await start();
    const curl = await import('node:child_process');
    const output = await new Promise<string>((resolve, reject) => {
      curl.execFile('curl', ['-s', '--unix-socket', path, 'http://carapace/v1/status'], (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
    expect(JSON.parse(output)).toEqual(STATUS);
  });
});

describe('a hostile request', () => {
  it('with headers above 8 KiB is refused', async () => {
    await start();
    expect(await exchange(`GET /v1/status HTTP/1.1\r\nx: ${'y'.repeat(9000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('that is no HTTP is refused', async () => {
    await start();
    expect(await exchange('hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('beyond the bound on connections finds the door closed, and earlier ones are served', async () => {
    await start();
    const first = connect(path);
    const sockets = Array.from({ length: 40 }, () => connect(path).on('error', () => {}));
    await Promise.all(sockets.slice(31).map((socket) => once(socket.resume(), 'close')));
    first.write('GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n');
    const [data] = (await once(first, 'data')) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of [first, ...sockets]) socket.destroy();
  });
});

describe('the socket', () => {
  it('has mode 0600 and leaves the umask as it was', async () => {
    const before = process.umask(0);
    try {
      await start();
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is removed when the server closes, with connections that are open', async () => {
    const server = await start();
    const idle = connect(path);
    await once(idle, 'connect');
    await server.close();
    expect(existsSync(path)).toBe(false);
    idle.destroy();
  });

  it('makes its directory with mode 0700', async () => {
    path = join(directory, 'state', 'operator.sock');
    await start();
    expect(statSync(join(directory, 'state')).mode & 0o777).toBe(0o700);
  });

  it('is refused in a directory that others may write to', async () => {
    chmodSync(directory, 0o770);
    await expect(start()).rejects.toMatchObject({ code: 'configuration', hint: 'chmod 700 its directory' });
  });

  it('of a dead gateway is replaced', async () => {
    const script = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    spawnSync(process.execPath, ['-e', script, path]);
    expect(lstatSync(path).isSocket()).toBe(true);
    await start();
    expect(await ask('/v1/status')).toMatchObject({ status: 200 });
  });

  it('of a live gateway is an error that names it, and stays', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining(path) });
    expect(await ask('/v1/status')).toMatchObject({ status: 200 });
  });

  it('of somebody who accepts and says nothing counts as live', async () => {
    const silent = createServer();
    silent.listen(path);
    await once(silent, 'listening');
    await expect(start()).rejects.toMatchObject({ message: expect.stringContaining('another gateway answers') });
    silent.close();
    await once(silent, 'close');
  });

  it('takes the place of nothing else', async () => {
    writeFileSync(path, 'precious');
    await expect(start()).rejects.toMatchObject({ message: expect.stringContaining('no socket') });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it.skipIf(process.platform !== 'linux')('is served at a path that is longer than an address', async () => {
    const long = join(directory, 'x'.repeat(120), 'operator.sock');
    await start({}, long);
    expect(statSync(long).mode & 0o777).toBe(0o600);
  });
});
