/**
 * Clients that attack the ssh door. Each attack must leave the process alive, another client's warm call under two
 * seconds, memory under 200 MiB, and no process behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SSH_MSG } from '../../src/doors/ssh/message-numbers.ts';
import { byte, MessageReader, message, sshString, uint32 } from '../../src/doors/ssh/wire.ts';
import { finish, FIXTURES, frame, processesWith, TestGateway, until } from '../helpers/gateway.ts';
import { RawSsh } from '../helpers/raw-ssh.ts';

const POLICY = `
version: 1
tools:
  true: {type: cli, binary: /bin/true, argv_allow_patterns: [""]}
  yes: {type: cli, binary: /usr/bin/yes, argv_allow_patterns: ["hostile-test-*"], timeout_secs: 60}
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], stdin: stream, timeout_secs: 60, max_concurrent: 64}
  cat: {type: cli, binary: /bin/cat, argv_allow_patterns: [""], stdin: stream}
  node: {type: cli, binary: ${process.execPath}, argv_allow_patterns: ["${join(FIXTURES, 'spray.cjs')} * * * *"]}
`;
const SPRAY = join(FIXTURES, 'spray.cjs');
const MAX_RSS = 200 * 1024 * 1024;

let gateway: TestGateway;
let master: ChildProcess;
const opened: { close: () => void }[] = [];

beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY }, clients: { vm: ['test'], bystander: ['test'] } });
  master = gateway.spawnSsh(['-M', '-N', 'mux'], 'bystander');
  await until(async () => (await finish(gateway.spawnSsh(['-O', 'check', 'mux'], 'bystander'))).status === 0);
});

afterEach(async () => {
  for (const client of opened.splice(0)) client.close();
  await until(() => gateway.rss() < MAX_RSS, 10_000);
});

afterAll(async () => {
  master.kill();
  await gateway.stop();
});

async function raw(): Promise<RawSsh> {
  const client = await RawSsh.connect(gateway.port);
  opened.push(client);
  return client;
}

async function loggedIn(): Promise<RawSsh> {
  const client = await raw();
  expect(await client.login(gateway.client().raw)).toBe(true);
  return client;
}

/** Another client's warm call, now: through a connection that was there before the attack. */
async function bystanderCalls(): Promise<void> {
  const done = await finish(gateway.spawnSsh(['mux', 'true'], 'bystander'));
  expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
  expect(done.ms).toBeLessThan(2000);
}

async function stillServes(): Promise<void> {
  await bystanderCalls();
  expect(gateway.child.exitCode).toBeNull();
  expect(gateway.rss()).toBeLessThan(MAX_RSS);
}

async function holdsOff(client: RawSsh): Promise<void> {
  await client.untilClosed();
  await stillServes();
}

