/** Bytes of a call in both directions: all of them, in order, at the reader's pace, in bounded memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, finish, FIXTURES, frame, processesWith, run, TestGateway, until } from '../helpers/gateway.ts';
import { replyEvents, streamOf } from '../helpers/reply-events.ts';

const POUR = join(FIXTURES, 'pour.cjs');
const { pouredHash } = createRequire(import.meta.url)(POUR) as { pouredHash: (bytes: number) => string };

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MAX_GROWTH = 64 * MIB;

const POLICY = `
version: 1
tools:
  pour: {type: cli, binary: ${process.execPath}, argv_allow_patterns: ["TOOLS/pour.cjs *"], timeout_secs: 120}
  sha256: {type: cli, binary: /usr/bin/sha256sum, argv_allow_patterns: [""], stdin: stream, timeout_secs: 120}
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], stdin: stream}
  head: {type: cli, binary: /usr/bin/head, argv_allow_patterns: ["-c *"], stdin: stream}
  yes: {type: cli, binary: /usr/bin/yes, argv_allow_patterns: ["*"]}
  cat: {type: cli, binary: /bin/cat, argv_allow_patterns: [""], stdin: stream}
  closed-cat: {type: cli, binary: /bin/cat, argv_allow_patterns: [""]}
`;

let gateway: TestGateway;
let master: ChildProcess;
let startRss: number;
let mostRss: number;
let watch: NodeJS.Timeout;

beforeAll(async () => {
  gateway = await TestGateway.start({ policies: { test: POLICY } });
  startRss = gateway.rss();
  mostRss = startRss;
  watch = setInterval(() => (mostRss = Math.max(mostRss, gateway.rss())), 25);
  master = await gateway.openMaster();
});
afterAll(async () => {
  clearInterval(watch);
  master.kill();
  await gateway.stop();
});

function ssh(args: readonly string[], stdio: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  return spawn('ssh', ['-F', gateway.client().sshConfig, ...args], { stdio: [stdio, 'pipe', 'pipe'] });
}

function pour(bytes: number, descriptors: readonly number[], reply = 'raw'): string {
  const argv = [join(gateway.tools, 'pour.cjs'), ...[bytes, ...descriptors].map(String)];
  return frame({ tool: 'pour', argv, reply });
}

/** Hashes what comes; `pauseMs` is how long the reader stops after each mebibyte. */
async function hashOf(stream: Readable | null, pauseMs = 0): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  if (stream === null) throw new Error('no stream');
  stream.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    const before = Math.floor(bytes / MIB);
    bytes += chunk.length;
    if (pauseMs === 0 || Math.floor(bytes / MIB) === before) return;
    stream.pause();
    setTimeout(() => stream.resume(), pauseMs);
  });
  await once(stream, 'end');
  return { hash: hash.digest('hex'), bytes };
}

async function readAll(
  child: ChildProcess,
  pauseMs = 0,
): Promise<{ status: unknown; stdout: string; stderr: string; sizes: readonly number[] }> {
  const closed = once(child, 'close');
  const [out, err] = await Promise.all([hashOf(child.stdout, pauseMs), hashOf(child.stderr, pauseMs)]);
  const [status] = await closed;
  return { status, stdout: out.hash, stderr: err.hash, sizes: [out.bytes, err.bytes] };
}

/** Runs a line of shell in which "$@" is ssh with its configuration, and `$POUR N` writes N bytes of the sequence. */
function inShell(line: string, args: readonly string[]): Promise<Finished> {
  const env = { ...process.env, POUR: `${process.execPath} ${POUR}` };
  return run('/bin/sh', ['-c', line, 'sh', 'ssh', '-F', gateway.client().sshConfig, ...args], {
    env,
    timeoutMs: 60_000,
  });
}

const NOTHING = pouredHash(0);

