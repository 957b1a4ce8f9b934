/** Secrets on their way to a tool: looked up for the calls that need them and for no other, whole or not at all. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, frame, TestGateway } from '../helpers/gateway.ts';
import { replyEvents } from '../helpers/reply-events.ts';

const SECRETS = { store: 'stored "value" 7f3a\\ é\n\tline two', home: '/srv/home-of-9c1e', again: 'stored again 5d20' };
const OTHERS = {
  file: 'in a file 41be ',
  'gateway variable': 'in the environment c6d8',
  credential: 'a credential 08ea',
  command: 'what a command prints 5b77',
  literal: 'literal-key-e21f',
  'set later': 'set later 93ac',
  'of a failing command': 'said by a command that failed 2f60',
  'in a file with NUL': 'before a nul 7d15',
  'in an open file': 'for everybody b0a4',
};

const directory = mkdtempSync(join(tmpdir(), 'carapace-secrets-'));
const path = (name: string): string => join(directory, name);

function place(name: string, content: string, mode = 0o600): void {
  writeFileSync(path(name), content);
  chmodSync(path(name), mode);
}

/** A program that counts its runs and prints a value. */
const COUNT = `#!/bin/sh
echo run >> ${directory}/runs-"$1"
sleep 0.2
echo "value for $1, 3e9b"
`;
const FAIL = `#!/bin/sh
echo run >> ${directory}/runs-"$1"
echo '${OTHERS['of a failing command']}'
echo '${OTHERS['of a failing command']}' >&2
exit 3
`;

const counted = (name: string, more = ''): string => `{command: [${directory}/count, ${name}]${more}}`;
const touch = 'type: cli, binary: /usr/bin/touch, argv_allow_patterns: ["*"], argv_deny_patterns: ["-c"]';

const POLICY = `
version: 1
tools:
  env:
    type: cli
    binary: /usr/bin/env
    argv_allow_patterns: ["-0"]
    redact: false
    env_allow: [FROM_STORE, LANG]
    env_inject:
      FROM_STORE: {secret: store}
      FROM_FILE: {file: ${directory}/file}
      FROM_GATEWAY: {env: GATEWAYS_OWN}
      FROM_CREDENTIAL: {credential: credential}
      FROM_COMMAND: {command: [${directory}/print, two words]}
      TEXT: "Bearer \${secret:store}; \${file:${directory}/file}; $\${secret:store} \${HOME}"
      HOME: {secret: home}
      API_KEY: ${OTHERS.literal}
      PLAIN: said in the policy
  count-a: {${touch}, env_inject: {A: ${counted('a')}}}
  count-b: {${touch}, env_inject: {B: ${counted('b')}}}
  rare: {${touch}, env_inject: {A: ${counted('rare')}}, rate_limit: {max_requests: 1, window_secs: 3600}}
  refusing: {${touch}, env_inject: {A: ${counted('refusing')}}, input_deny: [aws-access-key]}
  cached: {${touch}, env_inject: {A: ${counted('cached', ', cache_secs: 60')}}}
  missing: {${touch}, env_inject: {A: {secret: not-yet-set}, B: ${counted('beside')}}}
  failing: {${touch}, env_inject: {A: {command: [${directory}/fail, failing]}, B: {secret: store}}}
  with-nul: {${touch}, env_inject: {A: {file: ${directory}/nul}}}
  open-file: {${touch}, env_inject: {A: {file: ${directory}/open}}}
  no-variable: {${touch}, env_inject: {A: {env: NOT_THERE_AT_ALL}}}
  short: {${touch}, env_inject: {A: {secret: short}}}
  short-open: {${touch}, env_inject: {A: {secret: short, redact: false}}}
`;