describe('before authentication', () => {
  it.each([51, 52, 53, 60, 61, 6, 31])('F1: message %i after an attempt ends the connection only', async (number) => {
    const client = await raw();
    client.requestService();
    client.send(client.authRequest(gateway.client().raw, undefined));
    client.send(message(number, sshString('publickey'), byte(false)));
    await holdsOff(client);
  });

  it.each(Array.from({ length: 21 }, (_, i) => 80 + i))(
    'message %i before authentication ends the connection',
    async (number) => {
      const client = await raw();
      client.requestService();
      client.send(message(number, sshString('session'), uint32(0), uint32(1024), uint32(32768)));
      await client.untilClosed();
      expect(gateway.child.exitCode).toBeNull();
    },
  );

  it('an empty payload and a request for another service end the connection', async () => {
    const empty = await raw();
    empty.send(Buffer.alloc(0));
    // ssh2 skips an empty payload by itself; the next message shows that nothing changed.
    empty.send(message(SSH_MSG.CHANNEL_OPEN));
    await empty.untilClosed();
    const other = await raw();
    other.send(message(SSH_MSG.SERVICE_REQUEST, sshString('ssh-connection')));
    await holdsOff(other);
  });

  it('authenticates by no method but publickey, and ends after six failures', async () => {
    for (const method of ['none', 'password', 'keyboard-interactive', 'hostbased', 'gssapi-with-mic', '', '\0']) {
      const client = await raw();
      client.requestService();
      const request = message(
        SSH_MSG.USERAUTH_REQUEST,
        sshString('root'),
        sshString('ssh-connection'),
        sshString(method),
        byte(false),
        sshString('secret'),
      );
      client.send(request);
      const failure = new MessageReader(await client.expect(SSH_MSG.USERAUTH_FAILURE));
      expect(failure.ascii()).toBe('publickey');
      for (let i = 0; i < 6; i += 1) client.send(request);
      await client.untilClosed();
    }
    await stillServes();
  });

  it('gives nothing for an offered key that was not proven', async () => {
    const client = await raw();
    client.requestService();
    client.send(client.authRequest(gateway.client().raw, undefined));
    await client.expect(SSH_MSG.USERAUTH_PK_OK);
    client.send(message(SSH_MSG.CHANNEL_OPEN, sshString('session'), uint32(0), uint32(1024), uint32(32768)));
    await holdsOff(client);
  });

  it('refuses an offer of one key signed by another, and a signature of another session', async () => {
    const vm = gateway.client().raw;
    const other = gateway.client('bystander').raw;
    const client = await raw();
    client.requestService();
    client.send(client.authRequest(vm, undefined));
    await client.expect(SSH_MSG.USERAUTH_PK_OK);
    client.send(client.authRequest(vm, other));
    await client.expect(SSH_MSG.USERAUTH_FAILURE);
    const elsewhere = await raw();
    client.send(elsewhere.authRequest(vm, vm));
    await client.expect(SSH_MSG.USERAUTH_FAILURE);
    // And the key that is proven in the end is the one that counts.
    client.send(client.authRequest(other, other));
    await client.expect(SSH_MSG.USERAUTH_SUCCESS);
    const channel = await client.openSession(0);
    client.exec(channel, 'whoami');
    const data = new MessageReader(await client.expect(SSH_MSG.CHANNEL_DATA));
    data.uint32();
    expect(data.string().toString()).toContain('client bystander');
  });

  it('compares hostile key blobs as bytes', async () => {
    const client = await raw();
    client.requestService();
    for (const blob of [
      Buffer.alloc(0),
      Buffer.from([1]),
      Buffer.alloc(30_000, 0x41),
      Buffer.concat([sshString('ssh-rsa'), Buffer.alloc(29_000, 255)]),
    ]) {
      client.send(client.authRequest({ ...gateway.client().raw, blob }, undefined));
      await client.expect(SSH_MSG.USERAUTH_FAILURE);
    }
    await stillServes();
  });

  it('F9: 300 idle sockets do not keep another client from logging in', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 300; i += 1) {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
      sockets.push(socket);
      opened.push({ close: () => socket.destroy() });
    }
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const cold = await gateway.ssh(['true'], { client: 'bystander' });
    expect(cold.status).toBe(0);
    expect(cold.ms).toBeLessThan(2000);
    await stillServes();
  });

  it('F10: offers no compression', async () => {
    const done = await finish(
      spawn('ssh', ['-F', gateway.client().sshConfig, '-C', '-v', '-o', 'LogLevel=DEBUG1', 'carapace', 'true']),
    );
    expect(done.stderr).toContain('compression: none');
    expect(done.status).toBe(0);
  });

  it('holds off garbage instead of a key exchange', async () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      '\0'.repeat(70_000),
      'SSH-2.0-x\r\n' + '\xff'.repeat(70_000),
      'SSH-1.0-old\r\n',
      `SSH-2.0-${'x'.repeat(9000)}\r\n`,
    ]) {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
      socket.resume();
      socket.write(Buffer.from(bytes, 'latin1'));
      await once(socket, 'close');
    }
    await stillServes();
  });
});

