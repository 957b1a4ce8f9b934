import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run as check } from '../../src/cli/policy-check.ts';
import { run as schema } from '../../src/cli/policy-schema.ts';
import { run as test } from '../../src/cli/policy-test.ts';
import { loadProfiles } from '../../src/engine/profile-files.ts';
import type { Profile } from '../../src/policy/profile/profile.ts';
import { keyLine, makeGatewayDirectory, policyOf, someKey } from '../fixtures/gateway-directory.ts';
import { runCommand } from './run-command.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-policy-')));
const policies = join(root, 'policies');
mkdirSync(policies);
afterAll(() => rmSync(root, { recursive: true }));

function policy(name: string, lines: string, tool = 'op'): string {
  const path = join(root, `${name}.yaml`);
  writeFileSync(path, `tools:\n  ${tool}:\n    type: cli\n    binary: /usr/bin/uname\n${lines}`);
  return path;
}

/** A profile that comes with Carapace. */
function findBuiltIn(name: string): Profile {
  const found = loadProfiles(null).find(name);
  if (found?.ok !== true) throw new Error(`no profile ${name}`);
  return found.profile;
}

const good = policy(
  'good',
  '    argv_allow_patterns: ["item get *"]\n    tests: [{allow: item get x}, {deny: item put "a b"}]\n',
);
const warned = policy('warned', '    argv_allow_patterns: ["*"]\n', 'mine');
const failing = policy('failing', '    argv_allow_patterns: [x]\n    tests: [{allow: x}, {allow: y}]\n', 'mine');
const broken = policy('broken', '    sandbox: true\n    timeout: 3\n');

describe('policy check', () => {
  it('ends with 0 for policies that load', async () => {
    const ran = await runCommand(() => check({ files: [good] }));
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/\n1 policy checked: nothing wrong\n$/);
  });

  it('prints warnings, and fails on them only if it is told to', async () => {
    const ran = await runCommand(() => check({ files: [warned, good] }));
    expect(ran.status).toBe(0);
    expect(ran.stdout).toContain(`${warned}:5:27: tools.mine.argv_allow_patterns[0]: `);
    expect(ran.stdout).toMatch(/\(warning\)\n2 policies checked: 1 warning\n$/);
    const strict = await runCommand(() => check({ files: [warned], strict: true }));
    expect(strict.status).toBe(1);
    expect(strict.stdout).toContain('1 policy checked: 1 warning');
  });

  it('ends with 1 and every problem for policies that do not load, failing tests included', async () => {
    const ran = await runCommand(() => check({ files: [broken, failing] }));
    expect(ran.status).toBe(1);
    expect(ran.stdout.split('\n').slice(1, 4)).toEqual([
      `${broken}:5:5: tools.op.sandbox: 'sandbox' is not in this version`,
      `${broken}:6:5: tools.op.timeout: unknown key 'timeout'`,
      expect.stringContaining(`${failing}:6:25: tools.mine.tests[1]: test failed`) as string,
    ]);
  });

  it('says of each tool which profile it is read with, and which tool gained one by its name', async () => {
    const directory = makeGatewayDirectory();
    const { versions } = findBuiltIn('gh');
    const tool = (name: string, line = ''): string =>
      `  ${name}: {type: cli, binary: /usr/bin/id, ${line}argv_allow_patterns: [x]}\n`;
    const named = ['hub', 'profile: gh, '] as const;
    try {
      mkdirSync(join(directory.policiesDirectory, 'profiles'));
      const own = 'profile: 1\ntool: mine\nversions: "1"\nsources: [me]\nparser: getopt\n';
      writeFileSync(join(directory.policiesDirectory, 'profiles', 'mine.yaml'), own);
      directory.writePolicy(
        'a',
        `tools:\n${tool('gh')}${tool(...named)}${tool('mine')}${tool('op', 'profile: none, ')}${tool('date')}`,
      );
      const ran = await runCommand(() => check({ files: [], dir: directory.path }));
      const of = `(built in, read for ${versions})`;
      const nothing = 'nothing is known of its options, and arguments are matched word by word';
      expect(ran.stdout.split('\n').filter((line) => / profile /.test(line))).toEqual([
        `policies/a.yaml:2:3: tools.gh: profile gh ${of}, by the tool's name: the policy says no 'profile'`,
        `policies/a.yaml:3:3: tools.hub: profile gh ${of}`,
        "policies/a.yaml:4:3: tools.mine: profile mine (profiles/mine.yaml, read for 1), by the tool's name: the policy says no 'profile'",
        `policies/a.yaml:5:3: tools.op: no profile ('profile: none'): ${nothing}`,
      ]);
      expect(ran.stdout).toContain(`policies/a.yaml:6:3: tools.date: no profile: ${nothing}\n`);
      const json = await runCommand(() => check({ files: [], dir: directory.path, json: true }));
      expect(JSON.parse(json.stdout)).toMatchObject({
        profiles: [
          {
            file: 'policies/a.yaml',
            line: 2,
            tool: 'gh',
            profile: { name: 'gh', versions, builtIn: true },
            named: false,
          },
          { line: 3, tool: 'hub', profile: { name: 'gh', builtIn: true }, named: true },
          {
            line: 4,
            tool: 'mine',
            profile: { name: 'mine', builtIn: false, file: 'profiles/mine.yaml' },
            named: false,
          },
          { line: 5, tool: 'op', profile: null, named: true },
          { line: 6, tool: 'date', profile: null, named: false },
        ],
      });
    } finally {
      directory.remove();
    }
  });

  it('says it too where the tests of a policy fail, which a gained profile may be the reason of', async () => {
    const gained = policy('gained', '    argv_allow_patterns: [x]\n    tests: [{allow: x}]\n');
    const ran = await runCommand(() => check({ files: [gained] }));
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain(`${gained}:2:3: tools.op: profile op (built in, `);
    expect(ran.stdout).toContain('test failed: expected allow, got deny (unknown-subcommand)');
  });

  it('of a whole directory names keys that its policies leave without use', async () => {
    const directory = makeGatewayDirectory();
    try {
      directory.writePolicy('one', policyOf('date'));
      directory.writePolicy('two', policyOf('date'));
      directory.writeKeys('vm', keyLine('vm', someKey(1), 'one'));
      const fine = await runCommand(() => check({ files: [], dir: directory.path }));
      expect(fine.status).toBe(0);
      directory.writeKeys('vm', keyLine('vm', someKey(1), 'one --policy two'));
      const ran = await runCommand(() => check({ files: [], dir: directory.path }));
      expect(ran.status).toBe(1);
      expect(ran.stdout).toContain('authorized_keys.d/vm:1');
    } finally {
      directory.remove();
    }
  });

  it('prints JSON for programs', async () => {
    const ran = await runCommand(() => check({ files: [broken], json: true }));
    expect(JSON.parse(ran.stdout)).toEqual({
      ok: false,
      files: [broken],
      profiles: [],
      problems: [
        {
          severity: 'error',
          file: broken,
          line: 5,
          column: 5,
          path: 'tools.op.sandbox',
          message: "'sandbox' is not in this version",
        },
        {
          severity: 'error',
          file: broken,
          line: 6,
          column: 5,
          path: 'tools.op.timeout',
          message: "unknown key 'timeout'",
        },
      ],
    });
  });

  it('reads all policies of the directory where it is given none', async () => {
    writeFileSync(join(policies, 'a.yaml'), readFileSync(good));
    writeFileSync(join(policies, 'b.yaml'), readFileSync(warned));
    const ran = await runCommand(() => check({ files: [], dir: root, json: true }));
    expect(JSON.parse(ran.stdout)).toMatchObject({ ok: true, files: ['policies/a.yaml', 'policies/b.yaml'] });
  });

  it('says of a file that it cannot be read', async () => {
    await expect(check({ files: [join(root, 'none.yaml')] })).rejects.toMatchObject({ code: 'bad-data' });
    const binary = join(root, 'binary.yaml');
    writeFileSync(binary, Buffer.from([0xff, 0xfe]));
    await expect(check({ files: [binary] })).rejects.toThrow('is not UTF-8');
    await expect(check({ files: [homedir()] })).rejects.toThrow('EISDIR');
  });
});

