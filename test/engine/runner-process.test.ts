import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runTool } from '../../src/engine/run-tool.ts';
import { openRunner } from '../../src/engine/runner-process.ts';
import type { Runner } from '../../src/engine/runner-process.ts';
import { ENTRY, fixture, isAlive, openClient, openTestRunner, permitFor, until } from './runner-fixtures.ts';

const GATEWAY = fileURLToPath(new URL('./runner-gateway.js', import.meta.url));

let cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
});

function open(): { readonly runner: Runner; readonly stateDirectory: string } {
  const test = openTestRunner();
  cleanups.push(test.close);
  return test;
}

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'carapace-run-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Every process that was started by `parent`, runners among them. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1] === String(parent);
      } catch {
        return false;
      }
    });
}

async function echo(runner: Runner): Promise<unknown> {
  return runTool(runner, permitFor('/bin/echo', ['x']), openClient().io);
}

describe('a runner that is killed', () => {
  it('fails its calls as unavailable, is started again, and what it left running is swept', async () => {
    const { runner } = open();
    const client = openClient();
    const script = 'setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!; exec sleep 300';
    const running = runTool(runner, permitFor('/bin/sh', ['-c', script]), client.io);
    const orphan = await client.firstLine();
    const { pid } = runner.status();
    process.kill(pid ?? 0, 'SIGKILL');
    expect(await running).toMatchObject({
      kind: 'failed',
      reason: 'tool-unavailable',
      retryAfterMs: expect.any(Number),
    });
    expect(await echo(runner)).toMatchObject({ kind: 'exited', status: 0 });
    await until(() => !isAlive(orphan));
    await until(() => runner.status().pid !== null);
    expect(runner.status()).toMatchObject({ restarts: 1 });
    expect(runner.status().pid).not.toBe(pid);
  });

  it('takes no tool of the other process with it', async () => {
    const { runner } = open();
    const clients = Array.from({ length: 8 }, () => openClient());
    const running = clients.map((client) => runTool(runner, permitFor(fixture('ignore-term'), []), client.io));
    const tools = await Promise.all(clients.map((client) => client.firstLine()));
    const { pid } = runner.status();
    const others = tools.filter((tool) => Number(parentOf(tool)) !== pid);
    expect(others.length).toBeGreaterThan(0);
    expect(others.length).toBeLessThan(tools.length);
    process.kill(pid ?? 0, 'SIGKILL');
    await until(() => runner.status().restarts === 1 && runner.status().pid !== null);
    await until(() => tools.every((tool) => others.includes(tool) || !isAlive(tool)));
    expect(others.every(isAlive)).toBe(true);
    for (const client of clients) client.signal('KILL');
    await Promise.all(running);
  });
});

function parentOf(pid: string): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1];
}

describe('a runner that is asked whether it is there', () => {
  it('answers, and not while it is stopped', async () => {
    const { runner } = open();
    await echo(runner);
    expect(await runner.ping()).toBe(true);
    const { pid } = runner.status();
    process.kill(pid ?? 0, 'SIGSTOP');
    let answered = false;
    const asked = [runner.ping(), runner.ping()].map(async (ping) => {
      const isThere = await ping;
      answered = true;
      return isThere;
    });
    // The first call goes to the stopped process and waits; the other process answers the second one.
    const waiting = echo(runner);
    expect(await echo(runner)).toMatchObject({ kind: 'exited', status: 0 });
    expect(answered).toBe(false);
    process.kill(pid ?? 0, 'SIGCONT');
    expect(await Promise.all(asked)).toEqual([true, true]);
    expect(await waiting).toMatchObject({ kind: 'exited', status: 0 });
  });

  it('does not answer where it ended', async () => {
    const { runner } = open();
    await echo(runner);
    process.kill(runner.status().pid ?? 0, 'SIGSTOP');
    const asked = runner.ping();
    process.kill(runner.status().pid ?? 0, 'SIGKILL');
    expect(await asked).toBe(false);
    await runner.stop();
    expect(await runner.ping()).toBe(false);
  });
});

