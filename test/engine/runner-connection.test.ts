import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectRunner } from '../../src/engine/runner-connection.ts';
import type { RunnerConnection } from '../../src/engine/runner-connection.ts';

const HELLO = JSON.stringify({ type: 'hello', pid: 4711, status: 'Uid:\t1\t1', place: null });
const PONG = JSON.stringify({ type: 'pong', token: '0'.repeat(32) });

describe('the connection to a runner', () => {
  let root: string;
  let server: Server;
  /** Connects to a runner that says these lines. */
  const hear = async (lines: readonly string[], problem?: string): Promise<RunnerConnection> => {
    const path = join(root, 'runner.sock');
    server.on('connection', (socket) =>
      socket
        .on('error', () => {})
        .resume()
        .write(lines.map((line) => `${line}\n`).join('')),
    );
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return connectRunner(path, '0'.repeat(32), () => problem);
  };
  const start = async (connection: RunnerConnection): Promise<unknown> =>
    connection.start({
      binary: '/bin/true',
      argv: [],
      env: [],
      cwd: { path: '/', dev: '1', ino: '1' },
      stdin: 'none',
      killGraceMs: 0,
      home: null,
      limits: null,
    });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'carapace-connection-'));
    server = createServer();
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(root, { recursive: true, force: true });
  });

  it('is over where the first line does not say who it is, whatever comes after it', async () => {
    const connection = await hear([PONG, HELLO]);
    expect(await connection.admitted).toEqual({ ok: false, problem: 'it does not say who it is' });
    expect(await start(connection)).toMatchObject({ ok: false, code: 'ELOST' });
    await connection.closed;
  });

  it('is over where it is another one than it must be', async () => {
    const connection = await hear([HELLO], 'it is somebody else');
    expect(await connection.admitted).toEqual({ ok: false, problem: 'it is somebody else' });
    expect(await start(connection)).toMatchObject({ ok: false, code: 'ELOST' });
    await connection.closed;
  });

  it('is over where it says a second time who it is', async () => {
    const connection = await hear([HELLO, HELLO]);
    expect(await connection.admitted).toMatchObject({ ok: true, hello: { pid: 4711 } });
    await connection.closed;
  });

  it('is over where it says what no runner says', async () => {
    const connection = await hear([HELLO, '{"type":"welcome"}']);
    expect(await connection.admitted).toMatchObject({ ok: true });
    await connection.closed;
  });
});