let gateway: TestGateway;
beforeAll(async () => {
  mkdirSync(path('credentials'));
  place('credentials/credential', `${OTHERS.credential}\n`);
  place('file', `${OTHERS.file}\n\n`);
  place('print', `#!/bin/sh\necho '${OTHERS.command}' "$1"\n`, 0o700);
  place('count', COUNT, 0o700);
  place('fail', FAIL, 0o700);
  place('nul', `${OTHERS['in a file with NUL']}\0`);
  place('open', OTHERS['in an open file'], 0o644);
  gateway = await TestGateway.start({
    policies: { test: POLICY },
    secrets: SECRETS,
    env: { GATEWAYS_OWN: OTHERS['gateway variable'], CREDENTIALS_DIRECTORY: path('credentials') },
  });
  for (const [name, value] of Object.entries(OTHERS)) gateway.keepSecret(name, value);
  for (const name of ['a', 'b', 'rare', 'cached', 'beside']) gateway.keepSecret(name, `value for ${name}, 3e9b`);
  await gateway.carapace(['secret', 'set', 'short'], { input: '1234567' });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** How often the commands of a name have run. */
function runs(name: string): number {
  return existsSync(path(`runs-${name}`)) ? readFileSync(path(`runs-${name}`), 'utf8').split('\n').length - 1 : 0;
}

/** Calls a tool that leaves a mark where it runs. */
async function callMarking(tool: string): Promise<Finished & { readonly ran: boolean }> {
  const mark = path(`mark-of-${tool}`);
  rmSync(mark, { force: true });
  const done = await gateway.call(tool, [mark]);
  return { ...done, ran: existsSync(mark) };
}

/** Expects 69 of a call that never ran, with nothing about which secret it was. */
async function expectUnavailable(tool: string): Promise<void> {
  const { status, ran, stdout, stderr } = await callMarking(tool);
  expect({ status, ran, stdout: stdout.toString() }).toEqual({ status: 69, ran: false, stdout: '' });
  expect(stderr.replace(/request [^)]+\)/, 'request)')).toBe(
    `carapace: error: ${tool}: a secret that the tool needs cannot be had (secret-unavailable, request)\n` +
      'carapace: hint: the operator must mend this on the host; try again later\n',
  );
}

describe('the values of every kind of reference', () => {
  it('arrive exactly in the tool’s environment, and win over what the client sends', async () => {
    const env = { FROM_STORE: 'of the client', HOME: '/of/the/client', LANG: 'de_DE.UTF-8' };
    const done = await gateway.call('env', ['-0'], { request: { env } });
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    const entries = done.stdout.toString().split('\0').slice(0, -1);
    const got = Object.fromEntries(
      entries.map((entry) => [entry.split('=', 1)[0] ?? '', entry.replace(/^[^=]*=/, '')]),
    );
    expect(got).toMatchObject({
      FROM_STORE: SECRETS.store,
      // One newline at the end is left out.
      FROM_FILE: `${OTHERS.file}\n`,
      FROM_GATEWAY: OTHERS['gateway variable'],
      FROM_CREDENTIAL: OTHERS.credential,
      FROM_COMMAND: `${OTHERS.command} two words`,
      TEXT: `Bearer ${SECRETS.store}; ${OTHERS.file}\n; \${secret:store} \${HOME}`,
      HOME: SECRETS.home,
      API_KEY: OTHERS.literal,
      PLAIN: 'said in the policy',
      LANG: 'de_DE.UTF-8',
    });
    expect(entries).toHaveLength(new Set(Object.keys(got)).size);
    expect(got).not.toHaveProperty('GATEWAYS_OWN');
    expect(got).not.toHaveProperty('CREDENTIALS_DIRECTORY');
  });

  it('are the newest ones: what is set anew is used by the next call, and after a restart', async () => {
    const value = async (): Promise<string | undefined> =>
      /FROM_STORE=([^\0]*)/.exec((await gateway.call('env', ['-0'])).stdout.toString())?.[1];
    expect(await value()).toBe(SECRETS.store);
    await gateway.setSecret('store', SECRETS.again);
    expect(await value()).toBe(SECRETS.again);
    gateway.child.kill('SIGKILL');
    await gateway.launch();
    expect(await value()).toBe(SECRETS.again);
  });
});

