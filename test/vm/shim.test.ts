import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { array, assert, property, string } from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox, isInstalled, requestIn, SHELLS, SHIM } from './shim-harness.ts';
import type { Sandbox } from './shim-harness.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = createSandbox(['reader']);
});
afterEach(() => sandbox.remove());

interface Call {
  readonly tool?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Buffer;
}

describe.each(SHELLS)('under %s', (_name, shell) => {
  const command = shell[0] ?? '';

  function run(argv: readonly string[], { tool = 'op', env = {}, cwd, input = '' }: Call = {}) {
    const words = [...shell.slice(1), sandbox.shimAs(tool), ...argv];
    const { status, stdout, stderr } = spawnSync(command, words, {
      env: sandbox.env(env),
      cwd: cwd ?? sandbox.root,
      input,
      encoding: 'utf8',
      timeout: 20_000,
    });
    return { status, stdout, stderr };
  }

  function requestOf(argv: readonly string[], call: Call = {}): Record<string, unknown> {
    expect(run(argv, call)).toEqual({ status: 42, stdout: 'out', stderr: '' });
    return requestIn(sandbox.note('stdin'));
  }

  /** Runs shell code with the shim in `$1`, for what cannot be written as a call from Node. */
  function runScript(script: string, env: Readonly<Record<string, string>> = {}, tool = 'op') {
    const words = ['-c', script, 'sh', ...shell, sandbox.shimAs(tool)];
    return spawnSync('sh', words, { env: sandbox.env(env), cwd: sandbox.root, encoding: 'utf8', timeout: 20_000 });
  }

  describe.skipIf(!isInstalled(shell))('the frame', () => {
    it('holds the tool, the arguments, the directory and nothing else where the environment is bare', () => {
      expect(requestOf(['item', 'list'])).toEqual({
        v: 1,
        tool: 'op',
        argv: ['item', 'list'],
        cwd: sandbox.root,
        env: {},
      });
    });

    it.each([
      ['no arguments', []],
      ['empty arguments', ['', 'a', '', '']],
      ['newlines at the end', ['a\n', '\n', '\n\n\n', 'b\n\n']],
      ['what a shell would expand', ['$HOME', '`id`', '$(id)', '*', '~', '${x', '!!', 'END', '\nEND\n']],
      ['quotes and backslashes', ['"', "'", '\\', '\\\\', '\\n', '\\"', '"\\', 'a\\', '%s%d%%', '\\0101']],
      ['option-like words', ['-', '--', '-n', '-oProxyCommand=id', '--help', '--version', '-"', '--\n', '-:', ':"']],
      ['what getopts treats specially', [':?"', '?:"', '"-', '"--', '-"-', '\n:', '::\n', '??\n']],
      ['every character up to U+00FF', [Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join('')]],
      ['each control character alone', Array.from({ length: 31 }, (_, i) => String.fromCharCode(i + 1))],
      ['text that looks like a frame', ['5:hello,', ',', '}]}', '\u2028\u2029', '\ufeffx']],
    ])('keeps %s', (_what, argv) => {
      expect(requestOf(argv)['argv']).toEqual(argv);
    });

    it('keeps every kind of UTF-8 sequence, also in a locale of UTF-8', () => {
      const edges = [0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xffff];
      const beyond = [0x1_0000, 0x3_ffff, 0x4_0000, 0xf_ffff, 0x10_0000, 0x10_ffff];
      const tails = Array.from({ length: 64 }, (_, i) => 0x4e00 + i);
      const argv = [...edges, ...beyond].map((point) => String.fromCodePoint(point));
      argv.push(argv.join(''), String.fromCodePoint(...tails), 'é"ü\n😀');
      const request = requestOf(argv, { env: { LC_ALL: 'C.UTF-8' } });
      expect(request['argv']).toEqual(argv);
      expect(request['env']).toEqual({ LC_ALL: 'C.UTF-8' });
    });

    it.each([
      ['plain', 'x'.repeat(131_071)],
      ['hostile', '"\\\n\t\u0001\u007f é'.repeat(11_000)],
    ])('keeps one %s argument of a hundred kilobytes', (_what, argument) => {
      expect(requestOf([argument])['argv']).toEqual([argument]);
    });

    it('keeps a thousand arguments', () => {
      const argv = Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? `argument ${i}` : `"é\n${i}`));
      expect(requestOf(argv)['argv']).toEqual(argv);
    });

    it('keeps any arguments', () => {
      const argument = string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '\u0080'));
      assert(
        property(array(argument, { maxLength: 6 }), (argv) => {
          expect(requestOf(argv)['argv']).toEqual(argv);
        }),
        { numRuns: 40 },
      );
    });

    it.each([
      ['a byte that never occurs', 'a\\377'],
      ['an overlong slash', '\\300\\257'],
      ['an overlong sequence of three', '\\340\\200\\257'],
      ['an overlong sequence of four', '\\360\\200\\200\\257'],
      ['a surrogate', '\\355\\240\\200'],
      ['a point beyond U+10FFFF', '\\364\\220\\200\\200'],
      ['a sequence cut short at the end', 'a\\342\\202'],
      ['a sequence cut short in the middle', '\\342\\202a'],
      ['a tail without a lead', '\\200'],
      ['one tail too many', '\\303\\251\\251'],
    ])('is refused for %s', (_what, octal) => {
      const { status, stdout, stderr } = runScript(`exec "$@" ok "$(printf '${octal}')"`);
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr).toMatch(
        /^carapace: error: op: argument 2 is not valid UTF-8 \(malformed\)\ncarapace: hint: .+\n$/,
      );
      expect(sandbox.reachedSsh()).toBe(false);
    });

    it('is refused above 1 MiB, with a message', () => {
      const { status, stderr } = run(Array.from({ length: 9 }, () => 'x'.repeat(120_000)));
      expect(status).toBe(125);
      expect(stderr).toMatch(
        /^carapace: error: op: request is longer than 1048576 bytes \(too-large\)\ncarapace: hint/,
      );
      expect(sandbox.reachedSsh()).toBe(false);
    });

    it('leaves out a directory whose name is not UTF-8', () => {
      const script = `d=$(printf 'bad\\377') && mkdir "$d" && cd "$d" && exec "$@"`;
      expect(runScript(script).status).toBe(42);
      expect(requestIn(sandbox.note('stdin'))).not.toHaveProperty('cwd');
    });

    it('names the directory whatever characters it has', () => {
      const cwd = join(sandbox.root, 'a "quoted"\n\\ directory é');
      mkdirSync(cwd);
      expect(requestOf([], { cwd })['cwd']).toBe(cwd);
    });

    it('judges UTF-8 as the decoder does, for all short sequences of the bytes where the rules change', () => {
      const sequences = boundarySequences();
      const script = join(sandbox.root, 'judge');
      const isUtf8 = /^is_utf8\(\) \{\n[^]*?^\}\n/m.exec(readFileSync(SHIM, 'utf8'))?.[0];
      const calls = sequences.flatMap((bytes) => [
        Buffer.from("is_utf8 '"),
        bytes,
        Buffer.from("' && printf 1 || printf 0\n"),
      ]);
      writeFileSync(script, Buffer.concat([Buffer.from(`LC_ALL=C\ntail=''\n${isUtf8}`), ...calls]));
      const { stdout } = spawnSync(command, [...shell.slice(1), script], { encoding: 'latin1' });
      const wrong = sequences.filter((bytes, i) => stdout[i] !== (isValidUtf8(bytes) ? '1' : '0'));
      expect(wrong.map((bytes) => bytes.toString('hex'))).toEqual([]);
      expect(stdout).toHaveLength(sequences.length);
    });
  });

  describe.skipIf(!isInstalled(shell))('the environment', () => {
    it('is sent by name only: locale, time zone and colour', () => {
      const env = {
        LANG: 'de_DE.UTF-8',
        LC_ALL: 'C.UTF-8',
        TZ: 'UTC',
        NO_COLOR: '',
        AWS_SECRET_ACCESS_KEY: 's',
        TERM: 'x',
      };
      expect(requestOf([], { env })['env']).toEqual({
        LANG: 'de_DE.UTF-8',
        LC_ALL: 'C.UTF-8',
        TZ: 'UTC',
        NO_COLOR: '',
      });
    });

    it('has what CARAPACE_ENV names besides, each name once', () => {
      const env = { CARAPACE_ENV: 'GH_REPO  LANG GH_REPO UNSET', LANG: 'C', GH_REPO: 'a "b"\n' };
      expect(requestOf([], { env })['env']).toEqual({ LANG: 'C', GH_REPO: 'a "b"\n' });
    });

    it.each(['a', 'A;id', 'A$(id)', '1A', 'A-B'])('refuses the name %s', (name) => {
      const { status, stderr } = run([], { env: { CARAPACE_ENV: name } });
      expect(status).toBe(64);
      expect(stderr).toContain('carapace: error: op: a name in CARAPACE_ENV has other characters');
      expect(sandbox.reachedSsh()).toBe(false);
    });

    it('does not take a pattern in CARAPACE_ENV for file names', () => {
      const cwd = join(sandbox.root, 'files');
      mkdirSync(join(cwd, 'SECRET'), { recursive: true });
      expect(run([], { env: { CARAPACE_ENV: '*', SECRET: 's' }, cwd }).status).toBe(64);
    });

    it('refuses a value that is not UTF-8', () => {
      const { status, stderr } = runScript(`LANG=$(printf 'x\\377') exec "$@"`);
      expect(status).toBe(125);
      expect(stderr).toContain('carapace: error: op: variable LANG is not valid UTF-8 (malformed)');
    });

    it('names the run for the audit log', () => {
      expect(requestOf([], { env: { CARAPACE_RUN: '4"2' } })['meta']).toEqual({ run: '4"2' });
    });

    it.each([{ LC_ALL: 'C.UTF-8' }, {}])('reaches ssh as the caller had it: %o', (env) => {
      requestOf([], { env: { ...env, PATH: `/nowhere:${process.env['PATH']}` } });
      const expected = `/nowhere:${process.env['PATH']},${env.LC_ALL ?? 'unset'}`;
      expect(sandbox.note('environment').toString()).toBe(expected);
    });

    it('cannot upset it by variables of the names that it uses itself', () => {
      const env = { tail: 'x', IFS: 'o', OPTIND: '7', frame: '3:abc,', config: '/etc/passwd', json: '{}', tool: 'x' };
      expect(requestOf(['op', '"é\n'], { env })).toMatchObject({ tool: 'op', argv: ['op', '"é\n'] });
    });
  });

  describe.skipIf(!isInstalled(shell))('ssh', () => {
    it('gets no word of the caller', () => {
      requestOf(['-oProxyCommand=id', '--', 'x']);
      const config = join(sandbox.root, 'config', 'ssh_config');
      expect(words()).toEqual(['-T', '-F', config, '--', 'carapace']);
    });

    it('takes the place of the shell, whose process is gone', async () => {
      const child = spawn(command, [...shell.slice(1), sandbox.shimAs('op'), 'x'.repeat(100_000)], {
        env: sandbox.env(),
        stdio: 'ignore',
      });
      expect(await once(child, 'exit')).toEqual([42, null]);
      expect(sandbox.note('pid').toString()).toBe(String(child.pid));
    });

    it('and the utilities are found on the system path only', () => {
      const trap = join(sandbox.root, 'trap');
      mkdirSync(trap);
      for (const name of ['ssh', 'cat', 'mktemp', 'mkfifo', 'rm', 'sh', 'printf', 'test', '[']) {
        writeFileSync(join(trap, name), `#!/bin/sh\n: >'${trap}/sprung'\n`, { mode: 0o755 });
      }
      const path = `PATH=${trap}; export PATH; exec "$@"`;
      const shellPath = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
      const script = ['-c', path, 'sh', shellPath, ...shell.slice(1), sandbox.shimAs('reader'), 'x'.repeat(30_000)];
      expect(spawnSync('/bin/sh', script, { env: sandbox.env(), input: 'in' }).status).toBe(42);
      expect(existsSync(join(trap, 'sprung'))).toBe(false);
    });
  });

  describe.skipIf(!isInstalled(shell))("the caller's stdin", () => {
    it.each([
      ['small', 'x'],
      ['large', 'x'.repeat(100_000)],
    ])('is left for the next reader where the tool does not stream it (%s request)', (_what, argument) => {
      const script = `x=${argument}; printf 'for me' | { "$@" "$x" >/dev/null; cat; }`;
      expect(runScript(script).stdout).toBe('for me');
    });

    it('is wholly the tool’s where it streams, the frame being the command', () => {
      const { status } = run(['a b', '"\n'], { tool: 'reader', input: 'line\n' });
      expect(status).toBe(42);
      expect(words().slice(0, -1)).toContain('carapace');
      expect(requestIn(Buffer.from(words().at(-1) ?? ''))).toMatchObject({ tool: 'reader', argv: ['a b', '"\n'] });
      expect(sandbox.note('stdin').toString()).toBe('line\n');
    });

    it('follows the frame where that is too long for a command', () => {
      const frameOf = (length: number) => {
        run(['x'.repeat(length)], { tool: 'reader', input: 'in' });
        return words().at(-1) ?? '';
      };
      const overhead = frameOf(20_000).length - 20_000;
      expect(frameOf(24_576 - overhead)).toHaveLength(24_576);
      expect(sandbox.note('stdin').toString()).toBe('in');
      expect(frameOf(24_577 - overhead)).toBe('carapace');
      const bytes = sandbox.note('stdin');
      expect(bytes.subarray(-2).toString()).toBe('in');
      expect(requestIn(bytes.subarray(0, -2))['argv']).toEqual(['x'.repeat(24_577 - overhead)]);
    });

    it('arrives whole behind a long frame, whatever its bytes, and no directory is left', () => {
      const input = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) % 256));
      const argument = 'é"\n'.repeat(25_000);
      expect(run([argument], { tool: 'reader', input }).status).toBe(42);
      const bytes = sandbox.note('stdin');
      expect(bytes.subarray(-input.length).equals(input)).toBe(true);
      expect(requestIn(bytes.subarray(0, -input.length))['argv']).toEqual([argument]);
      expect(sandbox.note('temporary').toString()).toBe('');
    });

    it('may be closed', () => {
      const script = `x=$(printf '%030000d' 0); exec "$@" "$x" <&-`;
      expect(runScript(script, {}, 'reader').status).toBe(42);
      expect(requestIn(sandbox.note('stdin'))['tool']).toBe('reader');
    });

    it('may stay open after the tool has ended, and nobody who waits for its output is kept waiting', async () => {
      writeFileSync(join(sandbox.root, 'notes', 'leave-stdin'), '');
      const fifo = join(sandbox.root, 'open');
      spawnSync('mkfifo', [fifo]);
      const stdin = openSync(fifo, 'r+');
      const child = spawn(command, [...shell.slice(1), sandbox.shimAs('reader'), 'x'.repeat(30_000)], {
        env: sandbox.env(),
        stdio: [stdin, 'pipe', 'pipe', 'ignore', 'pipe'],
      });
      child.stdout?.resume();
      child.stderr?.resume();
      // `close` comes when no process holds stdout, stderr or descriptor 4 any more.
      expect(await once(child, 'close')).toEqual([42, null]);
      closeSync(stdin);
    });

    it('is refused with a message where no FIFO can be made', () => {
      const env = { TMPDIR: join(sandbox.root, 'none') };
      const { status, stderr } = run(['x'.repeat(30_000)], { tool: 'reader', env });
      expect(status).toBe(125);
      expect(stderr).toMatch(/carapace: error: reader: no FIFO can be made in .*\/none\ncarapace: hint: .+\n$/);
    });
  });

  describe.skipIf(!isInstalled(shell))('the messages', () => {
    it('say where a configuration is expected', () => {
      const missing = join(sandbox.root, 'none');
      const { status, stderr } = run([], { env: { CARAPACE_SSH_CONFIG: missing } });
      expect(status).toBe(69);
      expect(stderr).toMatch(/^carapace: error: op: no configuration at .*\/none\ncarapace: hint: .+\n$/);
      const home = run([], { env: { CARAPACE_SSH_CONFIG: '', HOME: sandbox.root } });
      expect(home.stderr).toContain(`no configuration at ${sandbox.root}/.config/carapace/ssh_config\n`);
    });

    it.each(['Op', '1op', 'o p', '-op', 'öp', 'carapace-x', 'o'.repeat(65)])('refuse the name %s', (tool) => {
      const { status, stderr } = run([], { tool });
      expect(status).toBe(125);
      expect(stderr).toMatch(/^carapace: error: request: called under a name that no tool can have \(malformed\)\n/);
      expect(sandbox.reachedSsh()).toBe(false);
    });

    it('explain the shim where it is called under its own name', () => {
      const as = (...argv: string[]) => run(argv, { tool: 'carapace-shim' });
      const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
        version: string;
      };
      expect(as('--version')).toEqual({ status: 0, stdout: `carapace-shim ${version}\n`, stderr: '' });
      expect(as('--help')).toMatchObject({ status: 0, stderr: '' });
      expect(as('--help').stdout).toContain('CARAPACE_SSH_CONFIG');
      expect(as()).toMatchObject({ status: 64, stdout: '' });
      expect(as('--install').status).toBe(64);
      expect(as('--install').stderr).toContain('--install is not in this version');
    });

    it('leave --help and --version of a tool to the tool', () => {
      expect(requestOf(['--help', '--version'])['argv']).toEqual(['--help', '--version']);
    });

    it('say that the gateway is down, in the words of ssh', async () => {
      const port = await closedPort();
      const config = join(sandbox.root, 'config', 'ssh_config');
      writeFileSync(config, `Host carapace\n  HostName 127.0.0.1\n  Port ${port}\n  BatchMode yes\n  LogLevel ERROR\n`);
      rmSync(join(sandbox.root, 'system', 'ssh'));
      const { status, stderr } = run(['item', 'list']);
      expect(status).toBe(isInstalled(['ssh']) || existsSync('/usr/bin/ssh') ? 255 : 69);
      expect(stderr).toMatch(/Connection refused|no ssh in/);
    });
  });
});

