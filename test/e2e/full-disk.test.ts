/** With the disk of `state/` full nothing runs, callers are told so, and service resumes when there is space. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, TestGateway, until } from '../helpers/gateway.ts';
import { replyEvents } from '../helpers/reply-events.ts';

const POLICY = `
version: 1
tools:
  touch: {type: cli, binary: /usr/bin/touch, argv_allow_patterns: ["*"]}
  cat: {type: cli, binary: /bin/cat, argv_allow_patterns: [""], stdin: stream}
`;

const directory = mkdtempSync(join(tmpdir(), 'carapace-full-'));
const state = join(directory, 'gw', 'state');

function mount(): void {
  mkdirSync(state, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'carapace-test', state], { stdio: 'ignore' });
}

function unmount(): void {
  execFileSync('umount', [state]);
  rmSync(directory, { recursive: true, force: true });
}

/** A file system of one's own takes the right to mount one: root's, where no container takes it away. */
function mayMount(): boolean {
  try {
    mount();
  } catch {
    rmSync(directory, { recursive: true, force: true });
    return false;
  }
  unmount();
  return true;
}

function fill(): void {
  const fd = openSync(join(state, 'filler'), 'w');
  try {
    for (const size of [65_536, 4096, 1]) while (tryWrite(fd, size));
  } finally {
    closeSync(fd);
  }
}

function tryWrite(fd: number, size: number): boolean {
  try {
    return writeSync(fd, Buffer.alloc(size)) === size;
  } catch {
    return false;
  }
}

describe.skipIf(!mayMount())('a full disk', () => {
  let gateway: TestGateway;
  const witness = join(directory, 'witness');
  const touched = (): boolean => execFileSync('ls', [directory]).toString().includes('witness');

  beforeAll(async () => {
    mount();
    gateway = await TestGateway.start({ policies: { test: POLICY }, dir: join(directory, 'gw') });
  });
  afterAll(async () => {
    try {
      await gateway.stop();
    } finally {
      unmount();
    }
  });

  it('stops every call with 74 before it runs, and the first after there is space runs', async () => {
    expect((await gateway.ssh(['cat'], { input: 'before' })).stdout.toString()).toBe('before');
    const before = gateway.audit().length;
    fill();
    // What is left of the log's last block is used up by records of calls that do not run either way.
    await until(async () => (await gateway.ssh(['cat'])).status === 74);
    for (let i = 0; i < 3; i += 1) {
      const done = await gateway.ssh(['touch', witness]);
      expect(done).toMatchObject({ status: 74, stdout: Buffer.alloc(0) });
      expect(done.stderr).toMatch(
        /^carapace: error: touch: the audit log cannot be written, so nothing ran \(audit-unavailable, request \S+\)\ncar/,
      );
    }
    expect(touched()).toBe(false);

    // Denials, malformed requests and `check` are recorded as well, so they cannot be answered otherwise either.
    expect((await gateway.ssh(['no-such-tool'])).status).toBe(74);
    expect((await gateway.ssh(["'"])).status).toBe(74);
    expect((await gateway.ssh(['check', 'cat'])).status).toBe(74);
    expect((await gateway.ssh(['ping'])).status).toBe(0);
    const framed = await gateway.ssh([frame({ tool: 'touch', argv: [witness], reply: 'frames' })]);
    const error = replyEvents(framed.stdout).at(-1);
    expect(error).toMatchObject({ event: 'error', code: 'audit-unavailable', status: 74, retriable: true });
    const health = await gateway.carapace(['health']);
    expect(health.status).not.toBe(0);
    expect(touched()).toBe(false);

    rmSync(join(state, 'filler'));
    expect((await gateway.ssh(['touch', witness])).status).toBe(0);
    expect(touched()).toBe(true);
    expect((await gateway.carapace(['health'])).status).toBe(0);

    const records = gateway.audit();
    expect(records.map((one) => one['seq'])).toEqual(records.map((_, index) => index + 1));
    const since = records.slice(before);
    expect(since.find((one) => one['event'] === 'log')).toMatchObject({ action: 'resumed', lost: expect.any(Number) });
    expect(since.filter((one) => one['tool'] === 'touch')).toMatchObject([
      { event: 'decision', verdict: 'allow' },
      { event: 'outcome', kind: 'exited', status: 0 },
    ]);
  });
});
