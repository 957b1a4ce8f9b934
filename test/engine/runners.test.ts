import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runTool } from '../../src/engine/run-tool.ts';
import { openPassedSocket } from '../../src/engine/runner-passed-socket.ts';
import { findUserRunner } from '../../src/engine/runner-of-user.ts';
import type { Runner } from '../../src/engine/runner-process.ts';
import { openRunners } from '../../src/engine/runners.ts';
import type { Runners, RunnersOptions } from '../../src/engine/runners.ts';
import type { RunAs } from '../../src/model/run-as.ts';
import { FIRST_UID, NO_OTHER_USERS, ONLY_WITH_OTHER_USERS, openPublicPlace, RANGE } from '../helpers/other-users.ts';
import type { PublicPlace } from '../helpers/other-users.ts';
import { ENTRY, isAlive, openClient, permitFor, until } from './runner-fixtures.ts';

const PER_CLIENT: RunAs = { kind: 'per-client' };
/** There is one on every host, and nothing of it. */
const NOBODY: RunAs = { kind: 'user', name: 'nobody' };

let cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
});

function temporary(mode = 0o755): string {
  const path = mkdtempSync(join(tmpdir(), 'carapace-runners-'));
  chmodSync(path, mode);
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function publicPlace(): PublicPlace {
  const place = openPublicPlace();
  cleanups.push(place.remove);
  return place;
}

interface Opened {
  readonly runners: Runners;
  readonly warnings: string[];
  readonly base: string;
}

function open(options: Partial<RunnersOptions> = {}): Opened {
  const warnings: string[] = [];
  const base = temporary();
  const runners = openRunners({
    stateDirectory: temporary(0o700),
    log: { warn: (message) => void warnings.push(message) },
    users: { range: RANGE, sockets: null },
    runtimeBase: base,
    ...options,
  });
  cleanups.push(runners.stop);
  return { runners, warnings, base };
}

async function runnerOf(runners: Runners, runAs: RunAs, client = 'bot'): Promise<Runner> {
  const found = await runners.of(runAs, client);
  if (!found.ok) throw new Error(found.problem);
  return found.runner;
}

async function print(runner: Runner, script: string): Promise<string> {
  const client = openClient();
  const outcome = await runTool(runner, permitFor('/bin/sh', ['-c', script]), client.io);
  expect([outcome.kind, client.stderr()]).toEqual(['exited', '']);
  return client.stdout().toString().trim();
}

describe("the runner of the gateway's own user", () => {
  it('is there at once, and the one of every call without another user', async () => {
    const { runners } = open({ entry: ENTRY });
    const runner = await runnerOf(runners, { kind: 'gateway' });
    expect(await runnerOf(runners, { kind: 'gateway' }, 'other')).toBe(runner);
    expect(await print(runner, 'id -u')).toBe(String(process.geteuid?.()));
    expect(runners.status()).toMatchObject({ pid: expect.any(Number), restarts: 0, users: [] });
  });
});

describe('users as whom no tool runs', () => {
  it.each([
    ['root', 'is root, as which no tool runs'],
    ['no-such-user', 'this host knows no such user'],
    ['-x', 'is no name of a user'],
    ['../nobody', 'is no name of a user'],
    ['0', 'is no name of a user'],
    ['', 'is no name of a user'],
  ])('%j', async (name, why) => {
    const { runners } = open({ entry: ENTRY });
    const found = await runners.of({ kind: 'user', name }, 'bot');
    expect(found).toEqual({
      ok: false,
      problem: `runner of user ${name}: run_as: user '${name}': ${why}`,
      message: 'what starts tools for its user on the host cannot be used',
    });
  });

  it('clients, where no range of ids is configured or the gateway is not root', async () => {
    const { runners } = open({ entry: ENTRY, users: { range: null, sockets: null } });
    expect(await runners.of(PER_CLIENT, 'bot')).toMatchObject({
      ok: false,
      problem: expect.stringContaining('per-client'),
    });
  });
});

describe.skipIf(NO_OTHER_USERS !== undefined)(`a runner of another user${ONLY_WITH_OTHER_USERS}`, () => {
  it('runs tools as that user, and starts once, however many ask', async () => {
    const { runners, warnings } = open({ entry: publicPlace().entry });
    const found = await Promise.all([1, 2, 3].map(() => runnerOf(runners, NOBODY)));
    expect(new Set(found).size).toBe(1);
    const [runner] = found;
    if (runner === undefined) throw new Error('no runner');
    expect(await print(runner, 'id -un; pwd; echo "$HOME"; stat -c "%U %a" "$HOME"')).toMatch(
      /^nobody\n\S+\/empty\n\S+\/users\/[0-9]+\/home\/tool\nnobody 700$/,
    );
    expect(await print(runner, 'touch "$HOME/x" && stat -c %a "$HOME/x"')).toBe('600');
    expect(warnings).toEqual([]);
  });

  it('is one for each client, each with a user of its own', async () => {
    const { runners } = open({ entry: publicPlace().entry });
    const [one, two] = await Promise.all(['one', 'two'].map(async (client) => runnerOf(runners, PER_CLIENT, client)));
    if (one === undefined || two === undefined) throw new Error('no runner');
    const ids = await Promise.all([one, two].map(async (runner) => print(runner, 'id -u; id -g; id -G')));
    expect(ids.toSorted()).toEqual([FIRST_UID, FIRST_UID + 1].map((id) => `${id}\n${id}\n${id}`));
    expect(await runners.ping()).toBe(true);
    expect(
      runners
        .status()
        .users.map(({ whose }) => whose)
        .toSorted(),
    ).toEqual(['client one', 'client two']);
  });

  it('that is killed fails its calls, and is started again', async () => {
    const { runners, warnings } = open({ entry: publicPlace().entry });
    const runner = await runnerOf(runners, PER_CLIENT);
    const client = openClient();
    const running = runTool(runner, permitFor('/bin/sh', ['-c', 'echo $$; exec sleep 300']), client.io);
    const tool = await client.firstLine();
    process.kill(runners.status().users[0]?.pid ?? 0, 'SIGKILL');
    expect(await running).toMatchObject({ kind: 'failed', reason: 'tool-unavailable' });
    expect(await print(await runnerOf(runners, PER_CLIENT), 'id -u')).toBe(String(FIRST_UID));
    expect(warnings).toEqual([expect.stringMatching(/^runner of client bot: ended unexpectedly/)]);
    await until(() => !isAlive(tool));
  });

  it('ends when nobody uses it, and not under a tool that runs', async () => {
    const { runners } = open({ entry: publicPlace().entry, idleMs: 200 });
    const runner = await runnerOf(runners, PER_CLIENT);
    const { pid } = runners.status().users[0] ?? {};
    await print(runner, 'sleep 1');
    expect(runners.status().users[0]?.pid).toBe(pid);
    await until(() => runners.status().users.length === 0 && !isAlive(pid ?? 0));
    expect(await print(await runnerOf(runners, PER_CLIENT), 'id -u')).toBe(String(FIRST_UID));
  });

  it('ends with the gateway, and its sockets with it; homes stay', async () => {
    const { runners, base } = open({ entry: publicPlace().entry });
    await print(await runnerOf(runners, PER_CLIENT), 'touch "$HOME/kept"');
    const { pid } = runners.status().users[0] ?? {};
    await runners.stop();
    expect(isAlive(pid ?? 0)).toBe(false);
    const [name = ''] = readdirSync(base);
    expect(readdirSync(join(base, name)).toSorted()).toEqual(['empty', 'loader', 'users']);
    expect(existsSync(join(base, name, 'users', String(FIRST_UID), 'home/tool/kept'))).toBe(true);
    expect(await runners.of(PER_CLIENT, 'late')).toMatchObject({ ok: false });
  });

  it('gets no permit where it is not who it must be', async () => {
    const place = publicPlace();
    const liar = join(place.path, 'dist/runner/liar.mjs');
    writeFileSync(
      liar,
      `import { createServer } from 'node:net';
      const status = 'Uid:\\t0\\t0\\t0\\t0\\nGid:\\t0\\t0\\t0\\t0\\nGroups:\\t\\n';
      createServer((socket) => {
        socket.on('data', (data) => { if (String(data).includes('start')) console.log('got a permit'); });
        socket.write(JSON.stringify({ type: 'hello', pid: process.pid, status, place: null }) + '\\n');
      }).listen(process.argv[2] === '--passed' ? { fd: 3 } : 0, () => console.log('ready'));`,
    );
    const { runners } = open({ entry: liar });
    expect(await runners.of(PER_CLIENT, 'bot')).toEqual({
      ok: false,
      problem: `runner of client bot: its real uid is 0, expected ${FIRST_UID}`,
      message: 'what starts tools for its user on the host cannot be used',
    });
    await until(() => runners.status().users.length === 0);
  });

  it('that cannot begin is said why', async () => {
    const entry = join(temporary(0o700), 'main.js');
    writeFileSync(entry, '');
    const { runners } = open({ entry });
    const found = await runners.of(PER_CLIENT, 'bot');
    expect(found).toMatchObject({
      ok: false,
      problem: expect.stringMatching(
        /^runner of client bot: Error: Cannot find module '[^']+'; its user must be able to read /,
      ),
    });
  });
});

