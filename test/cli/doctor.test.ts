import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readVersion } from '../../src/cli/version.ts';
import { openAudit } from '../../src/engine/audit/audit.ts';
import { loadHostKey } from '../../src/engine/host-key.ts';
import { type OperatorServer, startOperatorServer } from '../../src/engine/operator-server.ts';
import type { OperatorView } from '../../src/engine/operator-view.ts';
import { failing, operatorView, passing, STATUS } from '../engine/operator-fixtures.ts';
import {
  type GatewayDirectory,
  keyLine,
  makeGatewayDirectory,
  policyOf,
  someKey,
} from '../fixtures/gateway-directory.ts';
import { doctor, findings } from './doctor-findings.ts';

let directory: GatewayDirectory;
let server: OperatorServer | undefined;
beforeEach(() => {
  directory = makeGatewayDirectory();
  directory.writePolicy('p', policyOf('id'));
  directory.writeKeys('vm', keyLine('vm', someKey(1)));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server?.close();
  server = undefined;
  directory.remove();
});

const isRoot = process.getuid?.() === 0;

function state(...names: string[]): string {
  return join(directory.path, 'state', ...names);
}

/** The state that a gateway leaves which ran. */
function makeState(): void {
  loadHostKey(state());
  const audit = openAudit({ file: state('audit.jsonl'), durable: false, log: { error: () => {} } });
  audit.record({ event: 'service', action: 'start', version: '0', pid: 1 });
  audit.close();
}

describe('doctor', () => {
  it('finds nothing to fail in a directory that is new, and leaves it as it was', async () => {
    const before = readdirSync(directory.path);
    const { status, all, of } = await findings(directory.path);
    expect(all.filter((finding) => finding.status === 'fail')).toEqual([]);
    expect(status).toBe(0);
    expect(of('state directory')).toEqual([expect.objectContaining({ status: 'info', check: 'state directory' })]);
    expect(readdirSync(directory.path)).toEqual(before);
  });

  it('prints groups of aligned lines, each problem followed by its hint, and how many', async () => {
    makeState();
    chmodSync(state('host_key'), 0o644);
    const { status, stdout, stderr } = await doctor(directory.path);
    const lines = stdout.split('\n');
    expect([status, stderr]).toEqual([1, '']);
    expect(lines[0]).toBe('files');
    expect(lines).toContain(`  ok    directory        ${directory.path}`);
    const at = lines.indexOf(`  fail  host key         '${state('host_key')}': has mode 0644: others may read it`);
    expect(lines[at + 1]).toBe(`        hint: run: chmod go= '${state('host_key')}'`);
    expect(lines).toContain('users that tools run as');
    expect(lines.at(-2)).toBe('1 failure, 1 warning');
  });

  it('has a line for each thing, with all its fields, for programs', async () => {
    makeState();
    const { all } = await findings(directory.path);
    for (const finding of all) expect(Object.keys(finding)).toEqual(['check', 'status', 'subject', 'message', 'hint']);
    expect(all.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        'directory',
        'host key',
        'audit log',
        'clients',
        'policies',
        'store',
        'tools',
        'gateway',
      ]),
    );
  });

  it('says 78 where there is no directory', async () => {
    expect((await doctor('/nowhere')).status).toBe(78);
  });
});

