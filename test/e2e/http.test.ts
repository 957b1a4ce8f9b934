/** Servers as clients reach them: stock ssh's forwards and curl before a real gateway, and an upstream that keeps all it gets. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run, TestGateway, until } from '../helpers/gateway.ts';
import { ask, type Answer, Forwards, freePort, HttpUpstream } from '../helpers/http-upstream.ts';

const hasCurl = spawnSync('curl', ['--version'], { stdio: 'ignore' }).error === undefined;
const TOKEN = 'tok-9c1b7e2a6d80354f';

const policy = (origin: string, closed: number): string => `
version: 1
tools:
  web:
    type: http
    upstream: ${origin}
    allow: ["GET /echo", "POST /echo", "GET /echo/*/issues?state=*", "GET /events"]
    deny: ["* /echo/secret"]
    inject: {headers: {Authorization: "Bearer \${secret:token}"}}
  down: {type: http, upstream: "http://127.0.0.1:${closed}", allow: ["GET /echo"]}
  keyless:
    type: http
    upstream: ${origin}
    allow: ["GET /echo"]
    inject: {headers: {Authorization: "Bearer \${secret:missing}"}}
  rare: {type: http, upstream: "${origin}", allow: ["GET /echo"], rate_limit: {max_requests: 1, window_secs: 3600}}
  word: {type: cli, binary: /bin/echo, argv_allow_patterns: ["*"]}
`;
const OTHERS = (origin: string): string => `
version: 1
tools:
  theirs: {type: http, upstream: "${origin}", allow: ["GET /echo"]}
`;

let upstream: HttpUpstream;
let gateway: TestGateway;
let forwards: Forwards;
let socks = 0;
beforeAll(async () => {
  upstream = await HttpUpstream.start();
  socks = await freePort();
  gateway = await TestGateway.start({
    policies: { test: policy(upstream.origin, await freePort()), others: OTHERS(upstream.origin) },
    clients: { vm: ['test'], other: ['others'] },
    secrets: { token: TOKEN },
  });
  const targets = {
    web: 'web:80',
    'web-unix': '/web',
    down: 'down:80',
    keyless: 'keyless:80',
    rare: 'rare:80',
    none: 'none:80',
    port: 'web:81',
    word: 'word:80',
    theirs: 'theirs:80',
    file: '/etc/passwd',
    blank: '/we b',
  };
  forwards = await Forwards.open(gateway, targets, ['-D', `127.0.0.1:${socks}`]);
});
afterAll(async () => {
  forwards.close();
  upstream.stop();
  await gateway.stop();
});
beforeEach(() => upstream.forget());

const web = (path: string, asked = {}): Promise<Answer> => ask(forwards.socket('web'), path, asked);
const codeOf = ({ body }: Answer): string => (JSON.parse(body) as { error: { code: string } }).error.code;
const recordsOf = (event: string, tool: string): Record<string, unknown>[] =>
  gateway.audit().filter((one) => one['event'] === event && one['tool'] === tool);

/** It is written once the answer has left, so a client may be ahead of it. */
async function outcomeOf(tool: string, request: unknown): Promise<Record<string, unknown> | undefined> {
  const find = () => recordsOf('outcome', tool).find((one) => one['request'] === request);
  await until(() => find() !== undefined);
  return find();
}

describe.skipIf(!hasCurl)('curl reaches a capability', () => {
  const curl = (...args: string[]) => run('curl', ['-sS', '-m', '10', ...args]);

  it.each(['web', 'web-unix'])('over ssh -L to %s', async (name) => {
    const done = await curl('--unix-socket', forwards.socket(name), 'http://x/echo');
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(done.stdout.toString())).toMatchObject({ method: 'GET', url: '/echo' });
  });

  it('over ssh -D, by its name', async () => {
    const done = await curl('--socks5-hostname', `127.0.0.1:${socks}`, 'http://web/echo');
    expect(JSON.parse(done.stdout.toString())).toMatchObject({ method: 'GET', url: '/echo' });
  });

  it.each([
    ['none', 'none:80'],
    ['port', 'web:81'],
    ['word', 'word:80'],
    ['theirs', 'theirs:80'],
    ['file', '/etc/passwd'],
    ['blank', 'a malformed name'],
  ])('but not what it was not granted: %s is as if nobody listened, and is recorded', async (name, feature) => {
    const done = await curl('--unix-socket', forwards.socket(name), 'http://x/echo');
    // Which of them depends on how soon ssh closes its side.
    expect([7, 52, 56]).toContain(done.status);
    expect(done.stdout).toHaveLength(0);
    const refused = gateway.audit().filter((one) => one['event'] === 'feature-refused');
    expect(refused.at(-1)).toMatchObject({ client: 'vm', feature: `forward to ${feature}` });
    expect(upstream.raw).toEqual([]);
  });

  it('but no other host over ssh -D', async () => {
    const { port } = new URL(upstream.origin);
    const done = await curl('--socks5-hostname', `127.0.0.1:${socks}`, `http://127.0.0.1:${port}/echo`);
    expect([7, 52, 56, 97]).toContain(done.status);
    expect(upstream.raw).toEqual([]);
  });
});