describe('policy test', () => {
  it('shows each test and ends with 0 where all pass', async () => {
    const ran = await runCommand(() => test({ files: [good] }));
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout.split('\n')).toEqual([
      `passed  ${good}:6: allow op item get x`,
      `passed  ${good}:6: deny op item put 'a b'`,
      '2 passed, 0 failed',
      '',
    ]);
  });

  it('ends with 1 where one fails, and says why', async () => {
    const ran = await runCommand(() => test({ files: [failing, good] }));
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain(
      `failed  ${failing}:6:25: tools.mine.tests[1]: test failed: expected allow, got deny (no-rule)`,
    );
    expect(ran.stdout).toContain('3 passed, 1 failed\n');
  });

  it('ends with 65 where a policy does not load', async () => {
    const ran = await runCommand(() => test({ files: [broken] }));
    expect(ran.status).toBe(65);
    expect(ran.stdout).toContain('is not in this version');
    const json = await runCommand(() => test({ files: [broken], json: true }));
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, tests: [], problems: [{ line: 5 }, { line: 6 }] });
  });

  it('prints JSON for programs', async () => {
    const ran = await runCommand(() => test({ files: [failing], json: true }));
    expect(JSON.parse(ran.stdout)).toEqual({
      ok: false,
      problems: [],
      tests: [
        {
          ok: true,
          test: `${failing}:6`,
          tool: 'mine',
          argv: ['x'],
          expected: 'allow',
          verdict: 'allow',
          reason: null,
          rule: `${failing}:5`,
        },
        {
          ok: false,
          test: `${failing}:6`,
          tool: 'mine',
          argv: ['y'],
          expected: 'allow',
          verdict: 'deny',
          reason: 'no-rule',
          rule: null,
        },
      ],
    });
  });
});

describe('policy schema', () => {
  it('prints the schema for editors, and the reference page', async () => {
    expect(JSON.parse((await runCommand(() => schema({}))).stdout)).toMatchObject({
      title: 'Carapace policy',
      additionalProperties: false,
    });
    expect((await runCommand(() => schema({ reference: true }))).stdout).toMatch(/^# Policy reference\n/);
  });
});
