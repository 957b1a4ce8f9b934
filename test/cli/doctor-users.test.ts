import { existsSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  type GatewayDirectory,
  keyLine,
  makeGatewayDirectory,
  policyOf,
  someKey,
} from '../fixtures/gateway-directory.ts';
import { findings } from './doctor-findings.ts';

let directory: GatewayDirectory;
beforeEach(() => {
  directory = makeGatewayDirectory();
});
afterEach(() => {
  vi.restoreAllMocks();
  directory.remove();
});

const isRoot = process.getuid?.() === 0;
const hasNobody = existsSync('/usr/bin/id');

function configure(runAs: string): void {
  writeFileSync(join(directory.path, 'carapace.yaml'), `run_as: ${runAs}\n`, { mode: 0o644 });
}

it('warns of tools that run as the gateway, by their names', async () => {
  configure('{user: nobody}');
  directory.writePolicy('p', `${policyOf('one')}${policyOf('two').replace('tools:\n', '')}    run_as: nobody\n`);
  expect((await findings(directory.path)).of('tools')).toEqual([expect.objectContaining({ status: 'ok' })]);
  configure('{}');
  const [found] = (await findings(directory.path)).of('tools');
  expect(found).toMatchObject({ status: 'warn', hint: expect.stringContaining('run_as: {user: NAME}') });
  expect(found?.message).toMatch(/^one: run as /);
});

it.each([
  ['nobody-of-this-host', /this host knows no such user/],
  ['root', /is root, as which no tool runs/],
])('fails for the user %s', async (name, message) => {
  directory.writePolicy('p', `${policyOf('one')}    run_as: ${name}\n`);
  expect((await findings(directory.path)).of(`user ${name}`)).toEqual([
    expect.objectContaining({ status: 'fail', message: expect.stringMatching(message) }),
  ]);
});

it.skipIf(isRoot)('fails for the own user of the gateway', async () => {
  configure(`{user: ${userInfo().username}}`);
  expect((await findings(directory.path)).of(`user ${userInfo().username}`)[0]?.message).toMatch(/own user/);
});

it.skipIf(!isRoot || !hasNobody)('is content with a user of this host, whose runner root starts', async () => {
  configure('{user: nobody}');
  const { of } = await findings(directory.path);
  expect(of('user nobody')[0]?.status).toBe('ok');
  expect(of('setpriv')[0]?.status).toBe('ok');
});

it('wants the socket of the runner where the gateway is not root', async () => {
  vi.spyOn(process, 'geteuid').mockReturnValue(4711);
  configure('{user: nobody, sockets: /nowhere/runners}');
  const { of } = await findings(directory.path);
  expect(of('user nobody')).toEqual([
    expect.objectContaining({ status: 'fail', hint: expect.stringContaining('/nowhere/runners/nobody.sock') }),
  ]);
  expect(of('setpriv')).toEqual([]);
});

it.each([
  [4711, '{user: per-client}', 'fail', /as root/],
  [0, '{user: per-client}', 'fail', /no range/],
  [0, '{user: per-client, client_uids: [50000, 50000]}', 'fail', /2 clients/],
  [0, '{user: per-client, client_uids: [50000, 50001]}', 'ok', /50000 to 50001/],
])('of user %i with %s says %s: %s', async (user, runAs, status, message) => {
  vi.spyOn(process, 'geteuid').mockReturnValue(user);
  directory.writePolicy('p', policyOf('one'));
  for (const [at, name] of ['a', 'b'].entries()) directory.writeKeys(name, keyLine(name, someKey(at)));
  configure(runAs);
  expect((await findings(directory.path)).of('per-client')).toEqual([
    expect.objectContaining({ status, message: expect.stringMatching(message) }),
  ]);
});

it('looks for prlimit where a policy limits a tool', async () => {
  directory.writePolicy('p', policyOf('one'));
  expect((await findings(directory.path)).of('prlimit')).toEqual([]);
  directory.writePolicy('p', `${policyOf('one')}    limits: {open_files: 64}\n`);
  const expected = existsSync('/usr/bin/prlimit') || existsSync('/bin/prlimit') ? 'ok' : 'fail';
  expect((await findings(directory.path)).of('prlimit')[0]?.status).toBe(expected);
});
