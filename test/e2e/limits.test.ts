/** Limits of a call and of a client, and what a tool is given: environment, descriptors, working directory. */
import { type ChildProcess } from 'node:child_process';
import { mkdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, finish, frame, processesWith, TestGateway, until } from '../helpers/gateway.ts';
import { replyEvents } from '../helpers/reply-events.ts';

const POLICY = `
version: 1
tools:
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], timeout_secs: 1}
  sleepers: {type: cli, binary: TOOLS/sleepers, argv_allow_patterns: ["*"], timeout_secs: 1}
  yes: {type: cli, binary: /usr/bin/yes, argv_allow_patterns: ["*"], output_limit_bytes: 1000003}
  both: {type: cli, binary: ${process.execPath}, argv_allow_patterns: ["TOOLS/pour.cjs *"], output_limit_bytes: 64KiB}
  few: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], max_concurrent: 2}
  one-for-all: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], max_concurrent_total: 1}
  rare: {type: cli, binary: /bin/true, argv_allow_patterns: ["*"], rate_limit: {max_requests: 3, window_secs: 3600}}
  often: {type: cli, binary: /bin/true, argv_allow_patterns: ["*"], rate_limit: {max_requests: 2, window_secs: 1}}
  env: {type: cli, binary: /usr/bin/env, argv_allow_patterns: [""]}
  env-some:
    type: cli
    binary: /usr/bin/env
    argv_allow_patterns: [""]
    env_allow: [LANG, LC_*, TZ, NO_COLOR, WINS]
    env_inject: {WINS: policy, HOME: /srv/home, TOKEN: s3cret}
  descriptors: {type: cli, binary: /bin/ls, argv_allow_patterns: ["-l /proc/self/fd"]}
  descriptors-stream: {type: cli, binary: /bin/ls, argv_allow_patterns: ["-l /proc/self/fd"], stdin: stream}
  pwd: {type: cli, binary: /bin/pwd, argv_allow_patterns: ["-P"]}
  pwd-tree: {type: cli, binary: /bin/pwd, argv_allow_patterns: ["-P"], cwd_allowed: [TOOLS/tree/project, TOOLS/tree/other]}
`;

let gateway: TestGateway;
let master: ChildProcess;
beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY }, clients: { vm: ['test'], other: ['test'] } });
  master = await gateway.openMaster();
});
afterAll(async () => {
  master.kill();
  await gateway.stop();
});

function warm(args: readonly string[]): Promise<Finished> {
  return finish(gateway.spawnSsh(['mux', ...args]));
}

async function begin(tool: string, seconds: string, client?: string): Promise<ChildProcess> {
  const before = running(seconds);
  const child = gateway.spawnSsh(['carapace', tool, seconds], client);
  await until(() => running(seconds) === before + 1);
  return child;
}

function running(seconds: string): number {
  return processesWith(`/bin/sleep ${seconds}`).filter((line) => /^\s*\d+\s+\S+\s+\/bin\/sleep /.test(line)).length;
}

describe('the time limit', () => {
  it('ends the tool with 124 and says so', async () => {
    const done = await warm(['sleep', '302.01']);
    expect(done).toMatchObject({ status: 124, stdout: Buffer.alloc(0) });
    expect(done.stderr).toMatch(/^carapace: error: .+: the time limit ended the tool \(time-limit, request \S+\)\ncar/);
    expect(done.ms).toBeGreaterThan(950);
    expect(done.ms).toBeLessThan(3000);
    expect(running('302.01')).toBe(0);
  });

  it('ends a tool that ignores TERM, and what left its group', async () => {
    const done = await warm(['sleepers', '302.02']);
    expect({ status: done.status, stdout: done.stdout.toString() }).toEqual({ status: 124, stdout: 'ready\n' });
    expect(done.ms).toBeLessThan(7000);
    await until(() => processesWith('sleep 302.02').length === 0);
  });

  it('is told in frames as the exit’s reason', async () => {
    const done = await warm([frame({ tool: 'sleep', argv: ['302.03'], reply: 'frames' })]);
    expect(replyEvents(done.stdout).at(-1)).toMatchObject({ event: 'exit', code: 124, reason: 'time-limit' });
  });
});

