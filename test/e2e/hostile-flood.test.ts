/** A client that sends much over many connections at once: another client's warm call must not notice. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SSH_MSG } from '../../src/doors/ssh/message-numbers.ts';
import { byte, message, sshString } from '../../src/doors/ssh/wire.ts';
import { finish, TestGateway, until } from '../helpers/gateway.ts';
import { RawSsh } from '../helpers/raw-ssh.ts';

const CONNECTIONS = 24;
const MESSAGES = 40_000;
const MAX_RSS = 200 * 1024 * 1024;

let gateway: TestGateway;
let master: ChildProcess;

beforeAll(async () => {
  gateway = await TestGateway.start({ clients: { vm: ['test'], bystander: ['test'] } });
  master = await gateway.openMaster('bystander');
});

afterAll(async () => {
  master.kill();
  await gateway.stop();
});

async function loggedIn(): Promise<RawSsh> {
  const client = await RawSsh.connect(gateway.port);
  expect(await client.login(gateway.client().raw)).toBe(true);
  return client;
}

/** The bytes of many messages, encrypted but not sent yet: an attacker has all the time in the world to prepare. */
function prepare(client: RawSsh, payload: Buffer): Buffer {
  const { socket } = client;
  const pieces: Buffer[] = [];
  const write = socket.write.bind(socket);
  socket.write = (piece: unknown) => pieces.push(Buffer.from(piece as Buffer)) > 0;
  for (let i = 0; i < MESSAGES; i += 1) client.send(payload);
  socket.write = write;
  return Buffer.concat(pieces);
}

describe('a flood of connections without a login', () => {
  it('pushes itself out, and nobody of another address', async () => {
    const victim = connect({ port: gateway.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    await once(victim, 'data');
    let pushedOut = 0;
    const flood = Array.from({ length: 300 }, () =>
      connect(gateway.port, '127.0.0.1')
        .on('error', () => undefined)
        .on('close', () => (pushedOut += 1))
        .resume(),
    );
    await until(() => pushedOut >= 201, 10_000);
    expect(victim.closed).toBe(false);
    for (const socket of [victim, ...flood]) socket.destroy();
  });
});

describe('a flood of small messages over many connections', () => {
  it.each([
    ['that need no answer', message(SSH_MSG.IGNORE, sshString(''))],
    ['whose answers nobody reads', message(SSH_MSG.GLOBAL_REQUEST, sshString('x'), byte(true))],
  ])('%s holds up no other client', { timeout: 90_000 }, async (_what, payload) => {
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, loggedIn));
    const floods = clients.map((client) => prepare(client, payload));
    for (const [index, client] of clients.entries()) {
      client.socket.pause();
      client.socket.write(floods[index] ?? '');
    }
    const slowest: number[] = [];
    for (let calls = 0; calls < 8; calls += 1) {
      const done = await finish(gateway.spawnSsh(['mux', 'true'], 'bystander'));
      expect(done.status).toBe(0);
      slowest.push(done.ms);
    }
    expect(Math.max(...slowest)).toBeLessThan(1000);
    expect(gateway.rss()).toBeLessThan(MAX_RSS);
    for (const client of clients) client.close();
  });
});