describe('the word tunnel', () => {
  const REQUEST = 'GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

  it('carries raw HTTP over the streams of a session', async () => {
    const child = gateway.spawnSsh(['carapace', 'tunnel', 'web']);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stdin?.write(REQUEST);
    const status = await new Promise((resolve) => child.once('close', resolve));
    expect(status).toBe(0);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(upstream.requests).toHaveLength(1);
  });

  it.each(['none', 'word', 'theirs'])('says no to %s', async (name) => {
    const done = await gateway.ssh(['tunnel', name], { input: REQUEST });
    expect(done.stdout).toHaveLength(0);
    expect(done.status).not.toBe(0);
    expect(done.stderr).toContain('no-such-tool');
  });
});

describe('the rules', () => {
  it.each([
    ['GET', '/echo'],
    ['HEAD', '/echo'],
    ['POST', '/echo'],
    ['GET', '/echo/a/issues'],
    ['GET', '/echo/a/issues?state=open%20now'],
  ])('allow %s %s, and the upstream gets what is on record', async (method, path) => {
    expect((await web(path, { method })).status).toBe(200);
    expect(upstream.requests).toMatchObject([{ method, url: path }]);
    const [got = '', query = null] = path.split('?');
    const record = recordsOf('decision', 'web').at(-1);
    expect(record).toMatchObject({ verdict: 'allow', type: 'http', http: { method, path: got, query } });
    const outcome = await outcomeOf('web', record?.['request']);
    expect(outcome).toMatchObject({ kind: 'answered', status: 200 });
  });

  it.each([
    ['DELETE', '/echo', 'no-rule'],
    ['GET', '/other', 'no-rule'],
    ['GET', '/echo?a=1', 'no-rule'],
    ['GET', '/echo/a/issues?other=1', 'no-rule'],
    ['GET', '/echo/secret/issues', 'rule-denies'],
    ['GET', '/echo/%73ecret/issues', 'rule-denies'],
  ])('refuse %s %s with 403, and the upstream gets nothing', async (method, path, reason) => {
    const answer = await web(path, { method });
    expect([answer.status, codeOf(answer)]).toEqual([403, reason]);
    expect(upstream.raw).toEqual([]);
    expect(recordsOf('decision', 'web').at(-1)).toMatchObject({ verdict: 'deny', reason, http: { method } });
  });
});

describe('headers and secrets', () => {
  const HOSTILE = {
    host: 'attacker.example',
    authorization: 'Bearer client-value',
    cookie: 'client-value',
    'proxy-authorization': 'client-value',
    'x-api-key': 'client-value',
    'x-forwarded-for': 'client-value',
    'x-forwarded-host': 'client-value',
    forwarded: 'for=client-value',
    via: 'client-value',
    connection: 'keep-alive, x-hop',
    'x-hop': 'client-value',
    'keep-alive': 'client-value',
    te: 'client-value',
    'x-http-method-override': 'DELETE',
    origin: 'http://client-value',
  };

  it('of the client do not arrive where they prove, route or hop; those of the gateway do', async () => {
    await web('/echo', { headers: { ...HOSTILE, accept: 'text/x-kept' } });
    expect(upstream.bytes).not.toContain('client-value');
    expect(upstream.bytes).not.toContain('attacker');
    expect(upstream.bytes).not.toContain('DELETE');
    const { host } = new URL(upstream.origin);
    expect(upstream.requests[0]?.headers).toMatchObject({
      host,
      authorization: `Bearer ${TOKEN}`,
      accept: 'text/x-kept',
    });
  });

  it('that the upstream echoes are redacted in the answer, and counted', async () => {
    const answer = await web('/echo');
    expect(upstream.bytes).toContain(TOKEN);
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
    expect(answer.body).toContain('[redacted:token]');
    const outcome = await outcomeOf('web', recordsOf('decision', 'web').at(-1)?.['request']);
    expect(outcome).toMatchObject({ redactions: { token: 1 } });
  });

  it('that are missing end it with 503 before anything is sent', async () => {
    const answer = await ask(forwards.socket('keyless'), '/echo');
    expect([answer.status, codeOf(answer)]).toEqual([503, 'secret-unavailable']);
    expect(answer.body).not.toContain('missing');
    expect(upstream.raw).toEqual([]);
    expect(recordsOf('outcome', 'keyless')).toMatchObject([{ kind: 'failed', reason: 'secret-unavailable' }]);
  });
});

describe('limits and failures', () => {
  it('an upstream that is down is a 502 on record', async () => {
    const answer = await ask(forwards.socket('down'), '/echo');
    expect([answer.status, codeOf(answer)]).toEqual([502, 'upstream-unavailable']);
    expect(recordsOf('outcome', 'down')).toMatchObject([{ kind: 'failed', reason: 'upstream-unavailable' }]);
  });

  it('what is beyond the rate gets 429 and when to try again', async () => {
    expect((await ask(forwards.socket('rare'), '/echo')).status).toBe(200);
    const answer = await ask(forwards.socket('rare'), '/echo');
    expect([answer.status, codeOf(answer)]).toEqual([429, 'rate-limited']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3500);
    expect(upstream.requests).toHaveLength(1);
  });
});
