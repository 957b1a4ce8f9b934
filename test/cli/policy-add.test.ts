import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run as add, type PolicyAddOptions } from '../../src/cli/policy-add.ts';
import { presetNames, readPreset } from '../../src/cli/presets.ts';
import { runProgram } from '../../src/cli/program.ts';
import { resolveDirectory } from '../../src/cli/directory.ts';
import { openStoreOf } from '../../src/cli/secret-store.ts';
import { Secret } from '../../src/model/secret.ts';
import { type GatewayDirectory, makeGatewayDirectory, policyOf } from '../fixtures/gateway-directory.ts';
import { type Ran, runCommand } from './run-command.ts';

let directory: GatewayDirectory;
beforeEach(() => {
  directory = makeGatewayDirectory();
  vi.stubEnv('HOME', directory.path);
});
afterEach(() => {
  vi.unstubAllEnvs();
  directory.remove();
});

function policyAdd(...words: string[]): Promise<Ran> {
  return runCommand(() => runProgram(['policy', 'add', ...words, '--dir', directory.path]));
}

function addPreset(options: Partial<PolicyAddOptions>): Promise<number> {
  return add({ dir: directory.path, ...options });
}

function written(name: string): string {
  return readFileSync(join(directory.policiesDirectory, `${name}.yaml`), 'utf8');
}

/** Puts a program where the command looks last: `~/.local/bin`. */
function installProgram(name: string, mode = 0o755): string {
  const path = join(directory.path, '.local', 'bin', name);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, mode);
  return path;
}

