import { setTimeout as delay } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool } from '../../src/engine/run-tool.ts';
import type { Permit } from '../../src/model/permit.ts';
import { fixture, isAlive, openClient, openTestRunner, permitFor, until } from './runner-fixtures.ts';
import type { TestClient, TestRunner } from './runner-fixtures.ts';

let test: TestRunner;
beforeAll(() => {
  test = openTestRunner();
});
afterAll(() => test.close());

function run(permit: Permit, client: TestClient = openClient()) {
  return runTool(test.runner, permit, client.io);
}

async function timed<T>(work: Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const startedAt = performance.now();
  const result = await work;
  return { result, ms: performance.now() - startedAt };
}

/** A client that takes one chunk and then no more. */
function stalledReader(): Writable {
  return new Writable({ highWaterMark: 1024, write: () => {} });
}

describe('the time limit', () => {
  it('ends a tool by TERM, and forwards what it says last', async () => {
    const client = openClient();
    const outcome = await run(permitFor(fixture('report-term'), [], { limits: { timeLimitMs: 300 } }), client);
    expect(outcome).toMatchObject({ kind: 'limited', reason: 'time-limit' });
    expect(client.stdout().toString()).toMatch(/^[0-9]+\nterminated\n$/);
  });

  it('KILLs a tool that ignores TERM after its grace period', async () => {
    const client = openClient();
    const permit = permitFor(fixture('ignore-term'), [], { limits: { timeLimitMs: 200, killGraceMs: 300 } });
    const { result, ms } = await timed(run(permit, client));
    expect(result).toMatchObject({ kind: 'limited', reason: 'time-limit' });
    expect(ms).toBeGreaterThan(490);
    expect(isAlive(await client.firstLine())).toBe(false);
  });

  it('holds for those that hold the output after the tool itself ended, in another session too', async () => {
    const client = openClient();
    const permit = permitFor(fixture('setsid-holder'), [], { limits: { timeLimitMs: 300 } });
    const { result, ms } = await timed(run(permit, client));
    expect(result).toMatchObject({ kind: 'limited', reason: 'time-limit' });
    expect(ms).toBeLessThan(2500);
    const holder = await client.firstLine();
    await until(() => !isAlive(holder));
  });

  it('holds for a client that does not read', async () => {
    const client = openClient({ stdout: stalledReader() });
    const permit = permitFor(fixture('flood'), [], { limits: { timeLimitMs: 300, killGraceMs: 200 } });
    const { result, ms } = await timed(run(permit, client));
    expect(result).toMatchObject({ kind: 'limited', reason: 'time-limit' });
    expect(ms).toBeLessThan(2500);
  });

  it('holds for the last bytes of a tool that ended long before', async () => {
    const client = openClient({ stdout: stalledReader() });
    const { result } = await timed(run(permitFor('/bin/echo', ['x'], { limits: { timeLimitMs: 300 } }), client));
    expect(result).toMatchObject({ kind: 'limited', reason: 'time-limit' });
  });

  it('does not end a tool with a limit beyond the longest timer', async () => {
    const outcome = await run(permitFor('/bin/sleep', ['0.05'], { limits: { timeLimitMs: 2 ** 40 } }));
    expect(outcome).toMatchObject({ kind: 'exited', status: 0 });
  });
});

describe('the output limit', () => {
  it('lets exactly its bytes through, and ends the tool', async () => {
    const client = openClient();
    const permit = permitFor(fixture('flood'), [], { limits: { outputLimitBytes: 100_001 } });
    const outcome = await run(permit, client);
    expect(outcome).toMatchObject({ kind: 'limited', reason: 'output-limit', bytes: { stdout: 100_001 } });
    expect(client.stdout().length).toBe(100_001);
  });

  it('counts stdout and stderr together', async () => {
    const client = openClient();
    const script = 'printf 12345; exec 1>&-; sleep 0.1; printf 6789 >&2';
    const outcome = await run(permitFor('/bin/sh', ['-c', script], { limits: { outputLimitBytes: 7 } }), client);
    expect(outcome).toMatchObject({ kind: 'limited', reason: 'output-limit', bytes: { stdout: 5, stderr: 2 } });
    expect(client.stderr()).toBe('67');
  });

  it('is not reached by as many bytes as it allows', async () => {
    const outcome = await run(permitFor('/bin/sh', ['-c', 'printf 12345'], { limits: { outputLimitBytes: 5 } }));
    expect(outcome).toMatchObject({ kind: 'exited', status: 0, bytes: { stdout: 5 } });
  });
});