describe('doctor, of files', () => {
  it.each<[subject: string, status: string, message: RegExp, spoil: () => void]>([
    ['directory', 'fail', /mode 0777: others may write/, () => chmodSync(directory.path, 0o777)],
    ['state directory', 'warn', /mode 0755: others may read/, () => chmodSync(state(), 0o755)],
    ['state directory', 'fail', /mode 0770: others may write/, () => chmodSync(state(), 0o770)],
    ['host key', 'fail', /is no unencrypted ed25519 key/, () => writeFileSync(state('host_key'), 'x', { mode: 0o600 })],
    ['audit log', 'fail', /has mode 0640, expected 0600/, () => chmodSync(state('audit.jsonl'), 0o640)],
    ['audit log', 'fail', /does not end in a record/, () => writeFileSync(state('audit.jsonl'), 'x\n'.repeat(9))],
    ['operator socket', 'fail', /is no socket/, () => writeFileSync(state('operator.sock'), '')],
  ])('of the %s says %s: %s', async (subject, status, message, spoil) => {
    makeState();
    spoil();
    const found = (await findings(directory.path)).of(subject);
    expect(found.map((finding) => [finding.status, finding.hint === null])).toEqual([[status, false]]);
    expect(found[0]?.message).toMatch(message);
  });

  it('reads the end of the log, and follows no link to it', async () => {
    makeState();
    expect((await findings(directory.path)).of('audit log')).toEqual([
      expect.objectContaining({ message: '1 record' }),
    ]);
    const other = makeGatewayDirectory();
    mkdirSync(join(other.path, 'state'), { mode: 0o700 });
    symlinkSync(state('audit.jsonl'), join(other.path, 'state', 'audit.jsonl'));
    expect((await findings(other.path)).of('audit log')[0]?.status).toBe('fail');
    other.remove();
  });

  it('has a line for each error of carapace.yaml, and goes on', async () => {
    writeFileSync(join(directory.path, 'carapace.yaml'), 'lisen: []\ndrain_secs: x\n', { mode: 0o644 });
    const { status, all, of } = await findings(directory.path);
    expect(status).toBe(1);
    expect(of('carapace.yaml').map(({ message }) => message)).toEqual([
      expect.stringMatching(/carapace\.yaml:1:1: .*lisen/),
      expect.stringMatching(/carapace\.yaml:2:13: drain_secs/),
    ]);
    expect(of('tools')).toEqual([expect.objectContaining({ status: 'info' })]);
    expect(all.filter(({ check }) => check === 'policies')).toHaveLength(1);
  });

  it('is of no use to a user who is neither the gateway nor root', async () => {
    makeState();
    vi.spyOn(process, 'geteuid').mockReturnValue(4711);
    const { status, stderr } = await doctor(directory.path);
    expect(status).toBe(78);
    expect(stderr).toContain('carapace: hint: run it as the user of the gateway, or as root\n');
  });

  it('is of no use to a user who cannot get to the directory, and says who can', async () => {
    makeState();
    await doctor(directory.path);
    chmodSync(directory.path, 0);
    if (isRoot) process.seteuid?.(4711);
    try {
      const { status, stderr } = await doctor(directory.path);
      expect(status).toBe(78);
      expect(stderr).toMatch(
        /^carapace: error: doctor: EACCES: permission denied, .*\ncarapace: hint: run it as the user /,
      );
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(directory.path, 0o755);
    }
  });

  it.skipIf(!isRoot)('becomes the user of the gateway first, where root runs it', async () => {
    makeState();
    chownSync(state(), 4711, 4712);
    const gone: unknown[] = [];
    const note = (...ids: unknown[]): void => void gone.push(ids);
    vi.spyOn(process as unknown as { initgroups: () => void }, 'initgroups').mockImplementation(note);
    vi.spyOn(process, 'setgid').mockImplementation(note);
    vi.spyOn(process, 'setuid').mockImplementation(note);
    await doctor(directory.path);
    expect(gone).toEqual([[4711, 4712], [4712], [4711]]);
  });
});

describe('doctor, of clients and policies', () => {
  it('says what is wrong with them, and what nobody uses', async () => {
    directory.writeKeys('vm', keyLine('vm', someKey(1)) + keyLine('vm', someKey(2), 'nothing'));
    directory.writePolicy('spare', policyOf('date'));
    directory.writePolicy('away', policyOf('gone').replace('/usr/bin/id', '/nowhere/x'));
    const { status, of } = await findings(directory.path);
    expect(status).toBe(1);
    expect(of('authorized_keys.d/vm:2:1')).toEqual([
      expect.objectContaining({ status: 'fail', message: "policy 'nothing' does not exist" }),
    ]);
    expect(of('policies/spare.yaml')).toEqual([expect.objectContaining({ status: 'info', message: 'no key uses it' })]);
    expect(of('policies/p.yaml')).toEqual([]);
    expect(of('policies/away.yaml:4:13')).toEqual([
      expect.objectContaining({ status: 'warn', message: 'tools.gone.binary: /nowhere/x: is not there' }),
    ]);
    expect(of('clients')[0]?.message).toBe('1 client, 1 usable key');
    expect(of('policies')[0]?.message).toBe('3 policies, 3 tools');
  });

  it('says of policies that do not load where, and does not guess what is in them', async () => {
    directory.writePolicy('p', 'tools: {id: {type: cli}}\n');
    const { status, all, of } = await findings(directory.path);
    expect(status).toBe(1);
    expect(of('policies')[0]?.status).toBe('fail');
    expect(all).toContainEqual(
      expect.objectContaining({
        check: 'problems',
        status: 'fail',
        subject: expect.stringMatching(/^policies\/p\.yaml:1:\d+$/),
        message: "tools.id: 'binary' is missing",
      }),
    );
    expect(of('references')[0]?.status).toBe('info');
  });
});

