import { appendFileSync, chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveDirectory } from '../../src/cli/directory.ts';
import { openStoreOf } from '../../src/cli/secret-store.ts';
import { newIdentity } from '../../src/engine/secrets/store-age.ts';
import type { SecretStore } from '../../src/engine/secrets/store.ts';
import { openUsageLog } from '../../src/engine/secrets/usage.ts';
import { Secret } from '../../src/model/secret.ts';
import { type GatewayDirectory, makeGatewayDirectory } from '../fixtures/gateway-directory.ts';
import { findings } from './doctor-findings.ts';

const VALUE = 'hunter2-hunter2';

let directory: GatewayDirectory;
let store: SecretStore;
beforeEach(() => {
  directory = makeGatewayDirectory();
  store = openStoreOf(resolveDirectory(directory.path));
});
afterEach(() => {
  directory.remove();
});

function state(...names: string[]): string {
  return join(directory.path, 'state', ...names);
}

function inject(lines: string): void {
  const head =
    'tools:\n  id:\n    type: cli\n    binary: /usr/bin/id\n    argv_allow_patterns: ["-u"]\n    env_inject:\n';
  directory.writePolicy('p', `${head}${lines.replace(/^/gm, '      ')}\n`);
}

/** What it says of one variable: every status with its message. */
async function ofVariable(name: string): Promise<string[]> {
  const { all, text } = await findings(directory.path);
  expect(text).not.toContain('hunter2');
  const own = all.filter(({ subject }) => /^policies\/p\.yaml:\d+: (.*)$/.exec(subject)?.[1] === name);
  return own.map(({ status, message }) => `${status} ${message}`);
}

describe('doctor, of the secret store', () => {
  it('names what is stored, opens it, and shows no value', async () => {
    inject('A: {secret: one}');
    await store.write('one', new Secret(VALUE));
    await store.write('two', new Secret(VALUE));
    const { status, of, text } = await findings(directory.path);
    expect(status).toBe(0);
    expect(text).not.toContain('hunter2');
    expect(of('store')[0]?.message).toContain('2 secrets');
    expect(of('identity')[0]?.status).toBe('ok');
    expect(of('secret one')).toEqual([
      expect.objectContaining({ status: 'ok', message: 'can be decrypted; needed by p' }),
    ]);
    expect(of('secret two')).toEqual([
      expect.objectContaining({
        status: 'info',
        message: 'can be decrypted; no policy refers to it',
        hint: `if nobody needs it: carapace secret remove two --dir ${directory.path}`,
      }),
    ]);
  });

  it.each<[what: string, subject: string, message: RegExp, spoil: () => void | Promise<void>]>([
    ['open to others', 'store', /mode 0750: others may read/, () => chmodSync(state('secrets'), 0o750)],
    [
      'in a file that others may read',
      'secret one',
      /has mode 0644/,
      () => chmodSync(state('secrets', 'one.age'), 0o644),
    ],
    [
      'damaged',
      'secret one',
      /is damaged/,
      () => writeFileSync(state('secrets', 'one.age'), 'age-encryption.org/v1\n'),
    ],
    [
      'in the place of another',
      'secret two',
      /holds the secret 'one'/,
      () => renameSync(state('secrets', 'one.age'), state('secrets', 'two.age')),
    ],
    ['without its identity', 'identity', /is missing/, () => rmSync(state('secrets.key'))],
    ['with an identity that others may read', 'identity', /mode 0640/, () => chmodSync(state('secrets.key'), 0o640)],
    [
      'encrypted to another identity',
      'secret one',
      /is encrypted to another identity/,
      async () => writeFileSync(state('secrets.key'), `${(await newIdentity()).reveal()}\n`, { mode: 0o600 }),
    ],
  ])('fails where it is %s', async (_what, subject, message, spoil) => {
    await store.write('one', new Secret(VALUE));
    await spoil();
    const { status, of } = await findings(directory.path);
    expect(status).toBe(1);
    expect(of(subject)).toEqual([expect.objectContaining({ status: 'fail', message: expect.stringMatching(message) })]);
    expect(of(subject)[0]?.hint).not.toBeNull();
  });

  it('asks nobody for a passphrase, and says what it did not look at', async () => {
    inject('A: {secret: one}\nB: {secret: two}');
    await store.write('one', new Secret(VALUE));
    renameSync(state('secrets.key'), state('secrets.key.age'));
    const { of } = await findings(directory.path);
    expect(of('identity')).toEqual([expect.objectContaining({ status: 'info' })]);
    expect(of('secret one')[0]).toMatchObject({
      status: 'info',
      message: 'is there, and not opened here; needed by p',
    });
    expect(await ofVariable('A')).toEqual(['info secret one: is stored, and not opened here']);
    expect(await ofVariable('B')).toEqual(['fail secret two: is not stored']);
    chmodSync(state('secrets.key.age'), 0o644);
    expect((await findings(directory.path)).of('identity')[0]?.status).toBe('fail');
  });

  it('says of no secret that it is well where the identity is missing', async () => {
    inject('A: {secret: one}');
    for (const name of ['one', 'two']) await store.write(name, new Secret(VALUE));
    rmSync(state('secrets.key'));
    const { of } = await findings(directory.path);
    expect([of('identity')[0]?.status, of('secret one')[0]?.status, of('secret two')[0]?.status]).toEqual([
      'fail',
      'info',
      'info',
    ]);
    expect(await ofVariable('A')).toEqual(['info secret one: is stored, and not opened here']);
  });

  it('fails once where others may reach the store, however many secrets it has', async () => {
    inject('A: {secret: one}\nB: {secret: gone}');
    for (const name of ['one', 'two']) await store.write(name, new Secret(VALUE));
    chmodSync(state('secrets'), 0o755);
    const { all } = await findings(directory.path);
    const failed = all.filter(({ status }) => status === 'fail').map(({ check, message }) => [check, message]);
    expect(failed).toEqual([
      ['store', expect.stringContaining('mode 0755')],
      ['references', 'secret gone: is not stored'],
    ]);
  });

  it('warns of a rotation that was not finished', async () => {
    await store.write('one', new Secret(VALUE));
    appendFileSync(
      state('secrets.key'),
      `${(await newIdentity()).reveal()}
`,
    );
    expect((await findings(directory.path)).of('identity')[0]).toMatchObject({
      status: 'warn',
      hint: `run again: carapace secret rotate-key --dir ${directory.path}`,
    });
  });

  it('warns of what failed lately, unless it worked since or nobody needs it', async () => {
    inject('A: {secret: one}\nB: {secret: two}');
    await store.write('one', new Secret(VALUE));
    let now = new Date('2027-01-01T00:00:00Z');
    const usage = openUsageLog(state(), () => now);
    for (const name of ['one', 'two', 'renamed']) usage.failed(name, `secret ${name}: is empty`);
    now = new Date('2027-01-01T00:00:01Z');
    usage.used('two');
    await usage.close();
    const failed = (await findings(directory.path)).all.filter(({ check }) => check === 'failures');
    expect(failed.map(({ status, subject }) => [status, subject])).toEqual([['warn', 'secret one']]);
  });
});

