/** What the ssh door ends connections for, and what it records of them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SSH_MSG } from '../../src/doors/ssh/message-numbers.ts';
import { byte, message, sshString, uint32 } from '../../src/doors/ssh/wire.ts';
import { processesWith, TestGateway, until } from '../helpers/gateway.ts';
import { RawSsh } from '../helpers/raw-ssh.ts';

const POLICY = `
version: 1
tools:
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], timeout_secs: 60}
`;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({
    policies: { test: POLICY },
    clients: { vm: ['test'] },
    config: 'limits: {login_grace_secs: 1}\n',
  });
});

afterAll(async () => {
  await gateway.stop();
});

async function recordOf(event: string, isWanted: (record: Record<string, unknown>) => boolean): Promise<void> {
  await until(() => gateway.audit().some((record) => record['event'] === event && isWanted(record)));
}

describe('the ssh door', () => {
  it('records remote forwards, and refuses them', async () => {
    const client = await RawSsh.connect(gateway.port);
    expect(await client.login(gateway.client().raw)).toBe(true);
    for (const name of ['tcpip-forward', 'streamlocal-forward@openssh.com']) {
      client.send(message(SSH_MSG.GLOBAL_REQUEST, sshString(name), byte(true), sshString('127.0.0.1'), uint32(8080)));
      await client.expect(SSH_MSG.REQUEST_FAILURE);
      await recordOf('feature-refused', (record) => record['feature'] === name);
    }
    client.close();
  });

  it('counts offers of a good key as well, and ends a client that goes on offering', async () => {
    const client = await RawSsh.connect(gateway.port);
    client.requestService();
    const offer = client.authRequest(gateway.client().raw, undefined);
    for (let i = 0; i < 64; i += 1) client.send(offer);
    for (let i = 0; i < 64; i += 1) await client.expect(SSH_MSG.USERAUTH_PK_OK);
    client.send(offer);
    await client.untilClosed();
    await recordOf('auth-failure', (record) => record['reason'] === 'too-many-tries');
  });

  it('ends a connection without a login after its grace time, and says so', async () => {
    const idle = connect(gateway.port, '127.0.0.1').resume();
    await once(idle, 'close');
    await recordOf('auth-failure', (record) => record['reason'] === 'grace-time' && record['key'] === null);
  });

  it('ends what runs for a client that sent FIN', async () => {
    const client = await RawSsh.connect(gateway.port);
    expect(await client.login(gateway.client().raw)).toBe(true);
    const channel = await client.openSession(0);
    client.exec(channel, 'sleep 47.11');
    await until(() => processesWith('sleep 47.11').length === 1);
    client.socket.end();
    await until(() => processesWith('sleep 47.11').length === 0);
    await recordOf('connection', (record) => record['action'] === 'closed' && record['reason'] === null);
    client.close();
  });
});