describe('doctor, of a running gateway', () => {
  async function serve(view: Partial<OperatorView>): Promise<void> {
    makeState();
    server = await startOperatorServer({
      path: state('operator.sock'),
      view: operatorView(view),
      log: { error: () => {} },
    });
  }

  it('asks it for its version and its health', async () => {
    await serve({ status: () => ({ ...STATUS, ...readVersion() }), checks: [passing('audit'), passing('runner')] });
    const { status, of } = await findings(directory.path);
    expect(status).toBe(0);
    expect(of('gateway')[0]).toMatchObject({ status: 'ok', message: 'process 4711, listening on 127.0.0.1:2222' });
    expect([of('version')[0]?.status, of('health: runner')[0]?.status]).toEqual(['ok', 'ok']);
    expect(of('operator socket')[0]?.status).toBe('ok');
  });

  it.each([0o620, 0o602])('says where others may open its operator socket: mode %i', async (mode) => {
    await serve({ status: () => ({ ...STATUS, ...readVersion() }), checks: [] });
    chmodSync(state('operator.sock'), mode);
    const { status, of } = await findings(directory.path);
    expect(status).toBe(1);
    const [found] = of('operator socket');
    expect(found).toMatchObject({ status: 'fail', hint: expect.stringContaining('run: chmod 600 ') });
    expect(found?.message).toContain(`has mode 0${mode.toString(8)}: others may ask the gateway`);
  });

  it('says where it is of another version, or not well', async () => {
    await serve({ status: () => ({ ...STATUS, commit: 'other' }), checks: [failing('audit', 'no space')] });
    const { status, of } = await findings(directory.path);
    expect(status).toBe(1);
    expect(of('version')[0]).toMatchObject({ status: 'warn', hint: 'restart the gateway' });
    expect(of('health: audit')[0]).toMatchObject({ status: 'fail', message: 'no space' });
  });

  it('says that a configuration which was changed since is not in force', async () => {
    const running = (startedAt: string) => ({ status: () => ({ ...STATUS, ...readVersion(), startedAt }) });
    writeFileSync(join(directory.path, 'carapace.yaml'), 'run_as: {user: nobody}\n', { mode: 0o644 });
    await serve({ ...running(new Date(Date.now() - 60_000).toISOString()), checks: [] });
    const changed = (await findings(directory.path)).of('carapace.yaml').filter(({ check }) => check === 'gateway');
    expect(changed).toEqual([expect.objectContaining({ status: 'warn', hint: 'restart the gateway' })]);
    await server?.close();
    await serve({ ...running(new Date(Date.now() + 60_000).toISOString()), checks: [] });
    const same = (await findings(directory.path)).of('carapace.yaml').filter(({ check }) => check === 'gateway');
    expect(same).toEqual([]);
  });

  it('is content without one, and not with something else in its place', async () => {
    makeState();
    expect((await findings(directory.path)).of('gateway')[0]?.status).toBe('info');
    const other = createServer((_request, response) => void response.end('hello'));
    other.listen(state('operator.sock'));
    await once(other, 'listening');
    chmodSync(state('operator.sock'), 0o600);
    expect((await findings(directory.path)).of('gateway')[0]?.status).toBe('fail');
    other.close();
    await once(other, 'close');
  });
});
