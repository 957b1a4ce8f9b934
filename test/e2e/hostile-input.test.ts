/** A client whose input costs the gateway no more memory than it has bytes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SSH_MSG } from '../../src/doors/ssh/message-numbers.ts';
import { message, sshString, uint32 } from '../../src/doors/ssh/wire.ts';
import { TestGateway, until } from '../helpers/gateway.ts';
import { RawSsh } from '../helpers/raw-ssh.ts';

const POLICY = `
version: 1
tools:
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], timeout_secs: 60, stdin: stream}
`;
const CHANNELS = 6;
/** More than a socket's buffers hold, and far less than a window. */
const BYTES = 40_000;
const MAX_RSS = 200 * 1024 * 1024;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY }, clients: { vm: ['test'] } });
});

afterAll(async () => {
  await gateway.stop();
});

it('input that no tool reads, one byte a message, holds a bounded amount of memory', async () => {
  const client = await RawSsh.connect(gateway.port);
  expect(await client.login(gateway.client().raw)).toBe(true);
  for (let i = 0; i < CHANNELS; i += 1) {
    const channel = await client.openSession(i);
    client.exec(channel, 'sleep 55');
    await client.expect(SSH_MSG.CHANNEL_SUCCESS);
    const oneByte = message(SSH_MSG.CHANNEL_DATA, uint32(channel), sshString('x'));
    client.socket.cork();
    for (let sent = 0; sent < BYTES; sent += 1) client.send(oneByte);
    client.socket.uncork();
    await until(() => client.socket.writableLength === 0, 10_000);
  }
  // An answer shows that all before it was handled.
  client.send(message(SSH_MSG.GLOBAL_REQUEST, sshString('x@example.com'), Buffer.of(1)));
  await client.expect(SSH_MSG.REQUEST_FAILURE);
  expect(gateway.rss()).toBeLessThan(MAX_RSS);
  expect(client.closed).toBe(false);
  client.close();
});
