import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { openSecretStore } from '../../src/engine/secrets/store.ts';
import { openUsageLog } from '../../src/engine/secrets/usage.ts';
import type { GatewayDirectory } from '../fixtures/gateway-directory.ts';
import { makeGatewayDirectory } from '../fixtures/gateway-directory.ts';
import { type Ran, runCommand } from './run-command.ts';

const VALUE = 'hunter2-hunter2';

/** A policy whose tool needs what `inject` says. */
function policy(inject: string, tool = 'id'): string {
  return `tools:\n  ${tool}:\n    type: cli\n    binary: /usr/bin/id\n    argv_allow_patterns: ["-u"]\n    env_inject: ${inject}\n`;
}

describe('the secret commands', () => {
  let directory: GatewayDirectory;
  const state = (): string => join(directory.path, 'state');
  /** `carapace secret WORDS`, with `input` on standard input. No value may be in what it prints. */
  const secret = async (words: readonly string[], input: string | Buffer = ''): Promise<Ran> => {
    const ran = await runCommand(() => runProgram(['secret', ...words, '--dir', directory.path]), [input]);
    expect(ran.stdout + ran.stderr).not.toContain('hunter2');
    return ran;
  };
  const stored = async (name: string): Promise<string> => {
    const store = openSecretStore({
      stateDirectory: state(),
      credentialsDirectory: undefined,
      askPassphrase: () => Promise.reject(new Error('nobody is to be asked')),
    });
    return (await store.read(name)).reveal();
  };
  const json = ({ stdout }: Ran): unknown => JSON.parse(stdout);

  beforeEach(() => {
    directory = makeGatewayDirectory();
  });
  afterEach(() => {
    directory.remove();
  });

  it('store what stands on standard input, without one newline at its end', async () => {
    expect(await secret(['set', 'token'], `${VALUE}\n`)).toEqual({ status: 0, stdout: 'token: set\n', stderr: '' });
    expect(await stored('token')).toBe(VALUE);
    expect(await secret(['set', 'token'], ' hunter2 two\r\n')).toMatchObject({ stdout: 'token: replaced\n' });
    expect(await stored('token')).toBe(' hunter2 two');
    await secret(['set', 'key'], 'hunter2\nhunter2\n\n');
    expect(await stored('key')).toBe('hunter2\nhunter2\n');
  });

  it('warn of a value that is too short to be taken out of what tools print', async () => {
    const warned = await secret(['set', 'pin'], '1234567');
    expect(warned).toMatchObject({ status: 0, stdout: 'pin: set\n' });
    expect(warned.stderr).toContain("carapace: warning: secret 'pin': has fewer than 8 bytes");
    expect(await secret(['set', 'pin'], '12345678')).toMatchObject({ stderr: '' });
    expect(json(await secret(['set', 'pin', '--json'], 'é'))).toEqual({
      name: 'pin',
      action: 'replaced',
      redactable: false,
    });
  });

  it('warn of a value that is too long to be taken out of what tools print', async () => {
    const warned = await secret(['set', 'long'], 'x'.repeat(64 * 1024 + 1));
    expect(warned).toMatchObject({ status: 0, stdout: 'long: set\n' });
    expect(warned.stderr).toContain(
      "carapace: warning: secret 'long': has more than 65536 bytes, too many to be taken",
    );
    expect(warned.stderr).toContain('carapace: hint: calls that need it fail unless the policy says `redact: false`');
    expect(await secret(['set', 'long'], 'x'.repeat(64 * 1024))).toMatchObject({ stderr: '' });
    const tooLong = await secret(['set', 'long', '--json'], 'x'.repeat(64 * 1024 + 1));
    expect(json(tooLong)).toMatchObject({ redactable: false });
  });

  it.each([
    ['', 'is empty'],
    ['\n', 'is empty'],
    ['hunter2\0', 'holds a NUL byte'],
    [Buffer.from([0x68, 0xff]), 'standard input: is not UTF-8'],
    ['x'.repeat(1024 * 1024 + 1), 'is larger than 1048576 bytes'],
    ['x'.repeat(1024 * 1024 + 3), 'standard input: is larger than 1048576 bytes'],
  ])('store nothing of a value that cannot be stored (number %#)', async (input, problem) => {
    const refused = await secret(['set', 'token'], input);
    expect(refused).toMatchObject({ status: 65, stdout: '' });
    expect(refused.stderr).toContain(problem);
    expect(existsSync(join(state(), 'secrets'))).toBe(false);
  });

  it.each([
    ['set', 'token', 'hunter2'],
    ['set', 'token', '--value', 'hunter2'],
    ['set', 'token', '--value=hunter2'],
    ['set', '--hunter2', 'token'],
    ['set', 'token=hunter2'],
    ['set', 'hunter2/hunter2=='],
    ['remove', 'token=hunter2'],
  ])('take no value from the command line, and do not repeat it: %j', async (...words) => {
    const refused = await secret(words, VALUE);
    expect(refused).toMatchObject({ status: 64, stdout: '' });
    expect(existsSync(state())).toBe(false);
  });

  it('list what is stored, what is needed and what is missing, and never a value', async () => {
    directory.writePolicy('op', policy('{A: {secret: token}, B: "Bearer ${secret:other}"}'));
    const oauth2 =
      '{oauth2: {token_url: "https://a.example/t", client: {id: c, secret: {secret: client}}, refresh: refresh}}';
    directory.writePolicy('mail', policy(`{A: ${oauth2}, B: {env: HOME}, C: {secret: token}}`, 'mail'));
    await secret(['set', 'token'], VALUE);
    await secret(['set', 'unused'], VALUE);
    const log = openUsageLog(state(), () => new Date('2026-02-03T04:05:06Z'));
    log.used('token');
    log.failed('unused', 'was read by the wrong one');
    await log.close();
    const listed = await secret(['list']);
    const rows = listed.stdout.split('\n').map((line) => line.split(/  +/));
    expect(rows.map(([name, , used, failed, policies]) => [name, used, failed, policies])).toEqual([
      ['SECRET', 'LAST USED', 'LAST FAILURE', 'POLICIES'],
      ['client', 'never', '-', 'mail'],
      ['other', 'never', '-', 'op'],
      ['refresh', 'never', '-', 'mail'],
      ['token', '2026-02-03T04:05:06Z', '-', 'mail,op'],
      ['unused', 'never', '2026-02-03T04:05:06Z', 'none'],
      ['', undefined, undefined, undefined],
    ]);
    expect(rows[1]?.[1]).toBe('missing');
    expect(listed.stderr).toContain(
      "secret 'other': is not stored, and needed by op\ncarapace: hint: run: carapace secret set other",
    );
    expect(listed.stderr).toContain("secret 'unused': failed at 2026-02-03T04:05:06.000Z: was read by the wrong one");
    expect(json(await secret(['list', '--json']))).toMatchObject({
      secrets: [
        {
          name: 'token',
          problem: null,
          lastUsedAt: '2026-02-03T04:05:06.000Z',
          lastFailure: null,
          policies: ['mail', 'op'],
        },
        { name: 'unused', lastUsedAt: null, lastFailure: { problem: 'was read by the wrong one' }, policies: [] },
      ],
      missing: [
        { name: 'client', policies: ['mail'] },
        { name: 'other', policies: ['op'] },
        { name: 'refresh', policies: ['mail'] },
      ],
      problems: [],
    });
  });

  it('list without policies, and where they do not load', async () => {
    expect(await secret(['list'])).toMatchObject({
      status: 0,
      stdout: 'no secrets; carapace secret set NAME stores one\n',
    });
    await secret(['set', 'token'], VALUE);
    chmodSync(join(state(), 'secrets/token.age'), 0o644);
    directory.writePolicy('op', 'tools: 7\n');
    const listed = await secret(['list']);
    expect(listed.stdout).toContain('unknown');
    expect(listed.stderr).toContain("secret 'token': has mode 0644: others may read or write it");
    expect(listed.stderr).toContain('policies: do not load');
    rmSync(directory.policiesDirectory, { recursive: true });
    expect(await secret(['list'])).toMatchObject({ status: 0 });
  });

  it('remove only what no policy needs, unless they are told to', async () => {
    directory.writePolicy('op', policy('{A: {secret: token}}'));
    await secret(['set', 'token'], VALUE);
    await secret(['set', 'spare'], VALUE);
    expect(await secret(['remove', 'spare'])).toEqual({ status: 0, stdout: 'spare: removed\n', stderr: '' });
    const refused = await secret(['remove', 'token']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain("carapace: error: secret 'token': is needed by op\n");
    directory.writePolicy('op', 'tools: 7\n');
    expect(await secret(['remove', 'token'])).toMatchObject({ status: 1 });
    expect(await stored('token')).toBe(VALUE);
    expect(json(await secret(['remove', 'token', '--force', '--json']))).toEqual({ name: 'token', action: 'removed' });
    await expect(stored('token')).rejects.toMatchObject({ code: 'secret-missing' });
  });

  it('name the nearest secret where there is none of that name', async () => {
    await secret(['set', 'api-token'], VALUE);
    expect(await secret(['remove', 'api-tokn'])).toMatchObject({
      status: 1,
      stderr:
        "carapace: error: secret 'api-tokn': does not exist (did you mean 'api-token'?)\ncarapace: hint: run: carapace secret list\n",
    });
  });

  it('give the store a new identity', async () => {
    await secret(['set', 'token'], VALUE);
    const key = readFileSync(join(state(), 'secrets.key'), 'utf8');
    const rotated = await secret(['rotate-key']);
    expect(rotated).toMatchObject({ status: 0, stderr: '' });
    expect(rotated.stdout).toMatch(/^secrets: made a new identity; 1 encrypted to it\nidentity: \S+secrets\.key\n$/);
    expect(readFileSync(join(state(), 'secrets.key'), 'utf8')).not.toBe(key);
    expect(await stored('token')).toBe(VALUE);
    expect(json(await secret(['rotate-key', '--json']))).toEqual({
      identity: { kind: 'file', path: join(state(), 'secrets.key') },
      secrets: 1,
      resumed: false,
    });
  });

  it('ask for no passphrase where there is no terminal', async () => {
    await secret(['set', 'token'], VALUE);
    expect(await secret(['rotate-key', '--passphrase'], 'correct horse battery')).toMatchObject({ status: 64 });
    mkdirSync(state(), { recursive: true });
    writeFileSync(join(state(), 'secrets.key.age'), 'x', { mode: 0o600 });
    const refused = await secret(['set', 'other'], VALUE);
    expect(refused.status).toBe(78);
    expect(refused.stderr).toContain("secrets.key.age' takes one, and there is no terminal");
  });
});