describe('after authentication', () => {
  it.each([0, 1, 1023])('F2: a maximum packet of %i ends the connection', async (size) => {
    const client = await loggedIn();
    client.send(message(SSH_MSG.CHANNEL_OPEN, sshString('session'), uint32(0), uint32(1024), uint32(size)));
    await holdsOff(client);
  });

  it('F6: a client that stops reading holds a bounded amount of memory', async () => {
    const client = await loggedIn();
    const channel = await client.openSession(0, 2 ** 32 - 1);
    client.exec(channel, 'yes hostile-test-unread');
    client.socket.pause();
    for (let i = 0; i < 20; i += 1) await bystanderCalls();
    expect(gateway.rss()).toBeLessThan(MAX_RSS);
    client.close();
    await until(() => processesWith('yes hostile-test-unread').length === 0);
  });

  it('F7: data beyond the window ends the connection', async () => {
    const client = await loggedIn();
    const channel = await client.openSession(0);
    client.exec(channel, 'sleep 7.777');
    await client.expect(SSH_MSG.CHANNEL_SUCCESS);
    for (let i = 0; i < 100 && !client.closed; i += 1) {
      client.send(message(SSH_MSG.CHANNEL_DATA, uint32(channel), sshString(Buffer.alloc(32_000))));
    }
    await holdsOff(client);
    await until(() => processesWith('sleep 7.777').length === 0);
  });

  it('F8: a flood of requests whose replies nobody reads holds a bounded amount of memory', async () => {
    const client = await loggedIn();
    client.socket.pause();
    const flood = message(SSH_MSG.GLOBAL_REQUEST, sshString('no-such-request@example.com'), byte(true));
    for (let round = 0; round < 40; round += 1) {
      for (let i = 0; i < 5000; i += 1) client.send(flood);
      await bystanderCalls();
      if (client.socket.writableLength > 64 * 1024 * 1024) break;
    }
    expect(gateway.rss()).toBeLessThan(MAX_RSS);
  });

  it('F9: opens no more than 64 channels for a client, over all its connections', async () => {
    const first = await loggedIn();
    for (let i = 0; i < 40; i += 1) await first.openSession(i);
    const second = await loggedIn();
    for (let i = 0; i < 24; i += 1) await second.openSession(i);
    await expect(second.openSession(99)).rejects.toThrow('channel refused');
    first.close();
    await until(async () =>
      second.openSession(100).then(
        () => true,
        () => false,
      ),
    );
    await stillServes();
  });

  it('F12: ends what ran for a connection that is cut, whether or not its stdin was read', async () => {
    const client = await loggedIn();
    const channel = await client.openSession(0);
    client.exec(channel, 'sleep 31.4159');
    client.send(message(SSH_MSG.CHANNEL_DATA, uint32(channel), sshString('never read')));
    await until(() => processesWith('sleep 31.4159').length === 1);
    client.close();
    await until(() => processesWith('sleep 31.4159').length === 0);
    await stillServes();
  });

  it('ends a connection whose window passes 2^32-1, that sends after EOF, or to a channel that is not there', async () => {
    const overflow = await loggedIn();
    const channel = await overflow.openSession(0, 2 ** 32 - 1);
    overflow.send(message(SSH_MSG.CHANNEL_WINDOW_ADJUST, uint32(channel), uint32(1)));
    await overflow.untilClosed();
    const late = await loggedIn();
    const ended = await late.openSession(0);
    late.send(message(SSH_MSG.CHANNEL_EOF, uint32(ended)));
    late.send(message(SSH_MSG.CHANNEL_DATA, uint32(ended), sshString('x')));
    await late.untilClosed();
    for (const number of [93, 94, 96, 97, 98]) {
      const stray = await loggedIn();
      stray.send(message(number, uint32(4242), uint32(1), uint32(1)));
      await stray.untilClosed();
    }
    await stillServes();
  });

  it('ends a connection that sends what only servers send', async () => {
    for (const number of [52, 60, 91, 92, 95, 99, 100]) {
      const client = await loggedIn();
      client.send(message(number, uint32(0), uint32(0), uint32(0), uint32(0)));
      await client.untilClosed();
    }
    for (const number of [81, 82]) {
      const client = await loggedIn();
      client.send(message(number));
      await client.untilClosed();
    }
    await stillServes();
  });

  it('answers every request that wants a reply, and unknown messages as unimplemented', async () => {
    const client = await loggedIn();
    const channel = await client.openSession(7);
    for (const type of [
      'env',
      'pty-req',
      'x11-req',
      'auth-agent-req@openssh.com',
      'window-change',
      'nonsense@example.com',
    ]) {
      client.send(
        message(SSH_MSG.CHANNEL_REQUEST, uint32(channel), sshString(type), byte(true), sshString('A'), sshString('B')),
      );
      await client.expect(SSH_MSG.CHANNEL_FAILURE);
    }
    client.send(
      message(SSH_MSG.CHANNEL_REQUEST, uint32(channel), sshString('subsystem'), byte(true), sshString('sftp')),
    );
    await client.expect(SSH_MSG.CHANNEL_FAILURE);
    client.send(
      message(SSH_MSG.GLOBAL_REQUEST, sshString('tcpip-forward'), byte(true), sshString('0.0.0.0'), uint32(80)),
    );
    await client.expect(SSH_MSG.REQUEST_FAILURE);
    for (const type of [
      'direct-tcpip',
      'direct-streamlocal@openssh.com',
      'x11',
      'auth-agent@openssh.com',
      'tun@openssh.com',
      '',
    ]) {
      client.send(
        message(
          SSH_MSG.CHANNEL_OPEN,
          sshString(type),
          uint32(9),
          uint32(1024),
          uint32(32768),
          sshString('127.0.0.1'),
          uint32(22),
        ),
      );
      await client.expect(SSH_MSG.CHANNEL_OPEN_FAILURE);
    }
    client.send(message(192, sshString('ping')));
    await client.expect(SSH_MSG.UNIMPLEMENTED);
    client.exec(channel, 'sleep 2.718');
    await client.expect(SSH_MSG.CHANNEL_SUCCESS);
    client.exec(channel, 'ping');
    await client.expect(SSH_MSG.CHANNEL_FAILURE);
    await stillServes();
  });

  it('keeps its promise of no more sessions for the client', async () => {
    const client = await loggedIn();
    client.send(message(SSH_MSG.GLOBAL_REQUEST, sshString('no-more-sessions@openssh.com'), byte(false)));
    await expect(client.openSession(0)).rejects.toThrow('channel refused');
  });

  it('sends nothing after CLOSE', async () => {
    const client = await loggedIn();
    const channel = await client.openSession(3, 10);
    client.exec(channel, 'yes hostile-test-closed');
    await client.expect(SSH_MSG.CHANNEL_DATA);
    client.send(message(SSH_MSG.CHANNEL_CLOSE, uint32(channel)));
    await client.expect(SSH_MSG.CHANNEL_CLOSE);
    await until(() => processesWith('yes hostile-test-closed').length === 0);
    client.received.splice(0);
    const next = await client.openSession(4);
    client.exec(next, 'ping');
    await client.expect(SSH_MSG.CHANNEL_CLOSE);
    const forOld = client.received.filter((payload) => (payload[0] ?? 0) >= 91 && payload.readUInt32BE(1) === 3);
    expect(forOld).toEqual([]);
  });

  it('survives thousands of random messages', async () => {
    let seed = 20_261_121;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 40; round += 1) {
      const client = await loggedIn();
      await client.openSession(0);
      for (let i = 0; i < 60 && !client.closed; i += 1) {
        const payload = Buffer.alloc(1 + random(60));
        for (let at = 1; at < payload.length; at += 1) payload[at] = random(4) === 0 ? random(256) : 0;
        payload[0] = [80, 90, 93, 94, 96, 97, 98, 98, 98, 2, 4, 192][random(12)] ?? random(256);
        client.send(payload);
      }
      client.close();
    }
    await stillServes();
  });
});

