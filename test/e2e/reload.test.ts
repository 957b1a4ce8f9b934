/** Keys and policies change while the gateway serves: what is taken away ends, what is broken is refused and said. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finish, processesWith, TestGateway, until } from '../helpers/gateway.ts';

const BASE = `
version: 1
tools:
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["303*"], timeout_secs: 60}
  true: {type: cli, binary: /bin/true, argv_allow_patterns: [""]}
`;
const WITH_ECHO = `${BASE}  echo: {type: cli, binary: /bin/echo, argv_allow_patterns: ["hello *"]}\n`;
const BROKEN = `${BASE}  echo: {type: cli, binary: bin/echo, argv_alow_patterns: ["*"]}\n`;

let gateway: TestGateway;
const children: ChildProcess[] = [];
beforeEach(async () => {
  gateway = await TestGateway.start({
    policies: { test: BASE, spare: 'tools: {}' },
    clients: { vm: ['test'], other: ['test'] },
  });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await gateway.stop();
});

/** Brings up a multiplexed connection with a tool running on it. */
async function beginOnMaster(seconds: string, client: string): Promise<{ master: ChildProcess; call: ChildProcess }> {
  const master = await gateway.openMaster(client);
  const call = gateway.spawnSsh(['mux', 'sleep', seconds], client);
  children.push(master, call);
  await until(() => toolsOf(seconds) === 1);
  return { master, call };
}

function toolsOf(seconds: string): number {
  return processesWith(`/bin/sleep ${seconds}`).filter((line) => /^\s*\d+\s+\S+\s+\/bin\/sleep /.test(line)).length;
}

/** Does something, and expects the connection and its tool to be gone within two seconds of it. */
async function expectEnded(
  { master, call }: { master: ChildProcess; call: ChildProcess },
  seconds: string,
  act: () => void,
): Promise<void> {
  const ended = Promise.all([once(master, 'exit'), once(call, 'exit')]);
  const started = performance.now();
  act();
  await ended;
  await until(() => toolsOf(seconds) === 0, 2000);
  expect(performance.now() - started).toBeLessThan(2000);
}

function reloads(what: string): Record<string, unknown>[] {
  return gateway.audit().filter((one) => one['event'] === 'reload' && one['what'] === what);
}

describe('a key', () => {
  it('that is revoked ends its live connections and their tools, and no other’s', async () => {
    const vm = await beginOnMaster('303.01', 'vm');
    const other = await beginOnMaster('303.02', 'other');
    await expectEnded(vm, '303.01', () => gateway.writeKeys('vm', '# revoked\n'));
    expect((await gateway.ssh(['ping'])).status).toBe(255);
    expect((await finish(gateway.spawnSsh(['mux', 'true'], 'other'))).status).toBe(0);
    expect([other.call.exitCode, toolsOf('303.02')]).toEqual([null, 1]);
    const closed = gateway.audit().filter((one) => one['event'] === 'connection' && one['action'] === 'closed');
    expect(closed).toMatchObject([{ client: 'vm', reason: 'this key is no longer valid' }]);
  });

  it('whose file is removed ends its live connections', async () => {
    const vm = await beginOnMaster('303.03', 'vm');
    await expectEnded(vm, '303.03', () => rmSync(join(gateway.dir, 'authorized_keys.d', 'vm')));
  });

  it('revoked by the command ends its live connections', async () => {
    const vm = await beginOnMaster('303.04', 'vm');
    const ended = Promise.all([once(vm.master, 'exit'), once(vm.call, 'exit')]);
    expect(await gateway.carapace(['client', 'revoke', 'vm'])).toMatchObject({ status: 0 });
    const revoked = performance.now();
    await ended;
    expect(performance.now() - revoked).toBeLessThan(2000);
    await until(() => toolsOf('303.04') === 0, 2000);
  });

  it('that expires ends its live connections at that time', async () => {
    const inThreeSeconds = new Date(Date.now() + 3000);
    const digits = inThreeSeconds.toISOString().replaceAll(/\D/g, '').slice(0, 14);
    const expires = Date.parse(inThreeSeconds.toISOString().replace(/\.\d+Z/, 'Z'));
    gateway.writeKeys('vm', gateway.keyLine(gateway.client(), ['test'], `,expiry-time="${digits}Z"`));
    await until(() => reloads('keys').length > 0);
    const { master, call } = await beginOnMaster('303.05', 'vm');
    expect(Date.now()).toBeLessThan(expires);
    await Promise.all([once(master, 'exit'), once(call, 'exit')]);
    expect(Date.now()).toBeGreaterThanOrEqual(expires);
    expect(Date.now()).toBeLessThan(expires + 2000);
    await until(() => toolsOf('303.05') === 0, 2000);
    expect((await gateway.ssh(['ping'])).status).toBe(255);
  });

  it('that may no longer come from there ends its live connections', async () => {
    const vm = await beginOnMaster('303.06', 'vm');
    const line = gateway.keyLine(gateway.client(), ['test'], ',from="192.0.2.0/24"');
    await expectEnded(vm, '303.06', () => gateway.writeKeys('vm', line));
  });

  it('that is added is served at once', async () => {
    gateway.addClient('late', ['test']);
    await until(async () => (await gateway.ssh(['true'], { client: 'late' })).status === 0, 2000);
  });
});