describe('output', () => {
  it('of 1 GiB on stdout comes through byte for byte', { timeout: 60_000 }, async () => {
    const read = await readAll(ssh(['carapace', pour(GIB, [1])]));
    expect(read).toEqual({ status: 0, stdout: pouredHash(GIB), stderr: NOTHING, sizes: [GIB, 0] });
  });

  it('of 1 GiB on stderr comes through byte for byte', { timeout: 60_000 }, async () => {
    const read = await readAll(ssh(['carapace', pour(GIB, [2])]));
    expect(read).toEqual({ status: 0, stdout: NOTHING, stderr: pouredHash(GIB), sizes: [0, GIB] });
  });

  it('of 1 GiB on each of both at once comes through byte for byte', { timeout: 90_000 }, async () => {
    const read = await readAll(ssh(['carapace', pour(GIB, [1, 2])]));
    expect(read).toEqual({ status: 0, stdout: pouredHash(GIB), stderr: pouredHash(GIB), sizes: [GIB, GIB] });
  });

  it('of 64 MiB comes through byte for byte to slow readers of stdout, of stderr and of both', async () => {
    const size = 64 * MIB;
    const hash = pouredHash(size);
    const [out, err, both] = await Promise.all([
      readAll(ssh(['carapace', pour(size, [1])]), 50),
      readAll(ssh(['carapace', pour(size, [2])]), 50),
      readAll(ssh(['carapace', pour(size, [1, 2])]), 50),
    ]);
    expect(out).toEqual({ status: 0, stdout: hash, stderr: NOTHING, sizes: [size, 0] });
    expect(err).toEqual({ status: 0, stdout: NOTHING, stderr: hash, sizes: [0, size] });
    expect(both).toEqual({ status: 0, stdout: hash, stderr: hash, sizes: [size, size] });
  });

  it('that one call does not read holds up no other call of the same connection', async () => {
    const stuck = ssh(['mux', pour(64 * MIB, [1])]);
    await once(stuck.stdout!, 'readable');
    for (let i = 0; i < 10; i += 1) {
      const done = await finish(ssh(['mux', 'ping']));
      expect(done.status).toBe(0);
      expect(done.ms).toBeLessThan(2000);
    }
    const read = await readAll(stuck);
    expect(read).toMatchObject({ status: 0, stdout: pouredHash(64 * MIB) });
  });

  it.each(['carapace', 'mux'])(
    'cut off by `head -1` ends the call within 2 s, and the tool (host %s)',
    async (host) => {
      const word = `streams-test-${host}`;
      const done = await inShell('"$@" | head -1', [host, 'yes', word]);
      expect({ stdout: done.stdout.toString(), stderr: done.stderr }).toEqual({ stdout: `${word}\n`, stderr: '' });
      expect(done.ms).toBeLessThan(2000);
      await until(() => processesWith(`yes ${word}`).length === 0);
    },
  );
});

