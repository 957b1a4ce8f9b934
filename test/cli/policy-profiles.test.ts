import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { builtInProfileNames } from '../../src/engine/profile-files.ts';
import { type GatewayDirectory, makeGatewayDirectory } from '../fixtures/gateway-directory.ts';
import { type Ran, runCommand } from './run-command.ts';

const OWN = `profile: 1
tool: mine
versions: "1 to 2"
sources: [me]
parser: {kind: pflag, dash-values: false}
types:
  ref: [{match: "+*", class: mutates}, {type: word}]
operands: "<word> [<ref>...]"
options:
  safe: "-v, --verbose (repeats)\\n-q <word> <file> (negatable, stdin, overrides -v --pager)"
commands:
  show:
    class: safe
    aliases: [ls]
    operands: "<file>"
    options: {safe: "--color [<always|never>]", executes: "--pager, -p <program>"}
  remote: {}
  remote add: {class: redirects, stdin: reads, cwd: executes, after-dashes: program}
`;

let directory: GatewayDirectory;
beforeEach(() => {
  directory = makeGatewayDirectory();
  mkdirSync(join(directory.policiesDirectory, 'profiles'), { mode: 0o755 });
});
afterEach(() => directory.remove());

function writeProfile(name: string, text: string): void {
  writeFileSync(join(directory.policiesDirectory, 'profiles', `${name}.yaml`), text, { mode: 0o644 });
}

function profiles(...words: string[]): Promise<Ran> {
  return runCommand(() => runProgram(['policy', 'profiles', ...words, '--dir', directory.path]));
}

/** The cells of the rows that begin with this word, in the order of the tables. */
function rowsOf(stdout: string, name: string): string[][] {
  const lines = stdout.split('\n').filter((line) => line.startsWith(`${name} `));
  return lines.map((line) => line.split(/ {2,}/));
}

describe('policy profiles', () => {
  it('lists every profile with its versions and parser, and counts what is known by class', async () => {
    writeProfile('mine', OWN);
    const { stdout } = await profiles();
    expect(rowsOf(stdout, 'mine')).toEqual([
      ['mine', '1 to 2', 'pflag', '2', '4', 'profiles/mine.yaml'],
      ['mine', '1', ...(rowsOf(stdout, 'mine')[1] ?? []).slice(2)],
      ['mine', '3', ...(rowsOf(stdout, 'mine')[2] ?? []).slice(2)],
    ]);
    expect(stdout).toMatch(/^OPTIONS +safe +reads-file +writes-file +executes /m);
    expect(rowsOf(stdout, 'gh')[0]?.at(-1)).toBe('built in');
    expect(rowsOf(stdout, 'gh')).toHaveLength(3);
    expect(rowsOf(stdout, 'all')).toHaveLength(1);
  });

  it('gives programs the same, with every class', async () => {
    writeProfile('mine', OWN);
    const { stdout } = await profiles('--json');
    const found = JSON.parse(stdout) as { profiles: { name: string }[] };
    expect(found.profiles.find(({ name }) => name === 'mine')).toMatchObject({
      versions: '1 to 2',
      parser: 'pflag',
      builtIn: false,
      file: 'profiles/mine.yaml',
      overrides: false,
      subcommands: { total: 2, byClass: { safe: 1, redirects: 1, executes: 0 } },
      options: { total: 4, byClass: { safe: 3, executes: 1 } },
    });
  });

  it('shows one as a tree: commands with operands and class, options with their values and class', async () => {
    writeProfile('mine', OWN);
    const { status, stdout } = await profiles('mine');
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'mine 1 to 2 (profiles/mine.yaml; parser pflag)',
      '2 subcommands: safe 1, redirects 1',
      '4 options: safe 3, executes 1',
      '',
      'mine <word> <ref>...  safe',
      '    -v, --verbose (repeats)  safe',
      '    -q <word> <file> (negatable, stdin, overrides -v --pager)  safe',
      '',
      '  show, ls <file>  safe',
      '      --color [<always|never>]  safe',
      '      --pager, -p <program>  executes',
      '',
      '  remote  group',
      '',
      "    remote add  redirects (reads standard input; runs code of its working directory; another program's words after --)",
    ]);
    const json = JSON.parse((await profiles('mine', '--json')).stdout) as { commands: unknown };
    expect(json.commands).toMatchObject([
      {
        path: [],
        class: 'safe',
        operands: '<word> <ref>...',
        options: [
          { names: ['-v', '--verbose'], repeats: true },
          { names: ['-q'], types: ['word', 'file'], negatable: true, stdin: true, overrides: ['-v', '--pager'] },
        ],
      },
      {
        path: ['show'],
        aliases: ['ls'],
        options: [{ arity: 'optional', types: ['always|never'] }, { class: 'executes' }],
      },
      { path: ['remote'], class: null },
      { path: ['remote', 'add'], class: 'redirects', readsStdin: true, executesDirectory: true },
    ]);
  });

  it("says that the operator's own stands in the place of a built-in one", async () => {
    writeProfile('gh', OWN.replace('tool: mine', 'tool: gh'));
    const { stdout } = await profiles('gh');
    expect(stdout).toContain('gh 1 to 2 (profiles/gh.yaml, in the place of the built-in one; parser pflag)\n');
  });

  it('names what is wrong in one that cannot be used, and ends with 65', async () => {
    writeProfile('gh', 'profile: 2\n');
    const { status, stdout, stderr } = await profiles('gh');
    expect([status, stdout]).toEqual([65, '']);
    expect(stderr).toContain('carapace: error: profiles/gh.yaml:1:');
    writeProfile('gh', OWN.replace('parser:', 'class: gentle\nparser:'));
    const all = await profiles();
    expect(all.status).toBe(65);
    expect(rowsOf(all.stdout, 'gh')).toEqual([]);
    expect(all.stderr).toContain('profiles/gh.yaml:5:');
  });

  it('says of a name that nobody has what was probably meant', async () => {
    const { status, stderr } = await profiles('kubctl');
    expect(status).toBe(1);
    expect(stderr).toBe(
      "carapace: error: profile: 'kubctl' does not exist (did you mean 'kubectl'?)\ncarapace: hint: run: carapace policy profiles\n",
    );
  });

  it('needs no directory to show what comes with Carapace, but one that is named has to be there', async () => {
    const { stdout } = await runCommand(() => runProgram(['policy', 'profiles', 'imsg']));
    expect(stdout).toMatch(/^imsg .* \(built in; parser swift\)\n/);
    const ran = await runCommand(() => runProgram(['policy', 'profiles', '--dir', '/nowhere']));
    expect(ran.status).toBe(78);
  });

  it.each(builtInProfileNames())('shows all of %s without a character that a terminal obeys', async (name) => {
    const { stdout } = await profiles(name);
    expect(stdout).not.toMatch(/[\p{Cc}\p{Cf}](?<!\n)/u);
  });
});