describe('the output limit', () => {
  it('lets exactly its bytes through and ends the tool with 124', async () => {
    const done = await warm(['yes', 'limits-test']);
    const line = Buffer.from('limits-test\n');
    expect(done.status).toBe(124);
    expect(done.stdout).toHaveLength(1_000_003);
    expect(done.stdout.equals(Buffer.alloc(1_000_003, line))).toBe(true);
    expect(done.stderr).toMatch(
      /^carapace: error: .+: the output limit ended the tool \(output-limit, request \S+\)\n/,
    );
    await until(() => processesWith('yes limits-test').length === 0);
  });

  it('counts stdout and stderr together', async () => {
    const done = await warm([`both ${join(gateway.tools, 'pour.cjs')} 1000000 1 2`]);
    expect(done.status).toBe(124);
    expect(done.stdout.length + done.stderr.indexOf('carapace: error')).toBeLessThanOrEqual(65_536);
    const outcome = gateway.audit().find((one) => one['event'] === 'outcome' && one['tool'] === 'both');
    const counts = Object.values(outcome?.['bytes'] as Record<string, number>);
    expect(counts.reduce((sum, bytes) => sum + bytes, 0)).toBe(65_536);
  });

  it('lets a tool that keeps within it end by itself', async () => {
    const done = await warm([`both ${join(gateway.tools, 'pour.cjs')} 32768 1 2`]);
    expect(done.status).toBe(0);
    expect(done.stdout).toHaveLength(32_768);
  });
});

describe('max_concurrent', () => {
  it('holds over all connections and keys of a client, and for no other client', async () => {
    const vm = gateway.client('vm');
    const second = gateway.addClient('second-key', ['test']);
    const line = gateway.keyLine({ ...second, name: 'vm' }, ['test']);
    gateway.writeKeys('second-key', '');
    gateway.writeKeys('vm', gateway.keyLine(vm, ['test']) + line);
    await until(async () => (await gateway.ssh(['whoami'], { client: 'second-key' })).stdout.includes('client vm\n'));

    const first = await begin('few', '302.11');
    const other = await begin('few', '302.11', 'second-key');
    for (const client of ['vm', 'second-key']) {
      const done = await gateway.ssh(['few', '302.11'], { client });
      expect(done).toMatchObject({ status: 75, stdout: Buffer.alloc(0) });
      expect(done.stderr).toMatch(
        /^carapace: error: few: too many calls are running \(too-many, request \S+\)\ncarapace: h/,
      );
    }
    expect((await gateway.ssh(['few', '0'], { client: 'other' })).status).toBe(0);
    first.kill();
    await until(async () => (await gateway.ssh(['few', '0'])).status === 0);
    expect(running('302.11')).toBe(1);
    other.kill();
  });

  it('in total holds over all clients', async () => {
    const child = await begin('one-for-all', '302.12', 'other');
    expect((await gateway.ssh(['one-for-all', '302.12'])).status).toBe(75);
    child.kill();
    await until(async () => (await gateway.ssh(['one-for-all', '0'])).status === 0);
  });
});

describe('rate_limit', () => {
  it('refuses what is beyond it with 75, over all connections, and frames say when to try again', async () => {
    const statuses = [await gateway.ssh(['rare']), await warm(['rare']), await gateway.ssh(['rare'])];
    expect(statuses.map(({ status }) => status)).toEqual([0, 0, 0]);
    const done = await warm(['rare']);
    expect(done.status).toBe(75);
    expect(done.stderr).toMatch(
      /^carapace: error: rare: too many calls in too short a time \(rate-limited, request \S+\)\n/,
    );
    const error = replyEvents((await gateway.ssh([frame({ tool: 'rare', argv: [], reply: 'frames' })])).stdout).at(-1);
    expect(error).toMatchObject({ event: 'error', code: 'rate-limited', status: 75, retriable: true });
    expect(error?.['retryAfterMs']).toBeGreaterThan(3_500_000);
    expect(error?.['retryAfterMs']).toBeLessThanOrEqual(3_600_000);
    expect((await gateway.ssh(['rare'], { client: 'other' })).status).toBe(0);
  });

  it('does not count refused calls, and lets the next through when its window is over', async () => {
    expect([(await warm(['often'])).status, (await warm(['often'])).status]).toEqual([0, 0]);
    const done = await warm([frame({ tool: 'often', argv: [], reply: 'frames' })]);
    const wait = Number(replyEvents(done.stdout).at(-1)?.['retryAfterMs']);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(1000);
    for (let i = 0; i < 3; i += 1) await warm(['often']);
    await until(async () => (await warm(['often'])).status === 0, wait + 1000);
  });
});