describe('references are looked up', () => {
  it('for their own tool’s calls alone: a call resolves only its own tool’s references', async () => {
    expect((await callMarking('count-a')).ran).toBe(true);
    expect([runs('a'), runs('b')]).toEqual([1, 0]);
    expect((await callMarking('count-b')).ran).toBe(true);
    expect([runs('a'), runs('b')]).toEqual([1, 1]);
  });

  it('not for a denied call, nor for `check` or `whoami`, nor for one that a limit refuses', async () => {
    const before = runs('a');
    const statuses = [
      await gateway.call('count-a', ['-c', path('x')]),
      await gateway.call('count-a', ['--no-such-option']),
      await gateway.ssh(['check', 'count-a', path('x')]),
      await gateway.ssh(['whoami']),
    ].map(({ status }) => status);
    expect(statuses).toEqual([126, 126, 0, 0]);
    expect(runs('a')).toBe(before);
    const limited = [await callMarking('rare'), await callMarking('rare')];
    expect(limited.map(({ status }) => status)).toEqual([0, 75]);
    expect(runs('rare')).toBe(1);
    // In two parts, so that no scanner of repositories takes it for a key.
    const key = ['AKIA', 'Q3EXAMPLEKEY7RST'].join('');
    expect((await gateway.call('refusing', [key])).stderr).toContain('(content-refused, ');
    expect(runs('refusing')).toBe(0);
  });

  it('for each call, and once in the time that the policy says, however many ask at once', async () => {
    const before = runs('a');
    await Promise.all([callMarking('count-a'), callMarking('count-a')]);
    expect(runs('a')).toBe(before + 2);
    const calls = await Promise.all(Array.from({ length: 8 }, () => gateway.call('cached', [path('cached')])));
    expect(calls.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 0));
    await gateway.call('cached', [path('cached')]);
    expect(runs('cached')).toBe(1);
  });
});

describe('a secret that cannot be had', () => {
  it.each(['with-nul', 'open-file', 'no-variable', 'short'])('is 69, and nothing runs: %s', async (tool) => {
    await expectUnavailable(tool);
  });

  it('is named, and what is wrong with it, in the gateway’s log alone', async () => {
    for (const [tool, said] of [
      ['with-nul', `file ${directory}/nul: holds a NUL byte`],
      ['open-file', `file ${directory}/open: `],
      ['no-variable', 'env NOT_THERE_AT_ALL: is not in the gateway'],
      ['short', 'secret short: is shorter than 8 bytes'],
    ] as const) {
      await expectUnavailable(tool);
      expect(gateway.stderr).toContain(said);
    }
    const [outcome] = gateway
      .audit()
      .filter((one) => one['event'] === 'outcome')
      .toReversed();
    expect(outcome).toMatchObject({ tool: 'short', kind: 'failed', reason: 'secret-unavailable' });
  });

  it('is remembered: its command is not run again at once, and frames say when it is', async () => {
    await expectUnavailable('failing');
    await expectUnavailable('failing');
    const done = await gateway.ssh([frame({ tool: 'failing', argv: [path('x')], reply: 'frames' })]);
    const error = replyEvents(done.stdout).at(-1);
    expect(error).toMatchObject({ event: 'error', code: 'secret-unavailable', status: 69, retriable: true });
    expect(error?.['retryAfterMs']).toBeGreaterThan(0);
    expect(error?.['retryAfterMs']).toBeLessThanOrEqual(5000);
    expect(runs('failing')).toBe(1);
  });

  it('keeps the tool from running though all others can be had, and is used once it is set', async () => {
    await expectUnavailable('missing');
    const health = await gateway.carapace(['health']);
    expect(health.status).toBe(1);
    expect(health.stdout.toString()).toMatch(/^secrets: failing: .*secret not-yet-set/m);
    const missing = await gateway.carapace(['secret', 'list']);
    expect(missing.stdout.toString()).toMatch(/^not-yet-set +missing +never +\S+ +test$/m);
    await gateway.setSecret('not-yet-set', OTHERS['set later']);
    expect(await callMarking('missing')).toMatchObject({ status: 0, ran: true, stderr: '' });
    expect((await gateway.carapace(['health'])).stdout.toString()).not.toContain('not-yet-set');
  });

  it('is not one of less than eight bytes where the policy says `redact: false`', async () => {
    expect(await callMarking('short-open')).toMatchObject({ status: 0, ran: true, stderr: '' });
  });
});