describe('a client that leaves', () => {
  it('ends its tool', async () => {
    const client = openClient();
    const running = run(permitFor(fixture('never-read'), []), client);
    const pid = await client.firstLine();
    client.leave();
    expect(await running).toMatchObject({ kind: 'abandoned' });
    expect(isAlive(pid)).toBe(false);
  });

  it('has its tool waited for until that has ended', async () => {
    const client = openClient();
    const running = run(permitFor(fixture('ignore-term'), [], { limits: { killGraceMs: 300 } }), client);
    const pid = await client.firstLine();
    client.leave();
    expect(isAlive(pid)).toBe(true);
    await running;
    expect(isAlive(pid)).toBe(false);
  });

  it('while its tool is being started ends it too, and before that starts none', async () => {
    const client = openClient();
    const running = run(permitFor('/bin/sleep', ['30']), client);
    client.leave();
    expect(await running).toMatchObject({ kind: 'abandoned' });
    const { result, ms } = await timed(run(permitFor('/bin/sleep', ['30']), client));
    expect(result).toMatchObject({ kind: 'abandoned', durationMs: 0 });
    expect(ms).toBeLessThan(50);
  });
});

describe("a client's signal", () => {
  it.each(['HUP', 'INT', 'TERM', 'KILL'] as const)('%s reaches the tool and whatever it started', async (name) => {
    const client = openClient();
    const running = run(permitFor('/bin/sh', ['-c', "sh -c 'echo $$; exec sleep 300'; exit 9"]), client);
    const child = await client.firstLine();
    client.signal(name);
    expect(await running).toMatchObject({ kind: 'signalled', signal: `SIG${name}` });
    await until(() => !isAlive(child));
  });

  it('that the tool handles leaves the tool its own status', async () => {
    const client = openClient();
    const running = run(permitFor(fixture('report-term'), []), client);
    await client.firstLine();
    client.signal('TERM');
    expect(await running).toMatchObject({ kind: 'exited', status: 7 });
  });
});

describe('what a tool leaves running', () => {
  it('is swept where it left the group, at once where nobody waits for it', async () => {
    const client = openClient();
    const outcome = await run(permitFor(fixture('setsid-daemon'), []), client);
    expect(outcome).toMatchObject({ kind: 'exited', status: 0 });
    const daemon = await client.firstLine();
    await until(() => !isAlive(daemon), 3000);
  });

  it('is ended with the grace period where it stayed in the group', async () => {
    const client = openClient();
    const outcome = await run(permitFor(fixture('group-leftover'), [], { limits: { killGraceMs: 200 } }), client);
    expect(outcome).toMatchObject({ kind: 'exited', status: 0 });
    const leftover = await client.firstLine();
    await until(() => !isAlive(leftover), 3000);
  });

  it("is no other call's business", async () => {
    const long = openClient();
    const running = run(permitFor('/bin/sh', ['-c', 'setsid sleep 300 & echo $!; wait']), long);
    const inLong = await long.firstLine();
    const daemon = openClient();
    await run(permitFor(fixture('setsid-daemon'), []), daemon);
    const swept = await daemon.firstLine();
    await until(() => !isAlive(swept), 3000);
    await delay(50);
    expect(isAlive(inLong)).toBe(true);
    long.leave();
    await running;
    await until(() => !isAlive(inLong), 3000);
  });
});