describe.skipIf(NO_OTHER_USERS !== undefined)(`the runtime directory${ONLY_WITH_OTHER_USERS}`, () => {
  const nameIn = async (base: string, stateDirectory: string): Promise<string> => {
    const { runners } = open({ entry: publicPlace().entry, runtimeBase: base, stateDirectory });
    await runnerOf(runners, PER_CLIENT);
    await runners.stop();
    const [name = ''] = readdirSync(base);
    return join(base, name);
  };

  it('lets every user through, and shows nothing', async () => {
    const path = await nameIn(temporary(), temporary(0o700));
    const modes = ['.', 'empty', 'users', `users/${FIRST_UID}`, 'loader'].map(
      (name) => statSync(join(path, name)).mode & 0o7777,
    );
    expect(modes).toEqual([0o711, 0o555, 0o711, 0o700, 0o711]);
  });

  it.each([
    ['is a link', (path: string) => symlinkSync(temporary(), path), 'is no directory'],
    [
      'is somebody else’s',
      (path: string) => {
        mkdirSync(path);
        chownSync(path, FIRST_UID, FIRST_UID);
      },
      `belongs to user ${FIRST_UID}, expected 0`,
    ],
    [
      'can be written to by others',
      (path: string) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
      'others may write to it',
    ],
  ])('is not used where it %s', async (_, make, problem) => {
    const base = temporary();
    const stateDirectory = temporary(0o700);
    const path = await nameIn(base, stateDirectory);
    rmSync(path, { recursive: true });
    make(path);
    const { runners } = open({ entry: publicPlace().entry, runtimeBase: base, stateDirectory });
    expect(await runners.of(PER_CLIENT, 'bot')).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
  });
});

