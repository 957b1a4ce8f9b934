import { randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool } from '../../src/engine/run-tool.ts';
import type { Permit } from '../../src/model/permit.ts';
import { fixture, openClient, openTestRunner, permitFor, until } from './runner-fixtures.ts';
import type { TestClient, TestRunner } from './runner-fixtures.ts';

const MIB = 1024 * 1024;

let test: TestRunner;
beforeAll(() => {
  test = openTestRunner();
});
afterAll(() => test.close());

function run(permit: Permit, client: TestClient) {
  return runTool(test.runner, permit, client.io);
}

function counter(): { readonly sink: Writable; readonly bytes: () => number } {
  let bytes = 0;
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      done();
    },
  });
  return { sink, bytes: () => bytes };
}

describe('stdin', () => {
  it('reaches the tool byte for byte, and its end as an end', async () => {
    const client = openClient();
    const bytes = randomBytes(3 * MIB + 17);
    client.stdin.end(bytes);
    const outcome = await run(permitFor(fixture('echo-stdin'), [], { stdin: 'stream' }), client);
    expect(outcome).toMatchObject({ kind: 'exited', status: 0, bytes: { stdin: bytes.length, stdout: bytes.length } });
    expect(client.stdout().equals(bytes)).toBe(true);
    expect(client.stderr()).toBe('end of input\n');
  });

  it('that ended before the tool was started is an empty one', async () => {
    const client = openClient({ stdin: Readable.from([]) });
    await run(permitFor(fixture('echo-stdin'), [], { stdin: 'stream' }), client);
    expect(client.stderr()).toBe('end of input\n');
  });

  it('is /dev/null under `none`, and what the client sends is drained', async () => {
    const client = openClient();
    const sent = new Promise<void>((resolve) => client.stdin.write(Buffer.alloc(MIB), () => resolve()));
    await run(permitFor('/bin/sh', ['-c', 'readlink /proc/self/fd/0; cat']), client);
    expect(client.stdout().toString()).toBe('/dev/null\n');
    await sent;
  });

  it('stops being taken while a tool does not read it, and is drained once the tool ended', async () => {
    let taken = 0;
    const endless = new Readable({
      read() {
        setImmediate(() => {
          taken += 65_536;
          this.push(Buffer.alloc(65_536));
        });
      },
    });
    const client = openClient({ stdin: endless });
    const running = run(permitFor(fixture('never-read'), [], { stdin: 'stream' }), client);
    await client.firstLine();
    let before = -1;
    await until(() => {
      const isSettled = before === taken;
      before = taken;
      return isSettled;
    });
    expect(taken).toBeLessThan(4 * MIB);
    client.signal('TERM');
    expect(await running).toMatchObject({ kind: 'signalled', signal: 'SIGTERM' });
    await until(() => taken > before + MIB);
    endless.destroy();
  });

  it('may end after the tool that did not want all of it', async () => {
    const client = openClient({ stdin: Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(65_536, 'x'))) });
    const outcome = await run(permitFor('/usr/bin/head', ['-c', '3'], { stdin: 'stream' }), client);
    expect(outcome).toMatchObject({ kind: 'exited', status: 0, bytes: { stdout: 3 } });
    expect(client.stdout().toString()).toBe('xxx');
  });

  it('of a client that was lost midway does not end as if it were whole', async () => {
    const client = openClient();
    const running = run(permitFor(fixture('echo-stdin'), [], { stdin: 'stream' }), client);
    client.stdin.write('half\n');
    await client.firstLine();
    client.stdin.destroy();
    client.leave();
    expect(await running).toMatchObject({ kind: 'abandoned' });
    expect(client.stderr()).toBe('');
  });

  it('takes what a tool writes to it, and drops it', async () => {
    const client = openClient();
    const outcome = await run(
      permitFor('/bin/sh', ['-c', 'head -c 1000000 /dev/zero >&0'], { stdin: 'stream' }),
      client,
    );
    expect(outcome).toMatchObject({ kind: 'exited', status: 0, bytes: { stdout: 0 } });
  });
});

describe('stdout', () => {
  it('carries 256 MiB with bounded memory', async () => {
    const { sink, bytes } = counter();
    const client = openClient({ stdout: sink });
    const before = process.memoryUsage().rss;
    const outcome = await run(permitFor('/usr/bin/head', ['-c', String(256 * MIB), '/dev/zero']), client);
    expect(outcome).toMatchObject({ kind: 'exited', status: 0, bytes: { stdout: 256 * MIB } });
    expect(bytes()).toBe(256 * MIB);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB);
  });

  it('slows the tool down to its reader, without keeping what that has not read', async () => {
    let release: () => void = () => {};
    let bytes = 0;
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        release = done;
      },
    });
    const client = openClient({ stdout: sink });
    const running = run(permitFor(fixture('flood'), []), client);
    await until(() => bytes > 0);
    await delay(100);
    expect(bytes + sink.writableLength).toBeLessThan(MIB);
    const before = bytes;
    release();
    await until(() => bytes > before);
    client.leave();
    await running;
  });

  it('that nobody reads any more ends a writer the way a closed pipe does, silently', async () => {
    const { sink, bytes } = counter();
    const client = openClient({ stdout: sink });
    const running = run(permitFor(fixture('flood'), []), client);
    await until(() => bytes() > MIB);
    sink.destroy();
    expect(await running).toMatchObject({ kind: 'signalled', signal: 'SIGPIPE' });
    expect(client.stderr()).toBe('');
  });

  it('that nobody reads any more lets a tool that does not write go on', async () => {
    const { sink, bytes } = counter();
    const client = openClient({ stdout: sink });
    const script = 'echo first; read line; echo last; echo still here >&2; exit 4';
    const running = run(permitFor('/bin/sh', ['-c', `trap "" PIPE; ${script}`], { stdin: 'stream' }), client);
    await until(() => bytes() > 0);
    sink.destroy();
    client.stdin.end('go\n');
    expect(await running).toMatchObject({ kind: 'exited', status: 4 });
    expect(client.stderr()).toContain('still here\n');
  });

  it('and stderr flood side by side without one waiting for the other', async () => {
    const client = openClient({ stdout: new Writable({ highWaterMark: 1, write: () => {} }) });
    const script = 'yes & yes error | head -c 4000000 >&2; echo done >&2; wait';
    const running = run(permitFor('/bin/sh', ['-c', script]), client);
    await until(() => client.stderr().endsWith('done\n'));
    client.leave();
    await running;
  });
});
