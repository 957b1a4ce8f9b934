/** How calls end when somebody leaves or is killed: the client, the connection, the gateway, the runner. Nothing stays. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SSH_MSG } from '../../src/doors/ssh/message-numbers.ts';
import { byte, MessageReader, message, sshString, uint32 } from '../../src/doors/ssh/wire.ts';
import { finish, processesWith, TestGateway, until } from '../helpers/gateway.ts';
import { RawSsh } from '../helpers/raw-ssh.ts';

const POLICY = `
version: 1
tools:
  ping-me: {type: cli, binary: /bin/true, argv_allow_patterns: [""]}
  sleepers: {type: cli, binary: TOOLS/sleepers, argv_allow_patterns: ["*"], timeout_secs: 60}
  sleepers-4s: {type: cli, binary: TOOLS/sleepers, argv_allow_patterns: ["*"], timeout_secs: 4}
  yes-2s: {type: cli, binary: /usr/bin/yes, argv_allow_patterns: ["endings-*"], timeout_secs: 2}
  reports: {type: cli, binary: TOOLS/report-signals, argv_allow_patterns: ["*"], stdin: stream}
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"]}
`;
/** TERM, two seconds of grace, KILL, and the sweep of what left the group. */
const END_BOUND_MS = 6000;

let gateway: TestGateway;
const gateways: TestGateway[] = [];
const closers: (() => void)[] = [];