/** What a service manager does: makes the socket, and starts the runner as its user with the socket passed. */
function startAsServiceManager(place: PublicPlace, options: readonly string[], groups = '--clear-groups'): string {
  const socket = openPassedSocket(temporary());
  chmodSync(socket.path, 0o600);
  const directory = join(place.path, 'own');
  mkdirSync(directory, { mode: 0o700 });
  chownSync(directory, FIRST_UID, FIRST_UID);
  const shell = 'ulimit -c 0; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"';
  const ids = ['--reuid', String(FIRST_UID), '--regid', String(FIRST_UID), groups, ...options];
  const child = spawn(
    '/usr/bin/setpriv',
    [...ids, '--', '/bin/sh', '-c', shell, 'x', process.execPath, place.entry, '--found', directory],
    { env: {}, stdio: ['ignore', 'ignore', 'ignore', socket.descriptor] },
  );
  socket.close();
  cleanups.push(() => void child.kill('SIGKILL'));
  return socket.path;
}

const CONFINED = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs'];

describe.skipIf(NO_OTHER_USERS !== undefined)(`a runner that is found at its socket${ONLY_WITH_OTHER_USERS}`, () => {
  const user = { uid: FIRST_UID, gid: FIRST_UID, groups: [FIRST_UID] };
  const find = async (socket: string): ReturnType<typeof findUserRunner> => {
    const found = await findUserRunner(user, 'user bob', socket, { warn: () => {} });
    if (found.ok) cleanups.push(found.runner.stop);
    return found;
  };

  it('runs tools as its user, in directories of its own', async () => {
    const place = publicPlace();
    const found = await find(startAsServiceManager(place, CONFINED));
    if (!found.ok) throw new Error(found.problem);
    expect(await print(found.runner, 'id -u; pwd; echo "$HOME"; umask; ls "$HOME"')).toBe(
      `${FIRST_UID}\n${place.path}/own/empty\n${place.path}/own/home/tool\n0077`,
    );
    expect(await found.runner.ping()).toBe(true);
  });

  it.each([
    [CONFINED.filter((option) => option !== '--no-new-privs'), 'it can gain privileges: NoNewPrivs is 0, expected 1'],
    [CONFINED.slice(1), /^it has capabilities: CapBnd is [0-9a-f]+, expected none$/],
  ])('gets no permit where its unit was given %j', async (options, problem) => {
    const found = await find(startAsServiceManager(publicPlace(), options));
    expect(found).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });

  it('gets no permit where its unit was given a group that is not its user’s', async () => {
    const found = await find(startAsServiceManager(publicPlace(), CONFINED, '--groups=0'));
    expect(found).toEqual({ ok: false, problem: `it is in group 0, expected none but ${FIRST_UID}` });
  });

  it.each([
    ['the tools could replace it', (path: string) => chmodSync(join(path, '..'), 0o777), 'others may write to it'],
    ['its directory is not root’s', (path: string) => chownSync(join(path, '..'), FIRST_UID, 0), 'expected 0'],
    ['the tools could connect', (path: string) => chmodSync(path, 0o666), 'the user of the tools could open it'],
    [
      'it is the tools’ user’s own',
      (path: string) => chownSync(path, FIRST_UID, 0),
      'the user of the tools could open it',
    ],
    [
      'its group is one of the tools’ user',
      (path: string) => {
        chownSync(path, 0, FIRST_UID);
        chmodSync(path, 0o660);
      },
      'could open it',
    ],
    ['it is not there', (path: string) => rmSync(path), 'ENOENT'],
    [
      'it is no socket',
      (path: string) => {
        rmSync(path);
        writeFileSync(path, '');
      },
      'is no socket',
    ],
  ])('is not connected to where %s', async (_, spoil, problem) => {
    const path = startAsServiceManager(publicPlace(), CONFINED);
    spoil(path);
    expect(await find(path)).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
  });
});