describe('doctor, of what policies refer to', () => {
  it('says of each variable whether a call would get it', async () => {
    inject(
      'A: {secret: one}\nB: "Bearer ${secret:short}"\nC: {secret: short, redact: false}\nD: {secret: gone}\nE: text',
    );
    await store.write('one', new Secret(VALUE));
    await store.write('short', new Secret('abc'));
    expect(await ofVariable('A')).toEqual(['ok secret one']);
    expect(await ofVariable('B')).toEqual([expect.stringMatching(/^fail .*short.*8 bytes/)]);
    expect(await ofVariable('C')).toEqual(['ok secret short']);
    expect(await ofVariable('D')).toEqual(['fail secret gone: is not stored']);
    expect(await ofVariable('E')).toEqual([]);
    const { of } = await findings(directory.path);
    expect(of('policies/p.yaml:10: D')[0]?.hint).toBe(`run: carapace secret set gone --dir ${directory.path}`);
  });

  it('fails where a value is too long to be taken out of outputs, which a call would do', async () => {
    inject('A: {secret: long}\nB: {secret: long, redact: false}');
    await store.write('long', new Secret('x'.repeat(64 * 1024 + 1)));
    expect(await ofVariable('A')).toEqual([expect.stringMatching(/^fail .*long: has more than 65536 bytes/)]);
    expect(await ofVariable('B')).toEqual(['ok secret long']);
  });

  it('judges files as a call would', async () => {
    const [good, open] = [join(directory.path, 'good'), join(directory.path, 'open')];
    inject(`A: {file: ${good}}\nB: {file: ${open}}\nC: {file: /nowhere/x}`);
    writeFileSync(good, `${VALUE}\n`, { mode: 0o600 });
    writeFileSync(open, `${VALUE}\n`);
    chmodSync(open, 0o644);
    expect(await ofVariable('A')).toEqual([`ok file ${good}`]);
    expect(await ofVariable('B')).toEqual([expect.stringMatching(/^fail file .*mode 0644: others may read it/)]);
    expect(await ofVariable('C')).toEqual([expect.stringMatching(/^fail file \/nowhere\/x: does not exist/)]);
  });

  it('says that what only the gateway has was not checked', async () => {
    inject('A: {env: SOME_TOKEN}\nB: {credential: token}');
    expect(await ofVariable('A')).toEqual([expect.stringMatching(/^info env SOME_TOKEN: not checked here/)]);
    expect(await ofVariable('B')).toEqual([expect.stringMatching(/^info credential token: not checked here/)]);
  });

  it('looks at programs and runs none', async () => {
    const bin = join(directory.path, 'bin');
    const [good, open, mark] = [join(bin, 'good'), join(bin, 'open'), join(directory.path, 'it-ran')];
    mkdirSync(bin, { mode: 0o755 });
    for (const program of [good, open]) writeFileSync(program, `#!/bin/sh\ntouch ${mark}; echo ${VALUE}\n`);
    chmodSync(good, 0o755);
    chmodSync(open, 0o777);
    inject(
      `A: {command: [${good}]}\nB: {command: [${open}]}\nC: {command: [/nowhere/x]}\nD: {command: [/bin/sh, -c, x]}`,
    );
    expect(await ofVariable('A')).toEqual([`ok command ${good}: is there, and was not run`]);
    expect(await ofVariable('B')).toEqual([expect.stringMatching(/^fail .* can be written by others/)]);
    expect(await ofVariable('C')).toEqual(['fail command /nowhere/x: is not there']);
    expect(await ofVariable('D')).toEqual(['ok command /bin/sh: is there, and was not run']);
    expect(existsSync(mark)).toBe(false);
  });

  it('asks no token server, and looks whether both secrets of an OAuth client are there', async () => {
    inject(
      'A: {oauth2: {token_url: "http://127.0.0.1:1/t", client: {id: c, secret: {secret: client}}, refresh: refresh}}',
    );
    await store.write('client', new Secret(VALUE));
    expect(await ofVariable('A')).toEqual(['fail secret refresh: is not stored', 'ok secret client']);
    await store.write('refresh', new Secret(VALUE));
    expect(await ofVariable('A')).toEqual(['ok secret refresh', 'ok secret client']);
  });
});
