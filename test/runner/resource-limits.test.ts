import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool } from '../../src/engine/run-tool.ts';
import type { ResourceLimits } from '../../src/model/run-as.ts';
import { NoLimits, withLimits } from '../../src/runner/resource-limits.ts';
import { openClient, openTestRunner, permitFor } from '../engine/runner-fixtures.ts';
import type { TestRunner } from '../engine/runner-fixtures.ts';

const NONE: ResourceLimits = { cpuSeconds: null, memoryBytes: null, processes: null, openFiles: null };
const HAS_PRLIMIT = existsSync('/usr/bin/prlimit');

let test: TestRunner;
beforeAll(() => {
  test = openTestRunner();
});
afterAll(() => test.close());

interface Run {
  readonly outcome: unknown;
  readonly stdout: string;
}

async function run(binary: string, argv: readonly string[], resources: Partial<ResourceLimits>): Promise<Run> {
  const client = openClient();
  const permit = permitFor(binary, argv, { limits: { resources: { ...NONE, ...resources } } });
  const outcome = await runTool(test.runner, permit, client.io);
  return { outcome, stdout: client.stdout().toString() };
}

/** Soft and hard limit of the kernel for a line of /proc/self/limits. */
async function limitsOf(line: string, resources: Partial<ResourceLimits>): Promise<readonly string[]> {
  const { stdout } = await run('/bin/cat', ['/proc/self/limits'], resources);
  const found = stdout.split('\n').find((each) => each.startsWith(line)) ?? '';
  return found.slice(line.length).trim().split(/\s+/).slice(0, 2);
}

describe.runIf(HAS_PRLIMIT)('limits of a tool', () => {
  it.each([
    ['Max cpu time', { cpuSeconds: 7 }, '7'],
    ['Max address space', { memoryBytes: 2 ** 32 }, String(2 ** 32)],
    ['Max processes', { processes: 1234 }, '1234'],
    ['Max open files', { openFiles: 99 }, '99'],
  ])('%s: soft and hard alike', async (line, resources, expected) => {
    expect(await limitsOf(line, resources)).toEqual([expected, expected]);
  });

  it('are those of the runner where the policy has none', async () => {
    expect(await limitsOf('Max open files', {})).toEqual(await limitsOf('Max open files', { cpuSeconds: 9 }));
  });

  it('above the hard limit of the runner become that', async () => {
    const [, hard = ''] = await limitsOf('Max open files', {});
    expect(await limitsOf('Max open files', { openFiles: Number.MAX_SAFE_INTEGER })).toEqual([hard, hard]);
  });

  it('leave a program the name and the arguments that the policy gave it', async () => {
    const { stdout } = await run('/bin/sh', ['-c', String.raw`tr '\0' '|' </proc/$$/cmdline; : "$0"`, '--', '', '-x'], {
      openFiles: 64,
    });
    expect(stdout.startsWith('/bin/sh|-c|')).toBe(true);
    expect(stdout.endsWith('|--||-x|')).toBe(true);
  });

  it('end a tool that takes more processor time', async () => {
    const { outcome } = await run('/bin/sh', ['-c', 'while :; do :; done'], { cpuSeconds: 1 });
    expect(outcome).toMatchObject({ kind: 'signalled' });
  });

  it('do not make a program that is missing look like one that ran', async () => {
    const { outcome } = await run('/no/such/program', [], { cpuSeconds: 1 });
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: 'tool-unavailable',
      detail: expect.stringContaining('ENOENT'),
    });
  });
});

describe('withLimits', () => {
  it('starts the program itself where nothing is limited', () => {
    const program = { binary: '/bin/true', argv: ['x'] };
    expect(withLimits(program, null)).toBe(program);
    expect(withLimits(program, NONE)).toBe(program);
  });

  it('refuses where there is no prlimit', () => {
    const program = { binary: '/bin/true', argv: ['x'] };
    expect(() => withLimits(program, { ...NONE, cpuSeconds: 1 }, ['/no/such/prlimit'])).toThrow(NoLimits);
  });
});
