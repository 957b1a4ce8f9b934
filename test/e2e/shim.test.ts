/** The shim in front of a real gateway, under each shell that it is written for: to its caller it is the tool. */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Finished,
  FIXTURES,
  processesWith,
  run,
  type RunOptions,
  TestGateway,
  until,
} from '../helpers/gateway.ts';
import { everyByte } from '../helpers/texts.ts';
import { isInstalled, SHELLS } from '../vm/shim-harness.ts';

const POUR = join(FIXTURES, 'pour.cjs');
const { pouredHash } = createRequire(import.meta.url)(POUR) as { pouredHash: (bytes: number) => string };
const MIB = 1024 * 1024;

const POLICY = `
version: 1
tools:
  arguments: {type: cli, binary: TOOLS/nul-arguments, argv_allow_patterns: ["*", "--text=* *"]}
  exit: {type: cli, binary: TOOLS/exit-with, argv_allow_patterns: ["*"]}
  streams: {type: cli, binary: TOOLS/two-streams, argv_allow_patterns: [""]}
  # Both read stdin; the shim is told so of the first only.
  hash: {type: cli, binary: TOOLS/hash-stdin, argv_allow_patterns: ["*"], stdin: stream}
  closed-hash: {type: cli, binary: TOOLS/hash-stdin, argv_allow_patterns: ["*"], stdin: stream}
  yes: {type: cli, binary: /usr/bin/yes, argv_allow_patterns: ["*"]}
  env: {type: cli, binary: /usr/bin/env, argv_allow_patterns: [""], env_allow: [LANG, LC_*, TZ, NO_COLOR, EXTRA]}
  pwd: {type: cli, binary: /bin/pwd, argv_allow_patterns: ["-P"], cwd_allowed: [TOOLS/work]}
`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY } });
  gateway.writeStdinTools('hash');
});
afterAll(() => gateway.stop());

