/** Profiles through the real gateway: calls are read as the tool reads them, files are judged by where they lead. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestGateway, until } from '../helpers/gateway.ts';

let gateway: TestGateway;
let data: string;

function policy(lines: string): string {
  return `
version: 1
tools:
  sort:
    type: cli
    binary: /usr/bin/sort
    cwd_allowed: ["${data}"]
    argv_allow_patterns: ["-r *", "*"]
${lines}`;
}

beforeEach(async () => {
  data = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-data-')));
  writeFileSync(join(data, 'fruit'), 'pear\napple\n');
  symlinkSync('/etc/passwd', join(data, 'link'));
  gateway = await TestGateway.start({ policies: { test: policy('') } });
});
afterEach(async () => {
  await gateway.stop();
  rmSync(data, { recursive: true });
});

async function call(...argv: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const { status, stdout, stderr } = await gateway.ssh(['sort', ...argv]);
  return { status, out: stdout.toString(), err: stderr };
}

describe('a call of a tool with a profile', () => {
  it('passes however it is spelled, and is refused with what is not safe in it', async () => {
    expect(await call('-u', 'fruit')).toMatchObject({ status: 0, out: 'apple\npear\n' });
    expect(await call('fruit', '-ru')).toMatchObject({ status: 0, out: 'pear\napple\n' });
    expect(await call('fruit', '-uo/tmp/x')).toMatchObject({
      status: 126,
      err: expect.stringContaining('option -o is not allowed'),
    });
    expect(await call('--compress-prog=/bin/sh', 'fruit')).toMatchObject({
      status: 126,
      err: expect.stringContaining('write --compress-program'),
    });
  });

  it('leaves a record of what was refused', async () => {
    await call('fruit', '-uo/tmp/x');
    const denied = gateway.audit().filter((one) => one['event'] === 'decision' && one['verdict'] === 'deny');
    expect(denied).toMatchObject([{ tool: 'sort', reason: 'option-refused', argv: ['fruit', '-uo/tmp/x'] }]);
  });
});

describe('files that a wildcard stands for', () => {
  it('are refused through a link that leads out, and in the gateway’s own directory', async () => {
    expect(await call('link')).toMatchObject({ status: 126, err: expect.stringContaining('path-refused') });
    expect(await call('../fruit')).toMatchObject({ status: 126, err: expect.stringContaining('path-refused') });
    expect(await call('/etc/passwd')).toMatchObject({ status: 126, err: expect.stringContaining('path-refused') });
    gateway.writePolicy('test', policy('').replace(`["${data}"]`, `["${data}", "${gateway.dir}"]`));
    await until(async () => (await call(join(gateway.dir, 'policies', 'test.yaml'))).err.includes('path-refused'));
    expect((await call('fruit')).status).toBe(0);
  });
});

describe('the operator’s own profiles', () => {
  const own = `
profile: 1
tool: sort
versions: "own"
sources: ["this test"]
parser: getopt_long
operands: "[<file>...]"
options: {safe: "-r, --reverse", writes-file: "-u"}
`;

  it('win over those that come with the gateway, within a second, all or nothing', async () => {
    const folder = join(gateway.dir, 'policies', 'profiles');
    mkdirSync(folder);
    expect((await call('-u', 'fruit')).status).toBe(0);
    writeFileSync(join(folder, 'sort.yaml'), own);
    await until(async () => (await call('-u', 'fruit')).status === 126);
    expect((await call('-r', 'fruit')).status).toBe(0);

    writeFileSync(join(folder, 'sort.yaml'), own.replace('-u"', '-u <nothing>"'));
    await until(() => gateway.audit().some((one) => one['event'] === 'reload' && one['ok'] === false));
    expect([(await call('-r', 'fruit')).status, (await call('-u', 'fruit')).status]).toEqual([0, 126]);

    rmSync(join(folder, 'sort.yaml'));
    await until(async () => (await call('-u', 'fruit')).status === 0);
  });

  it('fail the tests of policies that no longer hold, and then change nothing', async () => {
    gateway.writePolicy('test', policy('    tests: [{allow: -u fruit}]\n'));
    await until(() => gateway.audit().some((one) => one['event'] === 'reload' && one['what'] === 'policies'));
    mkdirSync(join(gateway.dir, 'policies', 'profiles'));
    writeFileSync(join(gateway.dir, 'policies', 'profiles', 'sort.yaml'), own);
    await until(() => gateway.audit().some((one) => one['event'] === 'reload' && one['ok'] === false));
    expect((await call('-u', 'fruit')).status).toBe(0);
  });
});