describe('the environment of a tool', () => {
  const HOSTILE = {
    LD_PRELOAD: '/tmp/x.so',
    LD_LIBRARY_PATH: '/tmp',
    LD_AUDIT: '/tmp/x.so',
    DYLD_INSERT_LIBRARIES: '/tmp/x',
    PATH: '/tmp',
    HOME: '/tmp',
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/tmp/sh',
    IFS: '/',
    ENV: '/tmp/rc',
    BASH_ENV: '/tmp/rc',
    GCONV_PATH: '/tmp',
    LOCPATH: '/tmp',
    NLSPATH: '/tmp/%N',
    'BASH_FUNC_ls%%': '() { id; }',
    'LANG=x\nLD_PRELOAD': '/tmp/x.so',
    'A=B': 'c',
    '': 'empty',
    CARAPACE_CALL: 'x',
    NODE_OPTIONS: '--require=/tmp/x',
    lang: 'x',
    ' LANG': 'x',
    __proto__x: 'x',
    TERM: 'xterm',
    GIT_SSH_COMMAND: 'id',
  };

  async function environmentOf(tool: string, env: object): Promise<Record<string, string>> {
    const done = await warm([frame({ tool, argv: [], env })]);
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    const lines = done.stdout.toString().split('\n').slice(0, -1);
    const entries = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    expect(new Set(entries.map(([name]) => name)).size).toBe(entries.length);
    return Object.fromEntries(entries) as Record<string, string>;
  }

  function base(tool: string): object {
    const user = userInfo().username;
    return {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: join(realpathSync(gateway.dir), 'state', 'home', tool),
      USER: user,
      LOGNAME: user,
      LANG: 'C.UTF-8',
      TERM: 'dumb',
      CARAPACE_CALL: expect.stringMatching(/^[0-9a-f]{32}\.\d+\.[0-9a-f]{32}$/),
    };
  }

  it('is exactly the documented base where the policy says nothing, whatever the client sends', async () => {
    expect(await environmentOf('env', HOSTILE)).toEqual(base('env'));
    expect(await environmentOf('env', {})).toEqual(base('env'));
    const [last] = gateway.audit().filter((one) => one['event'] === 'decision' && one['tool'] === 'env');
    expect(last).toMatchObject({ env: [], envDropped: Object.keys(HOSTILE).length });
  });

  it('has what env_allow names, with what env_inject says winning', async () => {
    const sent = { ...HOSTILE, LANG: 'de_DE.UTF-8', LC_TIME: 'en_DK', NO_COLOR: '', WINS: 'client', TOKEN: 'client' };
    expect(await environmentOf('env-some', sent)).toEqual({
      ...base('env-some'),
      LANG: 'de_DE.UTF-8',
      LC_TIME: 'en_DK',
      NO_COLOR: '',
      WINS: 'policy',
      HOME: '/srv/home',
      TOKEN: 's3cret',
    });
  });

  it('takes no locale or time zone that names a file, and no locale category that is none', async () => {
    const sent = { LANG: '/tmp/x', LC_ALL: '../x', TZ: '/etc/passwd', LC_EVIL: 'x', LC_: 'x', NO_COLOR: '/ok' };
    const got = await environmentOf('env-some', sent);
    expect(got).toEqual({ ...base('env-some'), WINS: 'policy', HOME: '/srv/home', TOKEN: 's3cret', NO_COLOR: '/ok' });
  });

  it('is not changed by SSH’s own way of sending variables', async () => {
    const done = await finish(gateway.spawnSsh(['-o', 'SetEnv=LANG=xx NO_COLOR=1', 'carapace', 'env-some']));
    expect(done.stdout.toString()).toContain('LANG=C.UTF-8\n');
    expect(done.stdout.toString()).not.toContain('NO_COLOR');
  });
});

describe('the descriptors of a tool', () => {
  it.each([
    ['none', 'descriptors', /^\/dev\/null$/],
    ['stream', 'descriptors-stream', /^socket:/],
  ])('are 0, 1 and 2 alone where stdin is %s', async (_stdin, tool, stdin) => {
    const done = await warm([`${tool} -l /proc/self/fd`]);
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    const links = Array.from(done.stdout.toString().matchAll(/ (\d+) -> (.*)$/gm), ([, fd, target]) => [fd, target]);
    expect(links).toEqual([
      ['0', expect.stringMatching(stdin)],
      ['1', expect.stringMatching(/^socket:/)],
      ['2', expect.stringMatching(/^socket:/)],
      // The listing's own look at the directory.
      ['3', expect.stringMatching(/^\/proc\/\d+\/fd$/)],
    ]);
  });
});