describe('the script', () => {
  it.skipIf(spawnSync('shellcheck', ['--version']).status !== 0)('is clean under shellcheck', () => {
    expect(spawnSync('shellcheck', ['-s', 'sh', SHIM], { encoding: 'utf8' }).stdout).toBe('');
  });
});

function words(): string[] {
  return sandbox.note('argv').toString().split('\0').slice(0, -1);
}

function isValidUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** All sequences of up to three bytes at the edges of UTF-8's ranges, and of four and five over fewer of them. */
function boundarySequences(): Buffer[] {
  const edges = [
    0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf3, 0xf4, 0xf5,
  ];
  const few = [0x41, 0x81, 0x8f, 0x90, 0xbf, 0xc3];
  const grow = (sequences: number[][], bytes: readonly number[]) =>
    sequences.flatMap((sequence) => bytes.map((byte) => [...sequence, byte]));
  const one = grow([[]], edges);
  const two = grow(one, edges);
  const four = grow(grow(grow([[0xe0], [0xe1], [0xed], [0xf0], [0xf3], [0xf4]], few), few), few);
  const five = grow(
    grow(
      [
        [0xf0, 0x90],
        [0xf4, 0x8f],
      ],
      [0x81, 0xbf],
    ),
    few,
  ).flatMap((sequence) => grow([sequence], few));
  return [...one, ...two, ...grow(two, edges), ...four, ...five].map((sequence) => Buffer.from(sequence));
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
