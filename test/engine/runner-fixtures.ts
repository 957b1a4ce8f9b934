/** What the tests of running tools share: a runner of their own, permits, and a client that is two streams. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CallIo, ClientSignal } from '../../src/engine/call-io.ts';
import { openRunner } from '../../src/engine/runner-process.ts';
import type { Runner } from '../../src/engine/runner-process.ts';
import type { Permit, ToolLimits } from '../../src/model/permit.ts';

/** The runner runs as it is installed: compiled. */
export const ENTRY = fileURLToPath(new URL('../../dist/runner/main.js', import.meta.url));
const TOOLS = fileURLToPath(new URL('../fixtures/tools', import.meta.url));

export function fixture(name: string): string {
  return join(TOOLS, name);
}

export interface TestRunner {
  readonly runner: Runner;
  readonly stateDirectory: string;
  readonly close: () => Promise<void>;
}

export function openTestRunner(): TestRunner {
  if (!existsSync(ENTRY)) throw new Error(`${ENTRY} is not there: npm run build`);
  const stateDirectory = mkdtempSync(join(tmpdir(), 'carapace-run-'));
  const runner = openRunner({ stateDirectory, entry: ENTRY });
  return {
    runner,
    stateDirectory,
    close: async () => {
      await runner.stop();
      rmSync(stateDirectory, { recursive: true, force: true });
    },
  };
}

interface PermitOverrides extends Partial<Omit<Permit, 'limits' | 'env'>> {
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<ToolLimits>;
}

/** Permission to run `binary`, with limits that no test reaches unless it sets them. */
export function permitFor(
  binary: string,
  argv: readonly string[],
  { env, limits, ...rest }: PermitOverrides = {},
): Permit {
  return {
    kind: 'cli',
    tool: 'tool',
    binary,
    argv,
    env: new Map(Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...env })),
    secrets: new Map(),
    content: { output: null, input: null },
    runAs: null,
    cwd: null,
    stdin: 'none',
    limits: {
      timeLimitMs: 20_000,
      outputLimitBytes: null,
      killGraceMs: 2000,
      maxConcurrent: 64,
      maxConcurrentTotal: 64,
      rateLimit: null,
      resources: null,
      ...limits,
    },
    ...rest,
  };
}

export interface TestClient {
  readonly io: CallIo;
  readonly stdin: PassThrough;
  readonly stdout: () => Buffer;
  readonly stderr: () => string;
  /** Resolves with the first line of stdout, which must come. */
  readonly firstLine: () => Promise<string>;
  readonly leave: () => void;
  readonly signal: (name: ClientSignal) => void;
}

/** A client that reads everything at once, and whose stdin is open until the test ends it. */
export function openClient(outputs: { stdout?: Writable; stdin?: Readable } = {}): TestClient {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const gone = new AbortController();
  const stdin = new PassThrough();
  let receive: (signal: ClientSignal) => void = () => {};
  return {
    stdin,
    io: {
      stdin: outputs.stdin ?? stdin,
      stdout: outputs.stdout ?? collector(out),
      stderr: collector(err),
      gone: gone.signal,
      onSignal: (receiver) => {
        receive = receiver;
      },
    },
    stdout: () => Buffer.concat(out),
    stderr: () => Buffer.concat(err).toString(),
    firstLine: async () => {
      await until(() => out.length > 0 && Buffer.concat(out).includes('\n'));
      return Buffer.concat(out).toString().split('\n', 1)[0] ?? '';
    },
    leave: () => gone.abort(),
    signal: (name) => receive(name),
  };
}

function collector(chunks: Buffer[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
}

/** Polls, because another process's state is no event here; fails after `boundMs`. */
export async function until(isTrue: () => boolean, boundMs = 10_000): Promise<void> {
  const deadline = performance.now() + boundMs;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`not so within ${boundMs} ms: ${isTrue.toString()}`);
    await delay(5);
  }
}

/** Whether a process runs; a zombie that its parent has not waited for does not. */
export function isAlive(pid: number | string): boolean {
  try {
    process.kill(Number(pid), 0);
    return existsSync(`/proc/${pid}/exe`) || process.platform !== 'linux';
  } catch {
    return false;
  }
}
