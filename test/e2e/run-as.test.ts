/**
 * A tool that runs as another user than the gateway tries each file, socket, process, descriptor, signal and privilege of
 * the gateway and of another client's tool, and gets nothing. The list is in `attack.py`; each attempt is a test's row.
 */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool } from '../../src/engine/run-tool.ts';
import { loadHostKey } from '../../src/engine/host-key.ts';
import { openRunners } from '../../src/engine/runners.ts';
import type { Runners } from '../../src/engine/runners.ts';
import type { Runner } from '../../src/engine/runner-process.ts';
import type { RunAs } from '../../src/model/run-as.ts';
import { isAlive, openClient, permitFor } from '../engine/runner-fixtures.ts';
import type { TestClient } from '../engine/runner-fixtures.ts';
import { misses, successes } from '../helpers/attack.ts';
import { FIRST_UID, NO_OTHER_USERS, ONLY_WITH_OTHER_USERS, openPublicPlace, RANGE } from '../helpers/other-users.ts';
import type { PublicPlace } from '../helpers/other-users.ts';

const PYTHON = '/usr/bin/python3';
const isSkipped = NO_OTHER_USERS !== undefined || !existsSync(PYTHON);
const WHY = existsSync(PYTHON) ? ONLY_WITH_OTHER_USERS : ` (skipped: there is no ${PYTHON})`;

const OTHERS = ['the gateway', "the gateway's runner", "another client's runner", "another client's tool"];

interface Stage {
  readonly place: PublicPlace;
  readonly runners: Runners;
  readonly stateDirectory: string;
  readonly runtimeBase: string;
  readonly sockets: readonly Server[];
}

/** A gateway's state, with all that it has secrets in, and its runners. */
async function openStage(): Promise<Stage> {
  const place = openPublicPlace();
  const stateDirectory = mkdtempSync(join(tmpdir(), 'carapace-state-'));
  const runtimeBase = mkdtempSync(join(tmpdir(), 'carapace-base-'));
  chmodSync(runtimeBase, 0o755);
  loadHostKey(stateDirectory);
  for (const name of ['audit.jsonl', 'secrets.key', 'secrets/github.age']) {
    mkdirSync(dirname(join(stateDirectory, name)), { recursive: true, mode: 0o700 });
    writeFileSync(join(stateDirectory, name), 'not for tools\n', { mode: 0o600 });
  }
  const operator = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve) => {
    operator.listen(join(stateDirectory, 'operator.sock'), resolve);
  });
  const log = { warn: (): void => {} };
  const users = { range: RANGE, sockets: null };
  const runners = openRunners({ stateDirectory, log, users, entry: place.entry, runtimeBase });
  return { place, runners, stateDirectory, runtimeBase, sockets: [operator] };
}

async function runnerOf(runners: Runners, runAs: RunAs, client: string): Promise<Runner> {
  const found = await runners.of(runAs, client);
  if (!found.ok) throw new Error(found.problem);
  return found.runner;
}

/** A tool of another client that runs, with a secret in its environment; resolves with its process. */
async function startVictim(
  runner: Runner,
): Promise<{ readonly pid: number; readonly client: TestClient; readonly end: Promise<unknown> }> {
  const client = openClient();
  const permit = permitFor('/bin/sh', ['-c', 'umask; touch "$HOME/file"; echo $$; exec sleep 300'], {
    env: { SECRET: 'not for other tools' },
  });
  const end = runTool(runner, permit, client.io);
  await client.firstLine();
  while (client.stdout().toString().split('\n').length < 3) await new Promise((resolve) => setImmediate(resolve));
  return { pid: Number(client.stdout().toString().split('\n')[1]), client, end };
}

function writeTargets(stage: Stage, runtime: string, processes: Readonly<Record<string, number>>): string {
  const { stateDirectory, place } = stage;
  const state = (name: string): string => join(stateDirectory, name);
  const setuid = join(place.path, 'raised-id');
  copyFileSync('/usr/bin/id', setuid);
  chownSync(setuid, 0, 0);
  chmodSync(setuid, 0o4755);
  const sockets = readdirSync(join(runtime, 'sockets')).map((name, index) => [
    `runner socket ${index}`,
    join(runtime, 'sockets', name),
  ]);
  const own = readdirSync(state('runner')).filter((name) => name.endsWith('.sock'));
  const targets = {
    files: {
      'the host key': state('host_key'),
      'the audit log': state('audit.jsonl'),
      "the secrets' key": state('secrets.key'),
      'a secret': state('secrets/github.age'),
      "the clients' users": state('client-users.json'),
      "another client's file": join(runtime, 'users', String(FIRST_UID + 1), 'home', 'tool', 'file'),
    },
    directories: {
      'the state directory': stateDirectory,
      'the secrets': state('secrets'),
      "the runners' sockets": join(runtime, 'sockets'),
      "another client's home": join(runtime, 'users', String(FIRST_UID + 1), 'home'),
      "the users' directories": join(runtime, 'users'),
      'the runtime directory': runtime,
    },
    sockets: {
      'the operator socket': state('operator.sock'),
      ...Object.fromEntries(
        own.map((name, index) => [`the gateway's runner socket ${index}`, state(join('runner', name))]),
      ),
      ...Object.fromEntries(sockets),
    },
    processes,
    killable: 'its own runner',
    otherUid: FIRST_UID + 1,
    setuid,
  };
  const path = join(place.path, 'targets.json');
  writeFileSync(path, JSON.stringify(targets), { mode: 0o644 });
  return path;
}

