/** Access tokens through the whole gateway: one refresh whoever asks, and a rotated refresh token that is not lost. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MARK, rotating, startTokenServer, type TokenServer } from '../engine/secrets/resolver-fixtures.ts';
import { finish, frame, TestGateway } from '../helpers/gateway.ts';

const AT_ONCE = 50;
/** Seconds that the first access token lives; the others outlive the tests. */
const LIFE = 2;
const CLIENT_SECRET = 'of the oauth client 6d3c&=%';

const directory = mkdtempSync(join(tmpdir(), 'carapace-oauth2-'));
const marks = join(directory, 'marks');

function policy(url: string): string {
  const client = 'client: {id: "an id", secret: {secret: client-secret}, auth: basic}';
  const token = `{oauth2: {token_url: "${url}", ${client}, refresh: grant, scope: read}}`;
  return `
version: 1
tools:
  # Each call appends its token to a file.
  save:
    type: cli
    binary: /bin/sh
    argv_allow_patterns: ['-c "printf \\"%s\\\\n\\" \\"$ACCESS\\" >> ${marks}"']
    max_concurrent: 64
    env_inject: {ACCESS: ${token}}
  print:
    type: cli
    binary: /usr/bin/printenv
    argv_allow_patterns: [ACCESS]
    env_inject: {ACCESS: ${token}}
`;
}

let server: TokenServer;
let gateway: TestGateway;
let master: ChildProcess;
beforeAll(async () => {
  server = await startTokenServer();
  const answer = rotating(3600);
  server.answer = async (request) => {
    // Long enough for all callers to be there while it is on its way.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const given = answer(request);
    const isFirst = server.seen.length === 1 && typeof given !== 'function';
    return isFirst ? { json: { ...(given.json as object), expires_in: LIFE } } : given;
  };
  gateway = await TestGateway.start({
    policies: { test: policy(server.url) },
    secrets: { grant: `${MARK}-refresh-0`, 'client-secret': CLIENT_SECRET },
  });
  // All tokens of the server begin with it.
  gateway.keepSecret('token', MARK);
  master = await gateway.openMaster();
});
afterAll(async () => {
  master.kill();
  await server.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** The tokens that calls at once got; each has to succeed. */
async function tokensOf(calls: number): Promise<string[]> {
  rmSync(marks, { force: true });
  const request = frame({ tool: 'save', argv: ['-c', `printf "%s\\n" "$ACCESS" >> ${marks}`] });
  const all = await Promise.all(Array.from({ length: calls }, () => finish(gateway.spawnSsh(['mux', request]))));
  expect(all.map(({ status, stderr }) => `${status} ${stderr}`)).toEqual(all.map(() => '0 '));
  return readFileSync(marks, 'utf8').split('\n').slice(0, -1);
}

function repeated(token: string): string[] {
  return Array.from({ length: AT_ONCE }, () => token);
}

async function grantSetAt(): Promise<string> {
  const { stdout } = await gateway.carapace(['secret', 'list', '--json']);
  const { secrets } = JSON.parse(stdout.toString()) as { secrets: { name: string; setAt: string }[] };
  return secrets.find(({ name }) => name === 'grant')?.setAt ?? '';
}

const expired = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LIFE * 1000 + 100));

describe('an access token', () => {
  it('is not asked for before a call needs it', () => {
    expect(server.seen).toEqual([]);
  });

  it(`of which ${AT_ONCE} concurrent calls find none is refreshed once, with what the policy says`, async () => {
    expect(await tokensOf(AT_ONCE)).toEqual(repeated(`${MARK}-access-1`));
    expect(server.seen).toHaveLength(1);
    const [request] = server.seen;
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: `${MARK}-refresh-0`,
      scope: 'read',
    });
    const basic = Buffer.from('an+id:of+the+oauth+client+6d3c%26%3D%25').toString('base64');
    expect(request?.headers.authorization).toBe(`Basic ${basic}`);
  });

  it(`of which ${AT_ONCE} concurrent calls need the same expired one is refreshed once, with the rotated refresh token`, async () => {
    const setAt = await grantSetAt();
    await expired();
    const before = server.seen.length;
    expect(await tokensOf(AT_ONCE)).toEqual(repeated(`${MARK}-access-2`));
    expect(server.seen.slice(before).map(({ form }) => form.get('refresh_token'))).toEqual([`${MARK}-refresh-1`]);
    const storedAt = await grantSetAt();
    expect(storedAt > setAt, `${storedAt} is later than ${setAt}`).toBe(true);
  });

  it('does not reach the client', async () => {
    const done = await finish(gateway.spawnSsh(['mux', 'print', 'ACCESS']));
    expect(done.stdout.toString()).toBe('[redacted:ACCESS]\n');
  });

  it('is got with the stored refresh token by a gateway that was killed and started again', async () => {
    master.kill();
    gateway.child.kill('SIGKILL');
    await gateway.launch();
    const before = server.seen.length;
    master = await gateway.openMaster();
    const next = `${MARK}-refresh-${before}`;
    expect(await tokensOf(1)).toEqual([`${MARK}-access-${before + 1}`]);
    expect(server.seen.at(-1)?.form.get('refresh_token')).toBe(next);
  });

  it('is 69 where the server answers invalid_grant, until another refresh token is set', async () => {
    await gateway.setSecret('grant', `${MARK}-refresh-0`);
    rmSync(marks, { force: true });
    const before = server.seen.length;
    const calls = [await gateway.ssh(['print', 'ACCESS']), await gateway.ssh(['print', 'ACCESS'])];
    for (const { status, stdout, stderr } of calls) {
      expect([status, stdout.toString()]).toEqual([69, '']);
      expect(stderr).toMatch(/^carapace: error: print: .+ \(secret-unavailable, request \S+\)\n/);
      expect(stderr).not.toMatch(/grant|127\.0\.0\.1|oauth/);
    }
    expect(server.seen).toHaveLength(before + 1);
    expect(existsSync(marks)).toBe(false);
    expect(gateway.stderr).toContain('the refresh token was refused (invalid_grant)');
    const health = await gateway.carapace(['health']);
    expect(health.stdout.toString()).toMatch(/^secrets: failing: .*oauth2 grant: the refresh token was refused/m);
    await gateway.setSecret('grant', `${MARK}-refresh-${before}`);
    expect((await gateway.ssh(['print', 'ACCESS'])).status).toBe(0);
  });
});