describe('the working directory of a tool', () => {
  let tree: string;
  beforeAll(() => {
    tree = join(realpathSync(gateway.tools), 'tree');
    for (const path of ['project/src/deep', 'project2', 'other', 'outside'])
      mkdirSync(join(tree, path), { recursive: true });
    const links = {
      root: '/',
      up: '..',
      out: '../outside',
      in: 'src/deep',
      sibling: '../other',
      loop: 'loop',
      proc: '/proc/self/cwd',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(tree, 'project', name));
    symlinkSync('project', join(tree, 'alias'));
  });

  async function startsIn(tool: string, cwd: string | undefined): Promise<string | number | null> {
    const done = await warm([frame({ tool, argv: ['-P'], ...(cwd === undefined ? {} : { cwd }) })]);
    if (done.status !== 0)
      expect(done.stderr).toMatch(/^carapace: denied: pwd-tree: working directory .+ \(cwd-refused, /);
    return done.status === 0 ? done.stdout.toString().trimEnd() : done.status;
  }

  it('is an empty one of the gateway, whatever the client says, where the policy names none', async () => {
    const empty = join(realpathSync(gateway.dir), 'state', 'empty');
    for (const cwd of [undefined, '/', '/etc', 'relative', '', '../..', '/no/such/place']) {
      expect(await startsIn('pwd', cwd)).toBe(empty);
    }
  });

  it('is the client’s where that lies in an allowed one, by its real path', async () => {
    expect(await startsIn('pwd-tree', undefined)).toBe(join(tree, 'project'));
    for (const [cwd, real] of [
      ['project', 'project'],
      ['project/', 'project'],
      ['project/src/deep', 'project/src/deep'],
      ['project/./src//deep', 'project/src/deep'],
      ['project/in', 'project/src/deep'],
      ['project/sibling', 'other'],
      ['alias', 'project'],
      ['other', 'other'],
    ] as const) {
      expect({ cwd, real: await startsIn('pwd-tree', `${tree}/${cwd}`) }).toEqual({ cwd, real: join(tree, real) });
    }
  });

  it('is refused anywhere else', async () => {
    const inTree = [
      '',
      'project2',
      'outside',
      'project/root',
      'project/root/etc',
      'project/up',
      'project/out',
      'project/loop',
    ];
    inTree.push('project/proc', 'project/..', 'project/src/../../outside', 'project/../project', 'project/no-such');
    const others = [
      '/',
      '/etc',
      '/proc/self/cwd',
      '/proc/self/root',
      `/proc/self/root${tree}/project`,
      '/dev/fd',
      '/sys',
    ];
    others.push(
      '/./proc/self/cwd',
      '',
      '.',
      'project',
      './project',
      `~/project`,
      `//proc/self/root${tree}/project`,
      `${tree}/project\n`,
    );
    for (const cwd of [...inTree.map((path) => `${tree}/${path}`), ...others]) {
      expect({ cwd, got: await startsIn('pwd-tree', cwd) }).toEqual({ cwd, got: 126 });
    }
  });

  it('is refused alike whether or not it exists', async () => {
    const refusal = async (cwd: string): Promise<string> => {
      const done = await warm([frame({ tool: 'pwd-tree', argv: ['-P'], cwd })]);
      return done.stderr.replace(/request \S+\)/, 'request)');
    };
    const there = await refusal('/etc');
    expect(await refusal('/no-such-directory')).toBe(there);
    expect(await refusal('/etc/passwd')).toBe(there);
    expect(await refusal('/root/.ssh')).toBe(there);
  });

  it('is never another one that was put in its place', async () => {
    const [here, kept] = [join(tree, 'project/src'), join(tree, 'project/kept')];
    const calls = Promise.all(
      Array.from({ length: 20 }, () => warm([frame({ tool: 'pwd-tree', argv: ['-P'], cwd: here })])),
    );
    const over = new AbortController();
    void calls.then(() => over.abort());
    symlinkSync('/etc', join(tree, 'project/link'));
    while (!over.signal.aborted) {
      renameSync(here, kept);
      renameSync(join(tree, 'project/link'), here);
      await new Promise((resolve) => setImmediate(resolve));
      renameSync(here, join(tree, 'project/link'));
      renameSync(kept, here);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { status, stdout } of await calls) {
      expect([0, 69, 126]).toContain(status);
      expect(['', `${here}\n`, `${kept}\n`]).toContain(stdout.toString());
    }
  });
});