describe('key exchange during a connection', () => {
  it.each(['down', 'up'])('moves 20 MB %s while the client exchanges keys every 256 KiB', async (direction) => {
    const bytes = Buffer.alloc(20_000_000, 'rekey under load');
    const options = ['-o', 'RekeyLimit=256K'];
    if (direction === 'up') {
      const done = await finish(gateway.spawnSsh([...options, 'carapace', 'cat']), { input: bytes });
      expect(done.status).toBe(0);
      expect(done.stdout.equals(bytes)).toBe(true);
      return;
    }
    const done = await finish(gateway.spawnSsh([...options, 'carapace', `node ${SPRAY} 19531776 0 mixed 0`]));
    expect(done.status).toBe(0);
    expect(done.stdout.equals(Buffer.from(('o'.repeat(1021) + '-1\n').repeat(19_074)))).toBe(true);
  });

  it('ends a connection that begins a key exchange and sends something else', async () => {
    const client = await loggedIn();
    client.beginRekey();
    client.send(message(SSH_MSG.GLOBAL_REQUEST, sshString('x'), byte(true)));
    await holdsOff(client);
  });
});

describe('slow clients', () => {
  /** Reads a call to its end with a window that opens a little at a time, first for stdout and stderr together. */
  async function readSlowly(argv: string[], step: number): Promise<{ stdout: Buffer; stderr: Buffer; status: number }> {
    const client = await loggedIn();
    const channel = await client.openSession(0, step);
    client.exec(channel, frame({ tool: 'node', argv: [SPRAY, ...argv] }));
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let status = -1;
    for (;;) {
      const payload = await client.expect(
        SSH_MSG.CHANNEL_DATA,
        SSH_MSG.CHANNEL_EXTENDED_DATA,
        SSH_MSG.CHANNEL_REQUEST,
        SSH_MSG.CHANNEL_CLOSE,
      );
      if (payload[0] === SSH_MSG.CHANNEL_CLOSE) break;
      const reader = new MessageReader(payload);
      reader.uint32();
      if (payload[0] === SSH_MSG.CHANNEL_REQUEST) {
        if (reader.ascii() === 'exit-status') status = payload.readUInt32BE(payload.length - 4);
        continue;
      }
      if (payload[0] === SSH_MSG.CHANNEL_EXTENDED_DATA) reader.uint32();
      const data = reader.string();
      (payload[0] === SSH_MSG.CHANNEL_DATA ? out : err).push(data);
      client.send(message(SSH_MSG.CHANNEL_WINDOW_ADJUST, uint32(channel), uint32(data.length)));
    }
    client.close();
    return { stdout: Buffer.concat(out), stderr: Buffer.concat(err), status };
  }

  const expected = (bytes: number, letter: string, mark: string): Buffer =>
    Buffer.from((letter.repeat(1021) + mark).repeat(bytes / 1024));

  const sizes: [string, number, number][] = [
    ['stdout alone', 512 * 1024, 0],
    ['stderr alone', 0, 512 * 1024],
    ['both', 256 * 1024, 256 * 1024],
    ['little stdout, much stderr', 1024, 512 * 1024],
  ];
  for (const [name, out, err] of sizes) {
    it.each(['out-first', 'err-first', 'mixed'])(`F3 to F5: ${name}, %s, arrives byte for byte`, async (order) => {
      for (const step of [1000, 32_768, 65_536]) {
        const read = await readSlowly([String(out), String(err), order, '3'], step).catch((error: unknown) => error);
        expect(read).toMatchObject({ status: 3 });
        const { stdout, stderr } = read as { stdout: Buffer; stderr: Buffer };
        expect(stdout.equals(expected(out, 'o', '-1\n'))).toBe(true);
        expect(stderr.equals(expected(err, 'e', '-2\n'))).toBe(true);
      }
    });
  }
});