describe('a runner that cannot be started', () => {
  it('fails calls at once, saying when to try again', async () => {
    const stateDirectory = temporary();
    const warnings: string[] = [];
    const log = { warn: (message: string): void => void warnings.push(message) };
    const broken = join(stateDirectory, 'main.js');
    writeFileSync(broken, 'process.exitCode = 1;');
    const runner = openRunner({ stateDirectory, entry: broken, log });
    cleanups.push(runner.stop);
    await until(() => runner.status().restarts >= 4);
    const startedAt = performance.now();
    expect(await echo(runner)).toMatchObject({
      kind: 'failed',
      reason: 'tool-unavailable',
      retryAfterMs: expect.any(Number),
    });
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(warnings[0]).toMatch(/^runner: /);
  });

  it('works as soon as it can be', async () => {
    const stateDirectory = temporary();
    const entry = join(stateDirectory, 'main.mjs');
    writeFileSync(entry, 'process.exitCode = 1;');
    const runner = openRunner({ stateDirectory, entry });
    cleanups.push(runner.stop);
    await until(() => runner.status().restarts >= 3);
    writeFileSync(entry, `await import(${JSON.stringify(ENTRY)});`);
    await until(() => runner.status().pid !== null && isAlive(runner.status().pid ?? 0));
    let outcome: unknown;
    const work = async (): Promise<void> => {
      outcome = await echo(runner);
    };
    for (let tries = 0; tries < 200 && !JSON.stringify(outcome ?? '').includes('exited'); tries += 1) {
      await work();
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    expect(outcome).toMatchObject({ kind: 'exited', status: 0 });
  });
});

describe('stop', () => {
  it('ends every tool and the processes, and nothing starts after it', async () => {
    const { runner } = open();
    const client = openClient();
    const running = runTool(runner, permitFor(fixture('ignore-term'), []), client.io);
    const tool = await client.firstLine();
    const before = childrenOf(process.pid);
    const { pid } = runner.status();
    expect(before).toContain(pid);
    await runner.stop();
    expect(await running).toMatchObject({ kind: 'failed', reason: 'tool-unavailable' });
    expect(isAlive(tool)).toBe(false);
    expect(isAlive(pid ?? 0)).toBe(false);
    expect(await echo(runner)).toMatchObject({ kind: 'failed', reason: 'tool-unavailable' });
    expect(runner.status().pid).toBeNull();
  });
});

describe('the place of a runner', () => {
  it('is private, and holds no socket once it ended', async () => {
    const { runner, stateDirectory } = open();
    await echo(runner);
    const directory = join(stateDirectory, 'runner');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const sockets = readdirSync(directory).filter((name) => name.endsWith('.sock'));
    expect(sockets.length).toBeGreaterThan(0);
    for (const name of sockets) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    await runner.stop();
    expect(readdirSync(directory)).toEqual(['installation']);
  });

  it('is made private again where it was not', async () => {
    const stateDirectory = temporary();
    mkdirSync(join(stateDirectory, 'runner'));
    chmodSync(join(stateDirectory, 'runner'), 0o777);
    writeFileSync(join(stateDirectory, 'runner', 'installation'), 'nonsense');
    writeFileSync(join(stateDirectory, 'runner', '00000000.sock'), '');
    const runner = openRunner({ stateDirectory, entry: ENTRY });
    cleanups.push(runner.stop);
    expect(statSync(join(stateDirectory, 'runner')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(stateDirectory, 'runner'))).not.toContain('00000000.sock');
    expect(await echo(runner)).toMatchObject({ kind: 'exited', status: 0 });
  });

  it('may have a path that is too long for a socket', async () => {
    const stateDirectory = join(temporary(), 'x'.repeat(120));
    mkdirSync(stateDirectory);
    const runner = openRunner({ stateDirectory, entry: ENTRY });
    cleanups.push(runner.stop);
    expect(await echo(runner)).toMatchObject({ kind: 'exited', status: 0 });
  });
});

describe('a runner process', () => {
  it('has nothing of the environment, and its memory stays small', async () => {
    const { runner } = open();
    await echo(runner);
    const { pid } = runner.status();
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1').replace(/^(PWD|OLDPWD|SHLVL|_)=[^\0]*\0/gm, '')).toBe('');
    const resident = /^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    expect(Number(resident)).toBeLessThan(80 * 1024);
  });

  it('stays when the signals of a terminal or a service manager reach it', async () => {
    const { runner } = open();
    await echo(runner);
    const { pid } = runner.status();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid ?? 0, signal);
    expect(await echo(runner)).toMatchObject({ kind: 'exited', status: 0 });
    expect(runner.status()).toEqual({ pid, restarts: 0 });
  });
});

describe('a gateway that is killed', () => {
  /** Resolves once `lines` lines came; the test kills the gateway, or its end does. */
  async function startGateway(
    stateDirectory: string,
    names: readonly string[],
    stdio: StdioOptions = ['ignore', 'pipe', 'inherit'],
  ): Promise<{ readonly gateway: ChildProcess; readonly lines: readonly string[] }> {
    const gateway = spawn(process.execPath, [GATEWAY, stateDirectory, ...names.map(fixture)], { stdio });
    cleanups.push(() => void gateway.kill('SIGKILL'));
    let text = '';
    gateway.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await until(() => text.split('\n').length > names.length);
    return { gateway, lines: text.trim().split('\n') };
  }

  it('takes its runners and every tool with it, in other sessions too', async () => {
    const names = ['ignore-term', 'setsid-holder', 'never-read'];
    const { gateway, lines: tools } = await startGateway(temporary(), names);
    const runners = childrenOf(gateway.pid ?? 0);
    expect(runners.length).toBeGreaterThan(0);
    expect(tools.every(isAlive)).toBe(true);
    gateway.kill('SIGKILL');
    await until(() => tools.every((tool) => !isAlive(tool)), 5000);
    await until(() => runners.every((runner) => !isAlive(runner)), 5000);
  });

  it('together with its runners leaves tools that the next start ends', async () => {
    const stateDirectory = temporary();
    const { gateway, lines: tools } = await startGateway(stateDirectory, ['ignore-term', 'setsid-holder']);
    for (const runner of childrenOf(gateway.pid ?? 0)) process.kill(runner, 'SIGKILL');
    gateway.kill('SIGKILL');
    const runner = openRunner({ stateDirectory, entry: ENTRY });
    cleanups.push(runner.stop);
    await until(() => tools.every((tool) => !isAlive(tool)));
    expect(await echo(runner)).toMatchObject({ kind: 'exited', status: 0 });
  });

  it('hands on no descriptor that it inherited itself', async () => {
    // Descriptor 40 is beyond the gap up to which Node marks what it inherits.
    const descriptor = openSync('/dev/null', 'r');
    const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', ...Array.from({ length: 39 }, () => 'ignore' as const)];
    for (const inherited of [7, 40, 41]) stdio[inherited] = descriptor;
    const { lines } = await startGateway(temporary(), ['print-descriptors'], stdio);
    closeSync(descriptor);
    expect(lines).toEqual(['0 1 2 3']); // 3 is the listing's own
  });
});
