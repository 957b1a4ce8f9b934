/** Where the gateway listens: several addresses at once, and what is said of those that are taken. */
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, run, TestGateway } from '../helpers/gateway.ts';

let root: string;
let socket: string;
let gateway: TestGateway | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cl-'));
  socket = join(root, 'ssh.sock');
});

afterEach(async () => {
  await gateway?.stop();
  rmSync(root, { recursive: true });
});

async function start(): Promise<TestGateway> {
  gateway = await TestGateway.start({ listen: [`unix:${socket}`, '127.0.0.1:0'] });
  return gateway;
}

async function identOf(place: { path: string } | { port: number; host: string }): Promise<string> {
  const connection = connect(place);
  const [bytes] = (await once(connection, 'data')) as [Buffer];
  connection.destroy();
  return bytes.toString('latin1');
}

describe('carapace serve with several listeners', () => {
  it('serves SSH on all of them, and on a Unix socket to the group at most', async () => {
    const { port } = await start();
    expect(await identOf({ path: socket })).toMatch(/^SSH-2\.0-OpenSSH_Carapace_/);
    expect(await identOf({ host: '127.0.0.1', port })).toMatch(/^SSH-2\.0-OpenSSH_Carapace_/);
    expect(statSync(socket).mode & 0o777).toBe(0o660);
  });

  it('takes the place of a Unix socket that a killed gateway left, and leaves none when it stops', async () => {
    const running = await start();
    const killed = once(running.child, 'exit');
    running.child.kill('SIGKILL');
    await killed;
    expect(existsSync(socket)).toBe(true);
    await running.launch();
    expect(await identOf({ path: socket })).toMatch(/^SSH-2\.0-/);
    const stopped = once(running.child, 'exit');
    running.child.kill('SIGTERM');
    await stopped;
    expect(existsSync(socket)).toBe(false);
  });

  it('ends with 69 where an address is taken, and names who has a port', async () => {
    const { port, child } = await start();
    const dir = join(root, 'other');
    for (const part of ['policies', 'authorized_keys.d']) mkdirSync(join(dir, part), { recursive: true, mode: 0o755 });
    const serve = (address: string) =>
      run(process.execPath, [MAIN, 'serve', '--dir', dir, '--listen', '127.0.0.1:0', '--listen', address]);
    const unix = await serve(`unix:${socket}`);
    expect({ status: unix.status, stderr: unix.stderr }).toEqual({
      status: 69,
      stderr: expect.stringContaining(`carapace: error: listen: unix:${socket} is taken\ncarapace: hint: `) as string,
    });
    const tcp = await serve(`127.0.0.1:${port}`);
    expect(tcp.status).toBe(69);
    expect(tcp.stderr).toContain(`listen: 127.0.0.1:${port} is taken by node (process ${child.pid ?? 0})\n`);
    expect(await identOf({ path: socket })).toMatch(/^SSH-2\.0-/);
  });
});

describe('carapace serve in a directory', () => {
  it('that others may write to does not start: they could put other keys and policies in its place', async () => {
    const served = await start();
    chmodSync(served.dir, 0o777);
    const done = await run(process.execPath, [MAIN, 'serve', '--dir', served.dir, '--listen', '127.0.0.1:0']);
    expect(done.status).toBe(78);
    expect(done.stderr).toMatch(/carapace: hint: .*chmod/);
  });
});