for (const [name, shell] of SHELLS)
  describe.skipIf(!isInstalled(shell))(`the shim under ${name}`, () => {
    const [program = 'sh', ...flags] = shell;

    function shim(tool: string, argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
      const env = { ...gateway.shimEnv(), ...options.env };
      return run(program, [...flags, gateway.shimAs(tool), ...argv], { ...options, env });
    }

    /** Runs a line of sh in which "$@" is the shim under a tool's name, and `$POUR N` writes N bytes of a sequence. */
    function inShell(line: string, tool: string, argv: readonly string[] = []): Promise<Finished> {
      const env = { ...gateway.shimEnv(), POUR: `${process.execPath} ${POUR}` };
      return run('/bin/sh', ['-c', line, 'sh', program, ...flags, gateway.shimAs(tool), ...argv], { env });
    }

    async function expectArguments(argv: readonly string[]): Promise<void> {
      const done = await shim('arguments', argv);
      expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
      expect(done.stdout.toString().split('\0').slice(0, -1)).toEqual(argv);
    }

    it('passes every byte of its arguments', async () => {
      await expectArguments([`--text=${everyByte()}`, 'é€𝄞 "\'\\$`\n\t']);
      await expectArguments(['$(id)', '%s%n%d', '\\u0041', '*', '~', '"', "'", '\\', '!', '#', 'a=b', ';', '{"v":1}']);
    });

    it('passes empty arguments, none, and trailing newlines', async () => {
      for (const argv of [[], [''], ['', ''], ['', 'a', ''], [' ', '\n', 'a\n\n', '\n\n']]) await expectArguments(argv);
    });

    it('passes arguments of 100 kB, plain and with characters that need escapes, and a thousand arguments', async () => {
      await expectArguments(['x'.repeat(100_000), '€'.repeat(33_333), `a"b\\`.repeat(25_000)]);
      await expectArguments(Array.from({ length: 1000 }, (_, i) => (i % 7 === 0 ? '' : `${i}`)));
    });

    it('refuses an argument that is no UTF-8 or too long, as the gateway would', async () => {
      const invalid = await inShell(String.raw`exec "$@" "$(printf 'a\377b')"`, 'arguments');
      expect(invalid).toMatchObject({ status: 125, stdout: Buffer.alloc(0) });
      expect(invalid.stderr).toContain('carapace: error: arguments: argument 1 is not valid UTF-8 (malformed)');
      // The kernel takes an argument of 131,071 bytes at most, so the shell makes no longer one, and this one passes.
      await expectArguments(['x'.repeat(131_071)]);
    });

    it('ends with the tool’s status, its bytes on both streams and nothing of its own', async () => {
      for (const status of [0, 1, 2, 126, 254])
        expect(await shim('exit', [String(status)])).toMatchObject({ status, stderr: '' });
      expect((await shim('exit', ['255'])).stderr).toMatch(/^carapace: note: status 255 is the tool's own/);
      const done = await shim('streams', []);
      expect(done).toMatchObject({ status: 3, stdout: Buffer.from('out\xff\xfe\n', 'latin1'), stderr: 'err\n' });
    });

    it('passes the gateway’s refusals on', async () => {
      const denied = await shim('exit', ['-x']);
      expect(denied.status).toBe(126);
      expect(denied.stderr).toMatch(
        /^carapace: denied: exit: option -x is not allowed \(option-refused, request \S+\)\ncar/,
      );
      expect((await shim('unknown', [])).status).toBe(127);
    });

    it('streams stdin behind a frame in the command, of no size and of many', async () => {
      for (const size of [0, 1, 100_000, 64 * MIB]) {
        const done = await inShell(`$POUR ${size} 1 | "$@"`, 'hash', ['x']);
        expect({ ...done, stdout: done.stdout.toString(), ms: 0 }).toEqual({
          status: 0,
          stdout: `${pouredHash(size)}  -\n`,
          stderr: '',
          ms: 0,
        });
      }
    });

    it('streams stdin behind a frame that is too large for the command', async () => {
      const argument = 'x'.repeat(100_000);
      for (const size of [0, 1, 100_000, 64 * MIB]) {
        const done = await inShell(`$POUR ${size} 1 | "$@"`, 'hash', [argument]);
        expect({ status: done.status, stdout: done.stdout.toString() }).toEqual({
          status: 0,
          stdout: `${pouredHash(size)}  -\n`,
        });
      }
    });

    it('streams stdin at every size of frame around the border between the two', async () => {
      for (const size of [24_300, 24_400, 24_450, 24_500, 24_550, 24_600]) {
        const done = await shim('hash', ['x'.repeat(size)], { input: 'input' });
        const hash = createHash('sha256').update('input').digest('hex');
        expect({ status: done.status, stdout: done.stdout.toString() }).toEqual({ status: 0, stdout: `${hash}  -\n` });
      }
    });

    it('with stdin from /dev/null gives the tool an empty one, and ends', async () => {
      for (const argv of [[], ['x'.repeat(30_000)]]) {
        const done = await inShell('"$@" </dev/null', 'hash', argv);
        expect(done.stdout.toString()).toBe(`${pouredHash(0)}  -\n`);
      }
    });

    it('leaves its caller’s stdin alone where the tool does not stream it', async () => {
      const line = 'while read -r word; do "$@" "$word"; done; printf end';
      const done = await inShell(`printf 'a\\nb\\nc\\n' | { ${line}; }`, 'arguments');
      expect(done.stdout.toString()).toBe('a\0b\0c\0end');
      const read = await inShell('$POUR 100000 1 | "$@"', 'closed-hash');
      expect(read.stdout.toString()).not.toContain(pouredHash(100_000));
      expect(read.status).toBe(0);
    });

    it('ends within 2 s where its reader left, and the tool is gone', async () => {
      const word = `shim-test-${program}-${flags.length}`;
      const done = await inShell('"$@" | head -1', 'yes', [word]);
      expect(done.stdout.toString()).toBe(`${word}\n`);
      expect(done.ms).toBeLessThan(2000);
      await until(() => processesWith(`yes ${word}`).length === 0);
    });

    it('sends the directory, and of the environment only what it is meant to', async () => {
      const work = join(realpathSync(gateway.tools), 'work');
      mkdirSync(join(work, 'ä b'), { recursive: true });
      const done = await inShell(`cd '${join(work, 'ä b')}' && "$@" -P`, 'pwd');
      expect(done.stdout.toString()).toBe(`${join(work, 'ä b')}\n`);
      expect((await inShell('cd / && "$@" -P', 'pwd')).status).toBe(126);

      const env = {
        LANG: 'de_DE.UTF-8',
        LC_ALL: 'C.UTF-8',
        TZ: 'UTC',
        NO_COLOR: '',
        EXTRA: 'x',
        SECRET: 'y',
        FOO: 'z',
      };
      const sent = (await shim('env', [], { env })).stdout.toString();
      for (const wanted of ['LANG=de_DE.UTF-8\n', 'LC_ALL=C.UTF-8\n', 'TZ=UTC\n', 'NO_COLOR=\n'])
        expect(sent).toContain(wanted);
      for (const unwanted of ['EXTRA', 'SECRET', 'FOO', 'CARAPACE_SSH_CONFIG']) expect(sent).not.toContain(unwanted);
      const asked = (await shim('env', [], { env: { ...env, CARAPACE_ENV: 'EXTRA SECRET' } })).stdout.toString();
      expect(asked).toContain('EXTRA=x\n');
      expect(asked).not.toContain('SECRET');
    });

    it('puts the run’s word into the audit', async () => {
      await shim('exit', ['0'], { env: { CARAPACE_RUN: `run "${program}"` } });
      expect(
        gateway
          .audit()
          .filter((one) => one['event'] === 'decision')
          .at(-1),
      ).toMatchObject({
        meta: { run: `run "${program}"` },
      });
    });
  });