describe('a key file that is broken', () => {
  const BAD: readonly (readonly [what: string, text: (line: string) => string])[] = [
    ['without restrict', (line) => line.replace('restrict,', '')],
    ['without a command', (line) => line.replace(/,command="[^"]*"/, '')],
    ['for another client', (line) => line.replace('--client vm', '--client other')],
    ['with an option that is not known', (line) => line.replace('restrict,', 'restrict,pty,')],
    ['with another command', (line) => line.replace('carapace force', 'sh -c')],
    ['with a policy that is not there', (line) => line.replace('--policy test', '--policy none')],
    ['of garbage', () => '\u0000\u0001garbage\n'],
  ];

  it.each(BAD)('%s stops its own client alone, and is logged and audited', async (_what, text) => {
    const { master } = await beginOnMaster('303.11', 'vm');
    const ended = once(master, 'exit');
    gateway.writeKeys('vm', text(gateway.keyLine(gateway.client(), ['test'])));
    await ended;
    expect((await gateway.ssh(['ping'])).status).toBe(255);
    const reload = reloads('keys').at(-1);
    expect(reload).toMatchObject({ ok: false, problems: [expect.stringContaining('authorized_keys.d/vm:')] });
    await until(() => gateway.stderr.includes('authorized_keys.d/vm:'));
    expect((await gateway.ssh(['true'], { client: 'other' })).status).toBe(0);
  });

  it('with a key that another client has stops both, because nobody can tell whose it is', async () => {
    const { master } = await beginOnMaster('303.12', 'other');
    const ended = once(master, 'exit');
    gateway.writeKeys('vm', gateway.keyLine({ ...gateway.client('other'), name: 'vm' }, ['test']));
    await ended;
    for (const client of ['vm', 'other']) expect((await gateway.ssh(['ping'], { client })).status).toBe(255);
    const place = expect.stringMatching(/authorized_keys\.d\/(vm|other):1:.* is also in /);
    expect(reloads('keys').at(-1)).toMatchObject({ ok: false, problems: [place, place] });
  });

  it('by its mode stops its own client alone', async () => {
    chmodSync(join(gateway.dir, 'authorized_keys.d', 'vm'), 0o666);
    await until(async () => (await gateway.ssh(['ping'])).status === 255, 3000);
    expect((await gateway.ssh(['true'], { client: 'other' })).status).toBe(0);
    expect(reloads('keys').at(-1)).toMatchObject({ ok: false });
  });
});

describe('a policy', () => {
  it('that gains a tool takes effect, for live connections as well', async () => {
    const { call } = await beginOnMaster('303.21', 'vm');
    const echo = async (...argv: string[]): Promise<number | null> =>
      (await finish(gateway.spawnSsh(['mux', 'echo', ...argv], 'vm'))).status;
    expect(await echo('hello')).toBe(127);
    gateway.writePolicy('test', WITH_ECHO);
    await until(async () => (await echo('hello')) === 0, 2000);
    expect(await echo('bye')).toBe(126);
    gateway.writePolicy('test', BASE);
    await until(async () => (await echo('hello')) === 127, 2000);
    expect([call.exitCode, toolsOf('303.21')]).toEqual([null, 1]);
    expect(reloads('policies')).toMatchObject([{ ok: true }, { ok: true }]);
    expect(new Set(reloads('policies').map((one) => one['digest'])).size).toBe(2);
  });

  it('that is broken leaves the old set in force, is logged and audited, and shows in the status', async () => {
    gateway.writePolicy('test', BROKEN);
    await until(() => reloads('policies').length === 1, 3000);
    const [reload] = reloads('policies');
    expect(reload).toMatchObject({ ok: false });
    expect(reload?.['problems']).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/policies\/test\.yaml:6:\d+: tools\.echo\.binary: .*absolute/),
        expect.stringMatching(/policies\/test\.yaml:6:\d+: .*argv_alow_patterns.*argv_allow_patterns/),
      ]),
    );
    await until(() => /policies: cannot be used as they are; the set before stays in force/.test(gateway.stderr));
    await until(() => /test\.yaml:6:\d+/.test(gateway.stderr));
    expect((await gateway.ssh(['true'])).status).toBe(0);
    expect((await gateway.ssh(['echo', 'hello'])).status).toBe(127);
    const status = await gateway.carapace(['status', '--json']);
    expect(status.stdout.toString()).toContain('test.yaml:6:');

    gateway.writePolicy('test', WITH_ECHO);
    await until(async () => (await gateway.ssh(['echo', 'hello'])).status === 0, 2000);
    expect(reloads('policies').at(-1)).toMatchObject({ ok: true, problems: [] });
  });

  it('that is broken does not keep a revoked key alive', async () => {
    gateway.writePolicy('test', 'tools: [');
    await until(() => reloads('policies').length === 1, 3000);
    const vm = await beginOnMaster('303.22', 'vm');
    await expectEnded(vm, '303.22', () => gateway.writeKeys('vm', ''));
  });

  it('that is removed, while a key names it, stops that key and is said', async () => {
    rmSync(join(gateway.dir, 'policies', 'test.yaml'));
    await until(async () => (await gateway.ssh(['ping'])).status === 255, 3000);
    await until(() => /authorized_keys\.d\/vm:1.*test/.test(gateway.stderr));
  });

  it('whose own test fails is not taken', async () => {
    gateway.writePolicy('test', `${WITH_ECHO.trimEnd().slice(0, -1)}, tests: [{allow: "bye"}]}\n`);
    await until(() => reloads('policies').length === 1, 3000);
    expect(reloads('policies')).toMatchObject([{ ok: false }]);
    expect((await gateway.ssh(['echo', 'hello'])).status).toBe(127);
  });

  it('with what is not in this version is not taken', async () => {
    gateway.writePolicy('spare', 'tools: {rpc: {type: stdio, binary: /bin/true}}');
    await until(() => reloads('policies').length === 1, 3000);
    expect(JSON.stringify(reloads('policies'))).toContain('not in this version');
    expect((await gateway.ssh(['true'])).status).toBe(0);
  });
});

describe('SIGHUP', () => {
  it('reads everything again, changed or not, and ends no connection', async () => {
    const { call } = await beginOnMaster('303.31', 'vm');
    gateway.child.kill('SIGHUP');
    await until(() => reloads('keys').length === 1 && reloads('policies').length === 1, 3000);
    expect(gateway.audit().filter((one) => one['event'] === 'reload')).toMatchObject([{ ok: true }, { ok: true }]);
    expect((await finish(gateway.spawnSsh(['mux', 'true'], 'vm'))).status).toBe(0);
    expect(call.exitCode).toBeNull();
  });

  it('says again what is wrong', async () => {
    writeFileSync(join(gateway.dir, 'policies', 'spare.yaml'), 'tools: [', { mode: 0o644 });
    await until(() => reloads('policies').length === 1, 3000);
    gateway.child.kill('SIGHUP');
    await until(() => reloads('policies').length === 2, 3000);
    expect(reloads('policies')).toMatchObject([{ ok: false }, { ok: false }]);
  });
});