beforeEach(async () => {
  gateway = gateways.find((one) => !one.child.killed) ?? (await start());
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(async () => {
  await Promise.all(gateways.map((one) => one.stop()));
});

async function start(): Promise<TestGateway> {
  const started = await TestGateway.start({ policies: { test: POLICY } });
  gateways.push(started);
  return started;
}

/** Begins a call whose processes are found by `mark`, and waits until all of them are there. */
async function beginSleepers(
  mark: string,
  args: readonly string[] = ['carapace'],
  tool = 'sleepers',
): Promise<ChildProcess> {
  const child = gateway.spawnSsh([...args, tool, mark]);
  closers.push(() => child.kill('SIGKILL'));
  child.stdout?.setEncoding('utf8');
  const [text] = (await once(child.stdout!, 'data')) as [string];
  expect(text).toBe('ready\n');
  await until(() => sleepers(mark).length === 4);
  return child;
}

/** The tool's processes: the clients' own command lines hold the mark as well. */
function sleepers(mark: string): string[] {
  return processesWith(`sleep ${mark}`).filter((line) => /^\s*\d+\s+\S+\s+sleep /.test(line));
}

function yeses(word: string): number {
  return processesWith(`/usr/bin/yes ${word}`).length;
}

async function nothingLeft(mark: string, ms = END_BOUND_MS): Promise<void> {
  await until(() => sleepers(mark).length === 0, ms, 50);
}

async function lastOutcome(): Promise<Record<string, unknown> | undefined> {
  const outcomes = (): Record<string, unknown>[] => gateway.audit().filter(({ event }) => event === 'outcome');
  await until(() => outcomes().length === gateway.audit().filter((one) => one['verdict'] === 'allow').length);
  return outcomes().at(-1);
}

/** A way to the gateway that can be cut like a cable: nothing passes any more, and neither side hears of it. */
async function cable(): Promise<{ port: number; cut: () => void }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((near) => {
    const far = connect(gateway.port, '127.0.0.1');
    sockets.push(near, far);
    near.pipe(far).on('error', () => undefined);
    far.pipe(near).on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const cut = (): void => {
    for (const socket of sockets) socket.unpipe().removeAllListeners('end').pause();
  };
  return { port: (server.address() as { port: number }).port, cut };
}

describe('a client', () => {
  it('that leaves by SIGKILL leaves no process, in whatever session', async () => {
    const child = await beginSleepers('301.0101');
    child.kill('SIGKILL');
    await nothingLeft('301.0101');
    expect(await lastOutcome()).toMatchObject({ tool: 'sleepers', kind: 'abandoned' });
  });

  it('that leaves by SIGTERM, or by closing only its channel of a connection that stays, leaves no process', async () => {
    const master = await gateway.openMaster();
    closers.push(() => master.kill());
    const child = await beginSleepers('301.0202', ['mux']);
    child.kill('SIGTERM');
    await nothingLeft('301.0202');
    expect((await finish(gateway.spawnSsh(['mux', 'ping-me']))).status).toBe(0);
  });

  it('that leaves by a cut connection, without a word, leaves no process after the time limit’s bound', async () => {
    const { port, cut } = await cable();
    await beginSleepers('301.0303', ['-p', String(port), 'carapace'], 'sleepers-4s');
    cut();
    await nothingLeft('301.0303', 4000 + END_BOUND_MS);
    expect(await lastOutcome()).toMatchObject({ kind: 'limited', reason: 'time-limit' });
  });

  it('that leaves by a cut connection, in the middle of its output, leaves no process after the time limit’s bound', async () => {
    const { port, cut } = await cable();
    const child = gateway.spawnSsh(['-p', String(port), 'carapace', 'yes-2s', 'endings-test-cut']);
    closers.push(() => child.kill('SIGKILL'));
    await once(child.stdout!, 'data');
    cut();
    await until(() => yeses('endings-test-cut') === 0, 2000 + END_BOUND_MS, 50);
    expect(await lastOutcome()).toMatchObject({ tool: 'yes-2s', kind: 'limited', reason: 'time-limit' });
  });

  it('that only stops reading holds its tool no longer than the time limit’s bound', async () => {
    const child = gateway.spawnSsh(['carapace', 'yes-2s', 'endings-test-unread']);
    closers.push(() => child.kill('SIGKILL'));
    await once(child.stdout!, 'readable');
    await until(() => yeses('endings-test-unread') === 0, 2000 + END_BOUND_MS, 50);
    expect(await lastOutcome()).toMatchObject({ tool: 'yes-2s', kind: 'limited', reason: 'time-limit' });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout?.resume();
    expect(await once(child, 'close')).toEqual([124, null]);
    expect(stderr).toContain('time-limit');
  });

  it('that leaves before its tool has started leaves no process', async () => {
    const children = Array.from({ length: 8 }, () => gateway.spawnSsh(['carapace', 'sleep', '301.0404']));
    closers.push(() => children.forEach((child) => child.kill('SIGKILL')));
    for (const [index, child] of children.entries()) setTimeout(() => child.kill('SIGKILL'), 20 + index * 15);
    await Promise.all(children.map((child) => once(child, 'close')));
    await nothingLeft('301.0404');
  });
});

describe('signals of the client', () => {
  async function begin(argument: string, eof: boolean): Promise<{ client: RawSsh; channel: number }> {
    const client = await RawSsh.connect(gateway.port);
    closers.push(() => client.close());
    expect(await client.login(gateway.client().raw)).toBe(true);
    const channel = await client.openSession(0);
    client.exec(channel, `reports ${argument}`);
    if (eof) client.send(message(SSH_MSG.CHANNEL_EOF, uint32(channel)));
    expect(await data(client)).toBe('ready\n');
    return { client, channel };
  }

  async function data(client: RawSsh): Promise<string> {
    const reader = new MessageReader(await client.expect(SSH_MSG.CHANNEL_DATA));
    reader.uint32();
    return reader.string().toString();
  }

  function signal(client: RawSsh, channel: number, name: string, wantReply = false): void {
    client.send(
      message(SSH_MSG.CHANNEL_REQUEST, uint32(channel), sshString('signal'), byte(wantReply), sshString(name)),
    );
  }

  async function exitStatus(client: RawSsh): Promise<number> {
    for (;;) {
      const payload = await client.expect(SSH_MSG.CHANNEL_REQUEST, SSH_MSG.CHANNEL_CLOSE);
      if (payload[0] === SSH_MSG.CHANNEL_CLOSE) throw new Error('closed without a status');
      const reader = new MessageReader(payload);
      reader.uint32();
      if (reader.ascii() === 'exit-status') return payload.readUInt32BE(payload.length - 4);
    }
  }

  it.each([
    ['before stdin’s end', 'at-once', false],
    ['after stdin’s end', 'after-eof', true],
  ] as const)('HUP, INT and TERM reach the tool %s', async (_when, argument, eof) => {
    const { client, channel } = await begin(argument, eof);
    for (const name of ['HUP', 'INT']) {
      signal(client, channel, name);
      expect(await data(client)).toBe(`${name}\n`);
    }
    signal(client, channel, 'TERM');
    expect(await data(client)).toBe('TERM\n');
    expect(await exitStatus(client)).toBe(7);
  });

  it.each([
    ['before', 'at-once', false],
    ['after', 'after-eof', true],
  ] as const)('KILL ends the tool %s stdin’s end', async (_when, argument, eof) => {
    const { client, channel } = await begin(argument, eof);
    signal(client, channel, 'KILL');
    expect(await exitStatus(client)).toBe(137);
  });

  it('of other names reach nothing', async () => {
    const { client, channel } = await begin('at-once', false);
    for (const name of ['STOP', 'USR1', 'QUIT', 'SEGV', 'ABRT', 'SIGTERM', 'term', '9', '']) {
      signal(client, channel, name, true);
      await client.expect(SSH_MSG.CHANNEL_FAILURE);
    }
    signal(client, channel, 'TERM', true);
    await client.expect(SSH_MSG.CHANNEL_SUCCESS);
    expect(await exitStatus(client)).toBe(7);
  });
});

describe('the gateway', () => {
  it('lets a running call end after SIGTERM, takes no new one, and ends with 0', async () => {
    const child = gateway.spawnSsh(['carapace', 'sleep', '1.5']);
    await until(() => processesWith('sleep 1.5').some((line) => /^\s*\d+\s+\S+\s+(\/bin\/)?sleep /.test(line)));
    const ended = once(gateway.child, 'exit');
    const running = finish(child);
    gateway.child.kill('SIGTERM');
    await until(async () => (await gateway.ssh(['ping'])).status === 255);
    expect(await running).toMatchObject({ status: 0, stderr: '' });
    expect(await ended).toEqual([0, null]);
  });

  it('refuses new calls on the connections that it still has while it drains', async () => {
    const master = await gateway.openMaster();
    closers.push(() => master.kill());
    const running = finish(gateway.spawnSsh(['mux', 'sleep', '2.5']));
    await until(() => gateway.audit().some((one) => one['event'] === 'decision' && one['tool'] === 'sleep'));
    gateway.child.kill('SIGTERM');
    await until(() => gateway.stderr.includes('SIGTERM'));
    const late = await finish(gateway.spawnSsh(['mux', 'ping-me']));
    expect(late).toMatchObject({ status: 75 });
    expect(late.stderr).toMatch(/^carapace: error: ping-me: the gateway is stopping \(draining, request /);
    expect(await running).toMatchObject({ status: 0 });
  });

  it('killed leaves no tool running, in whatever session, and starts again', async () => {
    const child = await beginSleepers('301.0505');
    const closed = once(child, 'close');
    gateway.child.kill('SIGKILL');
    await nothingLeft('301.0505', 3000);
    expect(await closed).toEqual([255, null]);
    await until(() => runnersOf(gateway).length === 0);
    await gateway.launch();
    expect((await gateway.ssh(['ping-me'])).status).toBe(0);
  });

  it('killed together with its runners leaves no tool running once it has started again', async () => {
    await beginSleepers('301.0606');
    const runners = runnersOf(gateway);
    expect(runners.length).toBeGreaterThan(0);
    gateway.child.kill('SIGSTOP');
    for (const pid of runners) process.kill(pid, 'SIGKILL');
    gateway.child.kill('SIGKILL');
    await once(gateway.child, 'exit');
    expect(sleepers('301.0606')).toHaveLength(4);
    await gateway.launch();
    await nothingLeft('301.0606', 3000);
  });
});

describe('the runner', () => {
  it('killed fails its calls with 69 and leaves no process, and the next call works', async () => {
    const child = await beginSleepers('301.0707');
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const closed = once(child, 'close');
    for (const pid of runnersOf(gateway)) process.kill(pid, 'SIGKILL');
    expect(await closed).toEqual([69, null]);
    expect(stderr).toMatch(/^carapace: error: sleepers: .+ \(tool-unavailable, request /);
    expect((await gateway.ssh(['ping-me'])).status).toBe(0);
    await nothingLeft('301.0707');
    expect(runnersOf(gateway).length).toBeGreaterThan(0);
  });

  it('killed again and again is there again for each next call', async () => {
    for (let i = 0; i < 3; i += 1) {
      for (const pid of runnersOf(gateway)) process.kill(pid, 'SIGKILL');
      await until(async () => (await gateway.ssh(['ping-me'])).status === 0, 10_000);
    }
  });
});

/** The processes that start tools for a gateway: its children, and orphans of one that was killed. */
function runnersOf({ dir }: TestGateway): number[] {
  return processesWith('dist/runner/main.js')
    .filter((line) => line.includes(dir))
    .map((line) => Number.parseInt(line, 10));
}
