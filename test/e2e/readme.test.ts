/**
 * The README, followed to the letter: its blocks are run, with two folders that stand for the homes of the host's user
 * and of the client machine's. Only what a test cannot do is left out: installing, and listening on the port of its text.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, finish, MAIN, SHIM, until } from '../helpers/gateway.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The fenced blocks of a language below a heading, in order. */
function blocks(heading: string, language: string): string[] {
  const [, section = ''] = README.split(new RegExp(`^## ${heading}$`, 'm'));
  const own = section.split(/^## /m)[0] ?? '';
  return [...own.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map((match) => match[1] ?? '');
}

interface Typed {
  readonly command: string;
  readonly output: string;
}

/** A console block as what is typed behind `$ ` and what comes back. */
function typedIn(block: string): Typed[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => ({ command: text.split('\n')[0] ?? '', output: text.slice(text.indexOf('\n') + 1) }));
}

/** What differs from run to run. */
function withoutChance(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE').replaceAll(/request [0-9A-Z]{26}/g, 'request ID');
}

let root = '';
let host = '';
let vm = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'cp-readme-'));
  host = join(root, 'host');
  vm = join(root, 'vm');
  for (const folder of [host, vm, join(root, 'bin')]) mkdirSync(folder, { mode: 0o755 });
  symlinkSync(MAIN, join(root, 'bin', 'carapace'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function inShell(home: string, script: string, output: 'apart' | 'together' = 'apart'): Promise<Finished> {
  const path = `${home === host ? `${join(root, 'bin')}:` : ''}${process.env['PATH'] ?? ''}`;
  const text = output === 'together' ? `exec 2>&1\n${script}` : script;
  return finish(spawn('sh', ['-c', text], { cwd: home, env: { HOME: home, PATH: path } }));
}

/** Puts what `client add` printed where the text says. ssh reads `~` as the home of the account, which a test cannot change. */
function pasteOnVm(printed: string): void {
  const [, config = ''] = /^(Host carapace\n[^]*?\n)\n/m.exec(printed) ?? [];
  writeFileSync(join(vm, '.config/carapace/ssh_config'), config.replaceAll('~', vm), { mode: 0o600 });
  writeFileSync(join(vm, '.config/carapace/known_hosts'), `${printed.trimEnd().split('\n').at(-1) ?? ''}\n`);
  mkdirSync(join(vm, 'bin'));
  copyFileSync(SHIM, join(vm, 'bin/carapace-shim'));
}

describe('README.md', () => {
  it('has less than 150 lines', () => {
    expect(README.split('\n').length - 1).toBeLessThan(150);
  });

  it('shows a part of the sample policy as it is', () => {
    const [part = ''] = blocks('Say what is allowed', 'yaml');
    expect(part.length).toBeGreaterThan(300);
    expect(readFileSync(join(ROOT, 'policies/example.yaml'), 'utf8')).toContain(part);
  });

  it('shows what policy explain prints', async () => {
    const [{ command, output } = { command: '', output: '' }] = blocks('Say what is allowed', 'console').flatMap(
      typedIn,
    );
    const done = await inShell(host, `cd '${ROOT}' && ${command}`);
    expect({ status: done.status, stdout: done.stdout.toString() }).toEqual({ status: 1, stdout: output });
  });
});

describe('the steps of README.md', () => {
  let gateway: ChildProcess | undefined;
  afterAll(async () => {
    if (gateway?.exitCode !== null) return;
    const exited = once(gateway, 'exit');
    gateway.kill('SIGTERM');
    await exited;
  });

  /** The gateway that the host's block would start, on a free port. */
  async function serve(): Promise<string> {
    const child = spawn(process.execPath, [MAIN, 'serve', '--listen', '127.0.0.1:0'], { cwd: join(host, 'gateway') });
    gateway = child;
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await until(() => /listening on .*:\d+\n/.test(log) || child.exitCode !== null, 20_000);
    return /listening on .*:(\d+)\n/.exec(log)?.[1] ?? `none: ${log}`;
  }

  it('lead from nothing to an allow and a denial', async () => {
    const [setUp = '', makeKey = '', letIn = '', links = ''] = blocks('Set it up', 'sh');
    const lines = setUp.split('\n').filter((line) => !line.startsWith('npm ') && !line.startsWith('carapace serve'));
    expect(await inShell(host, lines.join('\n'))).toMatchObject({ status: 0, stderr: '' });
    const port = await serve();

    const key = await inShell(vm, makeKey);
    expect(key).toMatchObject({ status: 0, stderr: '' });
    const here = letIn.replace(/'ssh-ed25519 .*?'/, `'${key.stdout.toString().trim()}'`);
    const added = await inShell(host, here.replace('--host HOST', `--host 127.0.0.1 --port ${port}`));
    expect(added).toMatchObject({ status: 0, stderr: '' });

    pasteOnVm(added.stdout.toString());
    const typed = typedIn(blocks('Set it up', 'console')[0] ?? '');
    expect(typed.length).toBe(5);
    // Whether sh expands an alias depends on the shell, so its words become a function.
    const alias = typed.flatMap(({ command }) => /^alias carapace='(.*?)'(?: +#.*)?$/.exec(command)?.[1] ?? []);
    const word = `carapace() { ${alias.join()} "$@"; }`;
    await until(async () => (await inShell(vm, `${word}\ncarapace ping`)).status === 0);

    const script = typed.map(({ command }, index) => `echo '== ${index}'\n${command.replace(/^alias .*/, ':')}`);
    const session = await inShell(vm, [links, word, ...script].join('\n'), 'together');
    const expected = typed.map(({ output }, index) => `== ${index}\n${output}`).join('');
    expect(withoutChance(session.stdout.toString())).toBe(withoutChance(expected));
    await inShell(vm, 'ssh -F ~/.config/carapace/ssh_config -O exit carapace');
  });
});