describe('policy add', () => {
  it.each(presetNames())('copies %s, which loads, and says what to look at next', async (name) => {
    const { status, stdout, stderr } = await policyAdd(name);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^wrote .*/policies/${name}\\.yaml, from the preset ${name}\\n`));
    expect(stdout).toContain(`\ncheck next:\n  policies/${name}.yaml:`);
    expect(stdout).toContain(`carapace client add CLIENT --policy ${name} --key FILE --dir ${directory.path}\n`);
    expect(stdout).toContain(
      `\n  or, for a client that is there: carapace client set CLIENT --policy ${name} --dir ${directory.path}, with its other policies\n`,
    );
    const checked = await runCommand(() => runProgram(['policy', 'check', '--dir', directory.path]));
    expect(checked.status).toBe(0);
    const mode = statSync(join(directory.policiesDirectory, `${name}.yaml`)).mode & 0o777;
    expect(mode).toBe(0o644);
  });

  it('puts the program of this host in, and changes no other word and no comment', async () => {
    const program = installProgram('op');
    const { stdout } = await policyAdd('1password', '--as', 'op-read');
    const before = readPreset('1password').text.split('\n');
    const after = written('op-read').split('\n');
    const changed = after.flatMap((line, index) => (line === before[index] ? [] : [line]));
    expect(after).toHaveLength(before.length);
    expect(changed).toHaveLength(2);
    expect(changed[0]).toMatch(/^# yaml-language-server: \$schema=file:\/\/\/.*\/policies\/policy\.schema\.json$/);
    expect(changed[1]).toContain(`    binary: ${program} `);
    expect(changed[1]).toContain(/#.*/.exec(before.find((line) => line.includes('binary:')) ?? '')?.[0]);
    expect(stdout).toContain(`tools.op.binary: ${program}, as it was found on this host\n`);
  });

  it('says where it looked for a program that is nowhere, and does not take one that others could replace', async () => {
    const missing = await policyAdd('1password');
    expect(missing.stdout).toMatch(
      /tools\.op\.binary: \/usr\/bin\/op, which is not on this host, nor in any of \/usr\/local\/bin, /,
    );
    const program = installProgram('op', 0o777);
    const { stdout } = await policyAdd('1password', '--force');
    expect(stdout).toContain(`; ${program} is not taken: '${program}' can be written by others (mode 0777)`);
    expect(written('1password')).toContain('binary: /usr/bin/op ');
  });

  it('names what the tool is given, with its place', async () => {
    const { stdout } = await policyAdd('gog');
    const line =
      written('gog')
        .split('\n')
        .findIndex((text) => text.includes('HOME:')) + 1;
    expect(stdout).toContain(
      `policies/gog.yaml:${line}:13: tools.gog.env_inject.HOME: '/home/operator': what the tool`,
    );
  });

  it('names each secret that is needed, once, and how to store those that are not there', async () => {
    const first = await policyAdd('aws-read');
    const line =
      written('aws-read')
        .split('\n')
        .findIndex((text) => text.includes('aws-key-id}')) + 1;
    expect(first.stdout).toContain(`  policies/aws-read.yaml:${line}:35: secret aws-key-id: not set yet\n`);
    expect(first.stdout).toContain(
      `then:\n  carapace secret set aws-key-id --dir ${directory.path}\n  carapace secret set aws-secret-key`,
    );
    const store = openStoreOf(resolveDirectory(directory.path));
    await store.write('aws-key-id', new Secret('AKIA-not-a-real-one'));
    const second = await policyAdd('aws-read', '--force');
    expect(second.stdout).toContain(': secret aws-key-id: set\n');
    expect(second.stdout).toContain(': secret aws-secret-key: not set yet\n');
    expect(second.stdout).not.toContain('secret set aws-key-id');
    expect(second.stdout).not.toContain('AKIA');
  });

  it('names what is an example, with its places', async () => {
    const { stdout } = await policyAdd('1password');
    const lineOf = (text: string): number =>
      written('1password')
        .split('\n')
        .findIndex((line) => line.includes(text)) + 1;
    const first = lineOf('item list --vault Shared');
    const also = lineOf('item get * --vault Shared');
    expect(stdout).toContain(
      `policies/1password.yaml:${first}: 'Shared' (also in line ${also}): an example; change it`,
    );
    const json = await policyAdd('1password', '--as', 'second', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      preset: '1password',
      policy: 'second',
      path: join(directory.policiesDirectory, 'second.yaml'),
      tools: [{ tool: 'op', binary: '/usr/bin/op', found: false, insecure: [] }],
      secrets: [{ name: 'op-token', stored: false }],
      check: expect.arrayContaining([
        expect.objectContaining({ path: 'tools.op.env_inject.OP_SERVICE_ACCOUNT_TOKEN.secret', kind: 'secret' }),
      ]) as unknown,
    });
  });

  it('says of a server where its requests go, which secret it needs, and how the client forwards to it', async () => {
    const { stdout } = await policyAdd('telegram-bot');
    expect(stdout).toMatch(
      /\n {2}policies\/telegram-bot\.yaml:\d+:\d+: tools\.telegram\.upstream: https:\/\/api\.telegram\.org:443, where its requests go\n/,
    );
    expect(stdout).toContain(': secret telegram-token: not set yet\n');
    expect(stdout).toContain(`then:\n  carapace secret set telegram-token --dir ${directory.path}\n`);
    expect(stdout).toContain('\non the client machine:\n  LocalForward 127.0.0.1:18084 telegram:80    # in ssh_config');
    expect((await policyAdd('openai')).stdout).not.toContain('what the tool gets');
    const json = await policyAdd('openai', '--force', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      servers: [
        {
          tool: 'openai',
          upstream: 'https://api.openai.com:443',
          localForward: 'LocalForward 127.0.0.1:18081 openai:80',
        },
      ],
      secrets: [{ name: 'openai-key', stored: false }],
    });
  });

  it('never overwrites without being told to', async () => {
    directory.writePolicy('1password', policyOf('date'));
    await expect(addPreset({ name: '1password' })).rejects.toMatchObject({ code: 'policy-exists' });
    expect(written('1password')).toBe(policyOf('date'));
    expect((await policyAdd('1password', '--force')).status).toBe(0);
    expect(written('1password')).toContain('1Password');
  });

  it('warns where another policy has the same tool, which no key can have twice', async () => {
    directory.writePolicy('mine', policyOf('op', 'whoami'));
    const { stdout } = await policyAdd('1password');
    expect(stdout).toContain('tools.op: policies/mine.yaml:2 defines it too; no key can have both policies');
  });

  it('says what is wrong in other policies, but adds its own', async () => {
    directory.writePolicy('mine', 'tools: {op: {}}\n');
    const { status, stdout } = await policyAdd('1password');
    expect(status).toBe(0);
    expect(stdout).toContain('policies/mine.yaml:1:');
  });

  it('writes nothing that the gateway would refuse', async () => {
    mkdirSync(join(directory.policiesDirectory, 'profiles'), { mode: 0o755 });
    const profile = 'profile: 1\ntool: op\nversions: "0"\nsources: [me]\nparser: pflag\n';
    writeFileSync(join(directory.policiesDirectory, 'profiles', 'op.yaml'), profile, { mode: 0o644 });
    const { status, stderr } = await policyAdd('1password');
    expect(status).toBe(65);
    expect(stderr).toContain("policy: 'policies/1password.yaml' would not load, and was not written\n");
    expect(stderr).toContain('test failed: expected allow');
    expect(existsSync(join(directory.policiesDirectory, '1password.yaml'))).toBe(false);
  });

  it('makes policies/ where there is none, and puts nothing into one that others may write to', async () => {
    rmSync(directory.policiesDirectory, { recursive: true });
    expect((await policyAdd('signal')).status).toBe(0);
    chmodSync(directory.policiesDirectory, 0o777);
    const { status, stderr } = await policyAdd('gog');
    expect(status).toBe(78);
    expect(stderr).toContain('has mode 0777');
  });

  it('leaves the schema where it lies beside the policy', async () => {
    writeFileSync(join(directory.policiesDirectory, 'policy.schema.json'), '{}');
    await policyAdd('signal');
    expect(written('signal')).toMatch(/^# yaml-language-server: \$schema=\.\/policy\.schema\.json\n/);
  });

  it('without a name lists what there is, with what it is for', async () => {
    const { status, stdout } = await policyAdd();
    expect(status).toBe(0);
    const rows = stdout.trimEnd().split('\n').slice(1);
    expect(rows.map((row) => row.split(' ')[0])).toEqual(presetNames());
    expect(rows).toContainEqual(expect.stringMatching(/^1password +1Password: [a-z].*\.$/));
    const json = JSON.parse((await policyAdd('--json')).stdout) as { presets: { name: string; about: string }[] };
    expect(json.presets.map(({ name }) => name)).toEqual(presetNames());
    expect(json.presets.every(({ about }) => about.length > 10)).toBe(true);
  });

  it('says of a name that is none what was probably meant', async () => {
    const { status, stderr } = await policyAdd('1pasword');
    expect(status).toBe(1);
    expect(stderr).toContain("carapace: error: preset: '1pasword' does not exist (did you mean '1password'?)\n");
    expect((await policyAdd('../1password')).status).toBe(1);
    await expect(addPreset({ name: 'signal', as: '../x' })).rejects.toMatchObject({ code: 'usage' });
    await expect(addPreset({ name: 'signal', dir: '/nowhere' })).rejects.toMatchObject({ code: 'configuration' });
  });
});