describe.skipIf(isSkipped)(`a tool that runs as another user${WHY}`, () => {
  let stage: Stage;
  let victim: Awaited<ReturnType<typeof startVictim>>;
  let lines: readonly string[] = [];
  let processes: Readonly<Record<string, number>> = {};
  let targets = '';
  beforeAll(async () => {
    process.env['GATEWAY_SECRET'] = 'not for tools';
    stage = await openStage();
    const { runners } = stage;
    const attacker = await runnerOf(runners, { kind: 'per-client' }, 'one');
    const other = await runnerOf(runners, { kind: 'per-client' }, 'two');
    victim = await startVictim(other);
    const pidOf = (whose: string): number => runners.status().users.find((one) => one.whose === whose)?.pid ?? 0;
    processes = {
      'the gateway': process.pid,
      "the gateway's runner": runners.status().pid ?? 0,
      "another client's runner": pidOf('client two'),
      "another client's tool": victim.pid,
      'its own runner': pidOf('client one'),
    };
    const [runtime = ''] = readdirSync(stage.runtimeBase);
    targets = writeTargets(stage, join(stage.runtimeBase, runtime), processes);
    lines = await attack(attacker, stage.place.tool('attack.py'), [targets]);
  });
  afterAll(async () => {
    if (stage === undefined) return;
    victim.client.leave();
    await victim.end;
    await stage.runners.stop();
    for (const server of stage.sockets) server.close();
    stage.place.remove();
    for (const path of [stage.stateDirectory, stage.runtimeBase]) rmSync(path, { recursive: true, force: true });
    delete process.env['GATEWAY_SECRET'];
  });

  it('gets nothing, whatever it tries', () => {
    expect(successes(lines)).toEqual([]);
    expect(lines.length).toBeGreaterThan(200);
  });

  it('is refused each time, and misses no target', () => {
    expect(misses(lines)).toEqual([]);
  });

  it.each([
    ...OTHERS.flatMap((name) => [
      `/proc environ of ${name}`,
      `/proc mem of ${name}`,
      `signal 9 to ${name}`,
      `ptrace attach to ${name}`,
    ]),
    ...['environ', 'mem', 'maps', 'fd', 'cwd', 'root'].map((entry) => `/proc ${entry} of its own runner`),
    'ptrace attach to its own runner',
    'process_vm_readv of its own runner',
    'read the host key',
    "read another client's file",
    'connect to the operator socket',
    'connect to runner socket 0',
    'connect to runner socket 1',
    'remove runner socket 0',
    'an inherited descriptor',
    'a capability in CapBnd',
    'be raised by a set-uid program',
    'core dumps',
  ])('tries to: %s', (attempt) => {
    expect(lines.some((line) => line.startsWith(`held ${attempt} `))).toBe(true);
  });

  it('leaves all as it was', async () => {
    for (const pid of Object.values(processes)) expect(isAlive(pid)).toBe(true);
    expect(await stage.runners.ping()).toBe(true);
    expect(stage.runners.status().restarts).toBe(0);
  });

  it('would get it as the user of the gateway, so the attempts are real', async () => {
    const own = await runnerOf(stage.runners, { kind: 'gateway' }, 'one');
    const seen = await attack(own, stage.place.tool('attack.py'), [targets, 'look']);
    const got = successes(seen);
    expect(got.length).toBeGreaterThan(seen.length * 0.8);
    for (const name of ['read the host key', '/proc environ of the gateway', 'connect to the operator socket']) {
      expect(got.some((line) => line.startsWith(`GOT ${name} `))).toBe(true);
    }
  });
});

async function attack(runner: Runner, tool: string, argv: readonly string[]): Promise<readonly string[]> {
  const client = openClient();
  const outcome = await runTool(runner, permitFor(tool, argv, { limits: { timeLimitMs: 60_000 } }), client.io);
  const lines = client.stdout().toString().trimEnd().split('\n');
  expect([outcome.kind, client.stderr(), lines.at(-1)]).toEqual(['exited', '', 'end']);
  return lines.slice(0, -1);
}
