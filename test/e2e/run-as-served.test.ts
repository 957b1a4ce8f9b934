/** `run_as` through the real gateway: each client's tools are a user's of its own, and reach nothing of the gateway. */
import {
  accessSync,
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { misses, successes } from '../helpers/attack.ts';
import { MAIN, processesWith, TestGateway, until } from '../helpers/gateway.ts';
import { FIRST_UID, NO_OTHER_USERS, RANGE } from '../helpers/other-users.ts';

const POLICY = `
version: 1
tools:
  attack: {type: cli, binary: TOOLS/attack.py, argv_allow_patterns: ["*"], timeout_secs: 60}
  hold:
    type: cli
    binary: /bin/sleep
    argv_allow_patterns: ["*"]
    env_inject: {TOKEN: {value: not-for-other-tools, secret: true}}
  id: {type: cli, binary: /usr/bin/id, argv_allow_patterns: ["-u", "-un"]}
  id-nobody: {type: cli, binary: /usr/bin/id, argv_allow_patterns: ["-un"], run_as: nobody}
  id-missing: {type: cli, binary: /usr/bin/id, argv_allow_patterns: ["-un"], run_as: no-such-user}
  limited: {type: cli, binary: /bin/cat, argv_allow_patterns: ["/proc/self/limits"], limits: {cpu_secs: 7, open_files: 99}}
`;
const CONFIG = `run_as: {user: per-client, client_uids: [${RANGE.join(', ')}]}\n`;

/** Why it cannot be tried here; empty where it can. */
function whySkipped(): string {
  if (NO_OTHER_USERS !== undefined) return NO_OTHER_USERS;
  if (!existsSync('/usr/bin/python3')) return 'there is no /usr/bin/python3';
  if (spawnSync('ssh', ['-V']).error !== undefined) return 'there is no ssh';
  const ids = ['--reuid', String(FIRST_UID), '--regid', String(FIRST_UID), '--clear-groups'];
  const { status } = spawnSync('/usr/bin/setpriv', [...ids, '--', '/bin/cat', MAIN], { env: {} });
  return status === 0 ? '' : 'other users cannot read this checkout';
}

const WHY = whySkipped();

interface Entry {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'socket';
}

/** All that lies below a directory, itself too. */
function entriesBelow(path: string): readonly Entry[] {
  const found = lstatSync(path);
  if (found.isDirectory()) {
    const inside = readdirSync(path).flatMap((name) => entriesBelow(join(path, name)));
    return [{ path, kind: 'directory' }, ...inside];
  }
  return [{ path, kind: found.isSocket() ? 'socket' : 'file' }];
}

function targetsOf(entries: readonly Entry[], kind: Entry['kind']): Readonly<Record<string, string>> {
  return Object.fromEntries(entries.filter((entry) => entry.kind === kind).map(({ path }) => [path, path]));
}

/** The process of a user among the gateway's runners. */
function runnerOf(uid: number, gateway: number): number {
  const pids = processesWith('runner/main.js').map((line) => Number.parseInt(line, 10));
  const found = pids.find((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return status.includes(`\nPPid:\t${gateway}\n`) && status.includes(`\nUid:\t${uid}\t`);
  });
  if (found === undefined) throw new Error(`no runner of ${uid}`);
  return found;
}

describe.skipIf(WHY !== '')(`tools of other users, served${WHY === '' ? '' : ` (skipped: ${WHY})`}`, () => {
  let gateway: TestGateway;
  let victim: ChildProcess;
  let runtime: string;
  let victimPid = 0;
  beforeAll(async () => {
    const clients = { one: ['test'], two: ['test'] };
    gateway = await TestGateway.start({ policies: { test: POLICY }, config: CONFIG, clients });
    // What a host has for everybody: the way to its tools.
    chmodSync(dirname(gateway.tools), 0o711);
    const installation = readFileSync(join(gateway.dir, 'state/runner/installation'), 'latin1');
    runtime = `/run/carapace-${installation.slice(0, 8)}`;
    await gateway.carapace(['secret', 'set', 'github'], { input: 'not-for-tools-at-all\n' });
    expect((await gateway.call('id', ['-u'], { client: 'one' })).stdout.toString()).toBe(`${FIRST_UID}\n`);
    victim = gateway.spawnSsh(['carapace', 'hold', '31337'], 'two');
    await until(() => processesWith('/bin/sleep 31337').some((line) => line.endsWith(' /bin/sleep 31337')));
    victimPid = Number.parseInt(
      processesWith('/bin/sleep 31337').find((line) => line.endsWith(' /bin/sleep 31337')) ?? '',
      10,
    );
  });
  afterAll(async () => {
    if (gateway === undefined) return;
    victim.kill();
    await gateway.stop();
    rmSync(runtime, { recursive: true, force: true });
  });

  it('get nothing of the gateway, of the other client, or of what starts them', async () => {
    const pid = gateway.child.pid ?? 0;
    const entries = [...entriesBelow(join(gateway.dir, 'state')), ...entriesBelow(join(runtime, 'sockets'))];
    expect(entries.map(({ path }) => path)).toEqual(expect.arrayContaining([join(gateway.dir, 'state/secrets.key')]));
    const setuid = join(gateway.tools, 'raised-id');
    copyFileSync('/usr/bin/id', setuid);
    chmodSync(setuid, 0o4755);
    const home = join(runtime, 'users', String(FIRST_UID + 1));
    const targets = {
      files: { 'the host key': join(gateway.dir, 'state/host_key'), ...targetsOf(entries, 'file') },
      directories: {
        ...targetsOf(entries, 'directory'),
        "another client's home": home,
        policies: join(gateway.dir, 'policies'),
      },
      sockets: targetsOf(entries, 'socket'),
      processes: {
        'the gateway': pid,
        "another client's runner": runnerOf(FIRST_UID + 1, pid),
        "another client's tool": victimPid,
        'its own runner': runnerOf(FIRST_UID, pid),
      },
      killable: 'its own runner',
      otherUid: FIRST_UID + 1,
      setuid,
    };
    const path = join(gateway.tools, 'targets.json');
    writeFileSync(path, JSON.stringify(targets), { mode: 0o644 });
    const { status, stdout, stderr } = await gateway.call('attack', [path], { client: 'one', timeoutMs: 60_000 });
    const lines = stdout.toString().trimEnd().split('\n');
    expect([status, stderr, lines.at(-1)]).toEqual([0, '', 'end']);
    // Where the policies lie may be read by everybody.
    const reported = lines.slice(0, -1).filter((line) => !line.startsWith('GOT list policies '));
    expect(successes(reported)).toEqual([]);
    expect(misses(reported)).toEqual([]);
    expect(reported.length).toBeGreaterThan(200);
  });

  it('are each client’s own user, unless the policy names one', async () => {
    const ids = await Promise.all(['one', 'two'].map(async (client) => gateway.call('id', ['-u'], { client })));
    expect(ids.map(({ stdout }) => stdout.toString())).toEqual([`${FIRST_UID}\n`, `${FIRST_UID + 1}\n`]);
    expect((await gateway.call('id-nobody', ['-un'], { client: 'one' })).stdout.toString()).toBe('nobody\n');
  });

  it('do not run where there is no such user, and the log says why', async () => {
    const { status, stdout, stderr } = await gateway.call('id-missing', ['-un'], { client: 'one' });
    expect([status, stdout.toString()]).toEqual([69, '']);
    expect(stderr).toContain('tool-unavailable');
    expect(stderr).not.toContain('no-such-user');
    await until(() => gateway.stderr.includes("user 'no-such-user': this host knows no such user"));
  });

  it('run within the limits of their policy', async () => {
    const { stdout } = await gateway.call('limited', ['/proc/self/limits'], { client: 'one' });
    expect(stdout.toString()).toMatch(/^Max cpu time +7 +7 /m);
    expect(stdout.toString()).toMatch(/^Max open files +99 +99 /m);
  });

  it('leave the gateway and the other client’s tool as they were', () => {
    for (const pid of [gateway.child.pid ?? 0, victimPid]) expect(() => accessSync(`/proc/${pid}/exe`)).not.toThrow();
  });
});