describe('input', () => {
  const shaLine = (bytes: number): string => `${pouredHash(bytes)}  -\n`;

  it('of 1 GiB behind a frame in the command comes through byte for byte', { timeout: 60_000 }, async () => {
    const done = await inShell(`$POUR ${GIB} 1 | "$@"`, ['carapace', 'sha256']);
    expect({ ...done, stdout: done.stdout.toString(), ms: 0 }).toEqual({
      status: 0,
      stdout: shaLine(GIB),
      stderr: '',
      ms: 0,
    });
  });

  it('of 128 MiB behind a frame on stdin comes through byte for byte', async () => {
    const line = `{ printf %s '${frame({ tool: 'sha256', argv: [] })}'; $POUR ${128 * MIB} 1; } | "$@"`;
    const done = await inShell(line, ['mux']);
    expect({ status: done.status, stdout: done.stdout.toString() }).toEqual({ status: 0, stdout: shaLine(128 * MIB) });
  });

  it.each([1, 32_767, 32_768, 65_536, MIB - 1, MIB, MIB + 1])(
    'of %i bytes comes through in both forms',
    async (size) => {
      const asCommand = await inShell(`$POUR ${size} 1 | "$@"`, ['mux', 'sha256']);
      expect(asCommand.stdout.toString()).toBe(shaLine(size));
      const line = `{ printf %s '${frame({ tool: 'sha256', argv: [] })}'; $POUR ${size} 1; } | "$@"`;
      expect((await inShell(line, ['mux'])).stdout.toString()).toBe(shaLine(size));
    },
  );

  it('without end does not hold up a tool that never reads it', async () => {
    const done = await inShell('"$@" </dev/zero', ['mux', 'sleep', '1.11']);
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    expect(done.ms).toBeLessThan(4000);
  });

  it('without end does not hold up a tool that ends before it', async () => {
    for (const count of [0, 10, 100_000]) {
      const done = await inShell('"$@" </dev/zero', ['mux', 'head', '-c', String(count)]);
      expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
      expect(done.stdout.equals(Buffer.alloc(count))).toBe(true);
      expect(done.ms).toBeLessThan(2000);
    }
  });

  it('without end is read and dropped for a tool whose stdin is none', async () => {
    const done = await inShell('"$@" </dev/zero', ['mux', 'closed-cat']);
    expect(done).toMatchObject({ status: 0, stdout: Buffer.alloc(0), stderr: '' });
    expect(done.ms).toBeLessThan(2000);
  });

  it.each([
    ['a denial', ['cat', 'x'], 126],
    ['an unknown tool', ['no-such-tool'], 127],
    ['a malformed command', ["'"], 125],
    ['a stdin that begins as no frame does', [], 125],
    ['a built-in word', ['ping'], 0],
    ['a check', ['check', 'cat'], 0],
  ])('without end does not hold up %s', async (_what, args, status) => {
    const done = await inShell('"$@" </dev/zero', ['mux', ...args]);
    expect(done.status).toBe(status);
    expect(done.ms).toBeLessThan(2000);
  });

  it('that stays open does not hold up a tool that ends', async () => {
    const child = ssh(['mux', 'sleep', '0'], 'pipe');
    const [status] = (await once(child, 'close')) as [number];
    expect(status).toBe(0);
  });

  it('from /dev/null is empty, every time and in every form', async () => {
    for (let i = 0; i < 10; i += 1) {
      const all = await Promise.all([
        inShell('"$@" </dev/null', ['carapace', 'cat']),
        inShell('"$@" </dev/null', ['mux', 'cat']),
        inShell('"$@" </dev/null', ['mux', 'closed-cat']),
        inShell(`printf %s '${frame({ tool: 'cat', argv: [] })}' | "$@"`, ['mux']),
      ]);
      for (const done of all) expect(done).toMatchObject({ status: 0, stdout: Buffer.alloc(0), stderr: '' });
    }
  });

  it('that a tool does not read waits at the client', async () => {
    const child = ssh(['carapace', 'sleep', '3.33'], 'pipe');
    let taken = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const feed = (): void => {
      child.stdin?.write(chunk, (error) => {
        if (error) return;
        taken += chunk.length;
        feed();
      });
    };
    child.stdin?.on('error', () => undefined);
    feed();
    await once(child, 'close');
    // Windows, sockets and pipes on the way hold some; nothing holds without bound.
    expect(taken).toBeLessThan(16 * MIB);
  });
});

describe('the gateway’s memory', () => {
  it('stayed less than 64 MiB above its start all the while', () => {
    expect(Math.round((mostRss - startRss) / MIB)).toBeLessThan(MAX_GROWTH / MIB);
  });
});

describe('output in frames', () => {
  it('of 64 MiB on both streams at once comes through byte for byte', async () => {
    const size = 32 * MIB;
    const done = await finish(ssh(['carapace', pour(size, [1, 2], 'frames')]));
    const events = replyEvents(done.stdout);
    const hashes = (['stdout', 'stderr'] as const).map((name) =>
      createHash('sha256').update(streamOf(events, name)).digest('hex'),
    );
    expect(hashes).toEqual([pouredHash(size), pouredHash(size)]);
    expect(events.at(-1)).toMatchObject({ event: 'exit', code: 0, bytes: { stdout: size, stderr: size } });
  });

  it('cut off by a reader that leaves ends the tool', async () => {
    const request = frame({ tool: 'yes', argv: ['streams-test-frames'], reply: 'frames' });
    const done = await inShell('"$@" | head -c 100 | wc -c', ['carapace', request]);
    expect(done.stdout.toString().trim()).toBe('100');
    expect(done.ms).toBeLessThan(2000);
    await until(() => processesWith('yes streams-test-frames').length === 0);
  });
});
