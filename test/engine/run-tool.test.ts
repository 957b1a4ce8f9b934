import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deferred } from '../../src/engine/deferred.ts';
import { runTool } from '../../src/engine/run-tool.ts';
import { chained, type OpenFilter, type StreamFilter } from '../../src/engine/stream-filter.ts';
import type { OpenedDirectory, Permit } from '../../src/model/permit.ts';
import { processesWith, until } from '../helpers/gateway.ts';
import { fixture, openClient, openTestRunner, permitFor } from './runner-fixtures.ts';
import type { TestClient, TestRunner } from './runner-fixtures.ts';

let test: TestRunner;
beforeAll(() => {
  test = openTestRunner();
});
afterAll(() => test.close());

function run(permit: Permit, client: TestClient = openClient()) {
  return runTool(test.runner, permit, client.io);
}

async function shell(script: string): Promise<string> {
  const client = openClient();
  await run(permitFor('/bin/sh', ['-c', script]), client);
  return client.stdout().toString();
}

function directory(path: string): OpenedDirectory {
  const { dev, ino } = statSync(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino) };
}

describe('runTool', () => {
  it('keeps stdout and stderr apart and reports status and bytes', async () => {
    const client = openClient();
    const outcome = await run(permitFor('/bin/sh', ['-c', 'printf out; printf error >&2; exit 3']), client);
    expect(client.stdout().toString()).toBe('out');
    expect(client.stderr()).toBe('error');
    expect(outcome).toMatchObject({ kind: 'exited', status: 3, bytes: { stdin: 0, stdout: 3, stderr: 5 } });
  });

  it('forwards what a tool says on stderr alone', async () => {
    const client = openClient();
    const outcome = await run(permitFor(fixture('stderr-only'), []), client);
    expect(client.stderr()).toBe('only here\n');
    expect(outcome).toMatchObject({ kind: 'exited', status: 3, bytes: { stdout: 0, stderr: 10 } });
  });

  it('reports every status from 0 to 255 unchanged', async () => {
    const statuses = Array.from({ length: 256 }, (_, status) => status);
    const outcomes: unknown[] = [];
    const queue = [...statuses];
    const work = async (): Promise<void> => {
      for (let status = queue.shift(); status !== undefined; status = queue.shift()) {
        outcomes[status] = await run(permitFor('/bin/sh', ['-c', `exit ${status}`]));
      }
    };
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(work));
    expect(outcomes).toMatchObject(statuses.map((status) => ({ kind: 'exited', status })));
  });

  it.each(['TERM', 'KILL', 'INT', 'HUP', 'SEGV', 'PIPE'])('reports a death by %s as that signal', async (name) => {
    expect(await run(permitFor(fixture('die-by-signal'), [name]))).toMatchObject({
      kind: 'signalled',
      signal: `SIG${name}`,
    });
  });

  describe('the arguments', () => {
    async function received(argv: readonly string[]): Promise<unknown> {
      const client = openClient();
      await run(permitFor(process.execPath, [fixture('print-argv.js'), ...argv]), client);
      return JSON.parse(client.stdout().toString());
    }

    it('arrive unchanged, whatever characters are in them', async () => {
      const every = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1));
      const argv = ['', ...every, '', '$(id)', '`id`', '* ?', 'a\nb', '\u{1f980}', '--', '-', ''];
      expect(await received(argv)).toEqual(argv);
    });

    it('may be a thousand, and a hundred thousand bytes long', async () => {
      const argv = [...Array.from({ length: 1000 }, (_, index) => `argument ${index}`), 'x'.repeat(100_000)];
      expect(await received(argv)).toEqual(argv);
    });

    it('are refused where one is longer than the kernel takes', async () => {
      const outcome = await run(permitFor('/bin/echo', ['x'.repeat(131_072)]));
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'too-large' });
    });

    it('are refused with a NUL or a lone surrogate in them', async () => {
      for (const word of ['a\0b', '\ud800']) {
        expect(await run(permitFor('/bin/echo', [word]))).toMatchObject({ kind: 'failed', reason: 'internal' });
      }
    });

    it('begin with the path as the policy writes it', async () => {
      expect(await shell('tr "\\0" "\\n" < /proc/self/cmdline | head -1')).toBe('tr\n');
      const client = openClient();
      await run(permitFor('/bin/cat', ['/proc/self/cmdline']), client);
      expect(client.stdout().toString()).toBe('/bin/cat\0/proc/self/cmdline\0');
    });
  });

  describe('the environment', () => {
    async function environment(env: Record<string, string>): Promise<Record<string, string>> {
      const client = openClient();
      await run(permitFor(process.execPath, [fixture('print-environment.js')], { env }), client);
      return JSON.parse(client.stdout().toString()) as Record<string, string>;
    }

    it("is the permit's, HOME and the marker, and nothing else", async () => {
      const found = await environment({ LANG: 'C.UTF-8', EMPTY: '', TRICKY: 'a=b\nc', ['__proto__x']: 'y' });
      const { CARAPACE_CALL, HOME, ...rest } = found;
      expect(CARAPACE_CALL).toMatch(/^[0-9a-f]{32}\.[0-9]+\.[0-9a-f]{32}$/);
      expect(HOME).toBe(join(test.stateDirectory, 'home', 'tool'));
      expect(rest).toEqual({
        PATH: '/usr/local/bin:/usr/bin:/bin',
        LANG: 'C.UTF-8',
        EMPTY: '',
        TRICKY: 'a=b\nc',
        ['__proto__x']: 'y',
      });
    });

    it('has an empty private HOME, unless the permit says another', async () => {
      const { HOME = '' } = await environment({});
      expect(statSync(HOME).mode & 0o777).toBe(0o700);
      expect((await environment({ HOME: '/elsewhere' }))['HOME']).toBe('/elsewhere');
    });

    it('cannot be given a marker by the permit', async () => {
      const outcome = await run(permitFor('/bin/echo', [], { env: { CARAPACE_CALL: 'x' } }));
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'internal' });
    });
  });

  describe('the descriptors', () => {
    it('are 0, 1 and 2 alone, whatever the gateway has open', async () => {
      const files = await Promise.all(Array.from({ length: 40 }, () => open('/dev/null')));
      const client = openClient();
      await run(permitFor('/bin/ls', ['/proc/self/fd']), client);
      await Promise.all(files.map((file) => file.close()));
      expect(client.stdout().toString().split('\n')).toEqual(['0', '1', '2', '3', '']); // 3 is the listing's own
    });

    it('can be read as well where they are outputs, and are at their end', async () => {
      expect(await shell('cat <&1; cat <&2; echo done')).toBe('done\n');
    });

    it('block, as programs expect of theirs', async () => {
      expect(await shell('grep flags /proc/self/fdinfo/1')).not.toMatch(/4\d{3}$/m);
    });
  });

  describe('the session', () => {
    it('is its own, without a terminal, core dumps off, with default signals', async () => {
      const [pid, group, session, terminal] = (await shell('cut -d" " -f1,5,6,7 /proc/$$/stat; ulimit -c'))
        .trim()
        .split(/\s+/);
      expect([group, session, terminal]).toEqual([pid, pid, '0']);
      expect(await shell('ulimit -c')).toBe('0\n');
      expect(await shell('grep -E "^Sig(Ign|Blk)" /proc/self/status')).toMatch(/^SigBlk:\t0{16}\nSigIgn:\t0{16}\n$/);
    });
  });

  describe('the working directory', () => {
    it('is an empty one that nothing can be put into, where the permit names none', async () => {
      expect(await shell('pwd -P; ls -a | wc -l')).toBe(`${join(test.stateDirectory, 'empty')}\n2\n`);
      expect(statSync(join(test.stateDirectory, 'empty')).mode & 0o222).toBe(0);
    });

    it('is the one of the permit', async () => {
      const place = mkdtempSync(join(tmpdir(), 'carapace-cwd-'));
      const client = openClient();
      await run(permitFor('/bin/pwd', ['-P'], { cwd: directory(place) }), client);
      expect(client.stdout().toString()).toBe(`${place}\n`);
      rmSync(place, { recursive: true });
    });

    it('is refused, and not blamed on the program, where another one has its path by now', async () => {
      const place = mkdtempSync(join(tmpdir(), 'carapace-cwd-'));
      const cwd = directory(place);
      renameSync(place, `${place}-was`);
      const missing = await run(permitFor('/bin/pwd', [], { cwd }));
      mkdirSync(place);
      const replaced = await run(permitFor('/bin/pwd', [], { cwd }));
      for (const outcome of [missing, replaced]) {
        expect(outcome).toMatchObject({ kind: 'failed', reason: 'tool-unavailable' });
        expect(outcome).toHaveProperty('message', expect.stringContaining('working directory'));
        expect(outcome).not.toHaveProperty('message', expect.stringContaining(place));
      }
      rmSync(place, { recursive: true });
      rmSync(`${place}-was`, { recursive: true });
    });
  });

  describe('a program that cannot be started', () => {
    it.each([
      ['/no/such/program', 'missing'],
      ['/etc/passwd', 'may not be run'],
      ['/etc', 'may not be run'],
      ['/etc/passwd/x', 'missing'],
    ])('%s is unavailable, without its path for the client', async (binary, what) => {
      const outcome = await run(permitFor(binary, []));
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'tool-unavailable' });
      expect(outcome).toHaveProperty('message', expect.stringContaining(what));
      expect(outcome).not.toHaveProperty('message', expect.stringContaining(binary));
      expect(outcome).toHaveProperty('detail', expect.stringContaining(binary));
    });
  });

  describe('filters', () => {
    const filter =
      (push: StreamFilter['push'], rest = ''): OpenFilter =>
      () => ({ push, end: () => (rest === '' ? [] : [Buffer.from(rest)]), close: () => undefined });
    const upper = filter((chunk) => [Buffer.from(chunk.toString().toUpperCase())]);
    const tail = (text: string): OpenFilter => filter((chunk) => [chunk], text);
    const broken = filter(() => {
      throw new Error('broken');
    });

    it('change the bytes of their direction, in their order, and are flushed at its end', async () => {
      const client = openClient();
      const permit = permitFor(fixture('echo-stdin'), [], { stdin: 'stream' });
      client.stdin.end('abc');
      const outcome = await runTool(test.runner, permit, client.io, {
        stdin: chained([tail('d'), upper, tail('e')]),
        stdout: chained([tail('.'), tail('!')]),
        stderr: upper,
      });
      expect(outcome).toMatchObject({ kind: 'exited', status: 0, bytes: { stdin: 3, stdout: 7 } });
      expect(client.stdout().toString()).toBe('ABCDe.!');
      expect(client.stderr()).toBe('END OF INPUT\n');
    });

    it('may let bytes pass late, through those behind them', async () => {
      const client = openClient();
      let closed = 0;
      const slow: OpenFilter = (late) => {
        const held: Buffer[] = [];
        setTimeout(() => late(held.splice(0)), 50);
        return { push: (chunk) => (held.push(chunk), []), end: () => held, close: () => void (closed += 1) };
      };
      const permit = permitFor('/bin/sh', ['-c', 'echo now; exec sleep 60']);
      const running = runTool(test.runner, permit, client.io, { stdout: chained([slow, upper]) });
      await until(() => client.stdout().toString() === 'NOW\n');
      client.leave();
      expect((await running).kind).toBe('abandoned');
      expect(closed).toBeGreaterThan(0);
    });

    it.each([0, 1])('that fail let nothing through, wherever they stand: %i', async (place) => {
      const client = openClient();
      const stdout = chained([upper].toSpliced(place, 0, broken));
      const outcome = await runTool(test.runner, permitFor('/bin/echo', ['x']), client.io, { stdout });
      expect(outcome.kind).not.toBe('limited');
      expect(client.stdout().length).toBe(0);
    });

    it.each([0, 1])('that fail on stdin give the tool nothing, wherever they stand: %i', async (place) => {
      const client = openClient();
      const stdin = chained([upper].toSpliced(place, 0, broken));
      client.stdin.end('abc');
      const outcome = await runTool(test.runner, permitFor('/bin/cat', [], { stdin: 'stream' }), client.io, { stdin });
      expect(outcome.kind).not.toBe('failed');
      expect(client.stdout().length).toBe(0);
    });

    it('that cannot be made end the tool, and leave no timer behind', async () => {
      const stdout: OpenFilter = () => {
        throw new Error('none to be had');
      };
      const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const before = timers();
      const mark = `none-${process.pid}`;
      const permit = permitFor('/bin/sh', ['-c', 'sleep 60 & wait', mark]);
      await expect(runTool(test.runner, permit, openClient().io, { stdout })).rejects.toThrow('none to be had');
      expect(timers()).toBeLessThanOrEqual(before);
      await until(() => processesWith(mark).length === 0);
    });

    it('that refuse what passes end the tool', async () => {
      const client = openClient();
      const { promise: refused, resolve } = deferred<string>();
      const stdout = filter(() => {
        resolve('private-key');
        return [];
      });
      const permit = permitFor('/bin/sh', ['-c', 'echo secret; exec sleep 60']);
      const outcome = await runTool(test.runner, permit, client.io, { stdout, refused });
      expect(outcome).toMatchObject({ kind: 'limited', reason: 'content-refused', detector: 'private-key' });
      expect(client.stdout().length).toBe(0);
    });
  });
});
