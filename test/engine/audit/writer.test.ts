import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_LINE_BYTES } from '../../../src/engine/audit/line.ts';
import { type LogIo, SYSTEM_IO } from '../../../src/engine/audit/log-file.ts';
import { type AuditLog, type AuditLogOptions, openAuditLog } from '../../../src/engine/audit/writer.ts';
import { CarapaceError } from '../../../src/model/error.ts';
import { checkedRecords, linesOf } from './chain-check.ts';
import { compileSources } from './compiled.ts';
import { decision, outcome } from './events.ts';

let compiled: string;
let directory: string;
let file: string;
let logs: AuditLog[];
let clockMs: number;

beforeAll(() => {
  compiled = compileSources('engine/audit/writer.ts');
});

afterAll(() => rmSync(compiled, { recursive: true }));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-audit-'));
  file = join(directory, 'audit.jsonl');
  logs = [];
  clockMs = Date.UTC(2027, 0, 31, 8, 0, 0, 5);
});

afterEach(() => {
  for (const log of logs) log.close();
  rmSync(directory, { recursive: true, force: true });
});

function openLog(options: Partial<AuditLogOptions> = {}): AuditLog {
  const log = openAuditLog({ file, now: () => clockMs, ...options });
  logs.push(log);
  return log;
}

/** What `act` throws, which must be one of our errors. */
function errorOf(act: () => unknown): CarapaceError {
  try {
    act();
  } catch (error) {
    if (error instanceof CarapaceError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

describe('a record', () => {
  it('is one line with its fields in the documented order', () => {
    openLog().append(decision({ argv: ['item', 'get', 'a\nb'] }));
    const [line] = linesOf(file);
    expect(line).toBe(
      '{"seq":1,"time":"2027-01-31T08:00:00.005Z","event":"decision","request":"r1","client":"claw-vm",' +
        '"verdict":"allow","reason":null,"word":null,"tool":"op","type":"cli","argv":["item","get","a\\nb"],' +
        '"argvCut":false,"http":null,"cwd":null,"env":[],"envDropped":0,"meta":{},"rule":"policies/claw.yaml:4","policy":"d1",' +
        `"key":"SHA256:abc","door":"ssh","connection":"c1","peer":"127.0.0.1","prev":"${'0'.repeat(64)}"}`,
    );
  });

  it('is in the file when append returns', () => {
    const log = openLog();
    log.append(decision());
    expect(linesOf(file)).toHaveLength(1);
    log.append(outcome());
    expect(linesOf(file)).toHaveLength(2);
  });

  it('holds no field that is not named, whatever the object carries', () => {
    const event = { ...decision(), password: 'hunter2' };
    openLog().append(event);
    expect(readFileSync(file, 'utf8')).not.toContain('hunter2');
  });

  it('is plain ASCII where a client sends control, bidirectional and invisible characters', () => {
    const hostile = [
      '\u001b[2J',
      '\u0085',
      '\u009b31m',
      '\u202egpj',
      '\u2028',
      '\u200b',
      '\u{e0041}',
      '\ud800',
      '\u007f',
    ];
    openLog().append(decision({ argv: hostile, meta: { run: '\u2066x' } }));
    const bytes = readFileSync(file);
    expect([...bytes].every((byte) => byte === 0x0a || (byte >= 0x20 && byte <= 0x7e))).toBe(true);
    expect(checkedRecords(file)[0]).toMatchObject({ argv: hostile, meta: { run: '\u2066x' } });
  });

  it('keeps ordinary text of other languages readable', () => {
    openLog().append(decision({ argv: ['Grüße', '日本'] }));
    expect(readFileSync(file, 'utf8')).toContain('["Grüße","日本"]');
  });

  it('stays bounded and says that it was cut when its arguments are huge', () => {
    const argv = ['\u0001'.repeat(131_071), ...Array.from({ length: 100_000 }, () => ''), 'last'];
    openLog().append(decision({ argv, cwd: '/'.repeat(1_000_000) }));
    const [line] = linesOf(file);
    expect(Buffer.byteLength(line ?? '')).toBeLessThan(MAX_LINE_BYTES / 4);
    const [record] = checkedRecords(file);
    expect(record).toMatchObject({ event: 'decision', tool: 'op', argvCut: true, request: 'r1' });
    expect(record).toHaveProperty('argv.0', expect.stringMatching(/\.\.\.\(131071 characters\)$/));
  });

  it('keeps all of an argument list that fits', () => {
    const argv = Array.from({ length: 300 }, (_, i) => `file-${i}.txt`);
    openLog().append(decision({ argv }));
    expect(checkedRecords(file)[0]).toMatchObject({ argv, argvCut: false });
  });
});

describe('the chain', () => {
  it('links every record to the bytes of the line before', () => {
    const log = openLog();
    for (let i = 0; i < 50; i += 1) log.append(decision({ request: `r${i}`, argv: ['ü', `${i}`] }));
    expect(checkedRecords(file)).toHaveLength(50);
    expect(log.state()).toEqual({ ok: true, lastError: null, seq: 50 });
  });

  it('goes on across restarts without a gap', () => {
    for (let run = 0; run < 3; run += 1) {
      const log = openLog();
      log.append(decision());
      log.append(outcome());
      log.close();
    }
    expect(checkedRecords(file).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('goes on behind a last line that is as long as lines get', () => {
    const argv = Array.from({ length: 4 }, () => '\u0001'.repeat(2000));
    openLog().append(decision({ argv, env: argv, meta: { a: '\u0001'.repeat(9000) } }));
    logs.pop()?.close();
    openLog().append(decision());
    expect(checkedRecords(file)).toHaveLength(2);
  });

  it('keeps a torn last line as evidence and goes on behind it', () => {
    const log = openLog();
    log.append(decision());
    log.append(decision({ request: 'torn' }));
    log.close();
    truncateSync(file, statSync(file).size - 20);
    openLog().append(outcome());
    const [first, torn, repaired, last] = linesOf(file);
    expect(JSON.parse(first ?? '')).toMatchObject({ seq: 1 });
    expect(torn).toContain('"torn"');
    expect(JSON.parse(repaired ?? '')).toMatchObject({ seq: 2, event: 'log', action: 'repaired' });
    expect(JSON.parse(repaired ?? '')).toHaveProperty('prev', sha256(torn ?? ''));
    expect(JSON.parse(last ?? '')).toMatchObject({ seq: 3, event: 'outcome', prev: sha256(repaired ?? '') });
  });

  it('counts a last record that lacks only its newline', () => {
    const log = openLog();
    log.append(decision());
    log.append(decision());
    log.close();
    truncateSync(file, statSync(file).size - 1);
    openLog().append(outcome());
    expect(checkedRecords(file).map(({ event }) => event)).toEqual(['decision', 'decision', 'log', 'outcome']);
  });

  it('goes on behind a torn first record', () => {
    writeFileSync(file, '{"seq":1,"ti', { mode: 0o600 });
    openLog().append(decision());
    expect(
      linesOf(file)
        .slice(1)
        .map((line) => (JSON.parse(line) as { seq: number }).seq),
    ).toEqual([1, 2]);
  });

  it('goes on behind several torn lines', () => {
    openLog().append(decision());
    logs.pop()?.close();
    appendFileSync(file, '{"seq":2,"x\n\0\0\0\0\n{"seq":2');
    openLog().append(decision());
    const last = JSON.parse(linesOf(file).at(-1) ?? '') as { seq: number };
    expect(last.seq).toBe(3);
  });
});

describe('the file', () => {
  it('is made with mode 0600 whatever the umask', () => {
    const before = process.umask(0);
    try {
      openLog().append(decision());
    } finally {
      process.umask(before);
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}.lock`).mode & 0o777).toBe(0o600);
  });

  it.each([0o640, 0o604, 0o660, 0o606])('is refused with mode %o', (mode) => {
    writeFileSync(file, '');
    chmodSync(file, mode);
    const error = errorOf(() => openLog());
    expect(error.code).toBe('audit-unavailable');
    expect(error.message).toContain(`has mode 0${mode.toString(8)}, expected 0600`);
    expect(error.hint).toContain('chmod 600');
  });

  it('is refused as a symlink', () => {
    writeFileSync(join(directory, 'elsewhere'), '', { mode: 0o600 });
    symlinkSync(join(directory, 'elsewhere'), file);
    expect(errorOf(() => openLog()).message).toContain('is a symlink');
  });

  it('is refused as a directory', () => {
    mkdirSync(file);
    expect(errorOf(() => openLog()).code).toBe('audit-unavailable');
  });

  it('is refused as a FIFO without waiting for its other end', () => {
    spawnSync('mkfifo', ['-m', '600', file]);
    expect(errorOf(() => openLog()).message).toContain('is no regular file');
  });

  it.skipIf(process.geteuid?.() !== 0)('is refused where another user owns it', () => {
    writeFileSync(file, '', { mode: 0o600 });
    chownSync(file, 12_345, 0);
    expect(errorOf(() => openLog()).message).toContain('belongs to user 12345, expected 0');
  });

  it.each(['root:x:0:0\n', 'no newline', '{}\n', '[{"seq":1}]\n', '\n'])('is refused where it holds %j', (text) => {
    writeFileSync(file, text, { mode: 0o600 });
    const error = errorOf(() => openLog());
    expect(error.message).toContain('does not end in a record of carapace');
    expect(error.hint).toContain('move the file away');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('in a directory that is not there is an error that says what to do', () => {
    rmSync(directory, { recursive: true });
    const error = errorOf(() => openLog());
    expect(error.message).toContain('ENOENT');
    expect(error.hint).toContain('writable');
  });
});

describe('a second writer', () => {
  it('is refused, and told who holds the log', () => {
    openLog();
    const error = errorOf(() => openLog());
    expect(error.code).toBe('audit-unavailable');
    expect(error.message).toContain(`another gateway (process ${process.pid}) holds`);
  });

  it('may open the log once the first has closed it', () => {
    openLog().close();
    openLog().append(decision());
    expect(checkedRecords(file)).toHaveLength(1);
  });

  it('may open the log after an opening that failed', () => {
    writeFileSync(file, 'not ours\n', { mode: 0o600 });
    expect(errorOf(() => openLog()).message).toContain('does not end');
    unlinkSync(file);
    expect(() => openLog()).not.toThrow();
  });

  it('in another process is refused while the first lives, and served once it was killed', async () => {
    const holder = runWriter("openAuditLog({ file }); console.log('open'); setInterval(() => {}, 1000);");
    await once(holder.stdout, 'data');
    expect(errorOf(() => openLog()).message).toContain(`(process ${holder.pid})`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    openLog().append(decision());
    expect(checkedRecords(file)).toHaveLength(1);
  });

  it('that insists gets its turn, and both leave one chain', async () => {
    const insist = `
      for (let done = 0; done < 40; ) {
        try {
          const log = openAuditLog({ file });
          for (let i = 0; i < 5; i += 1, done += 1) log.append(event);
          log.close();
        } catch (error) {
          if (!error.message.includes('holds')) throw error;
        }
      }`;
    const writers = [runWriter(insist), runWriter(insist)];
    const statuses = await Promise.all(writers.map((writer) => once(writer, 'exit')));
    expect(statuses).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(checkedRecords(file)).toHaveLength(80);
  });
});

describe('a failing disk', () => {
  /** A disk with room for `room` more bytes, which takes what fits and then fails. */
  function smallDisk(room: number): { io: LogIo; disk: { room: number } } {
    const disk = { room };
    const write = (fd: number, bytes: Buffer, offset: number): number => {
      if (disk.room === 0) throw systemError('ENOSPC');
      const fits = Math.min(disk.room, bytes.length - offset);
      disk.room -= fits;
      return SYSTEM_IO.write(fd, bytes.subarray(offset, offset + fits), 0);
    };
    return { io: { ...SYSTEM_IO, write }, disk };
  }

  it('leaves no torn line behind a write that got halfway, and resumes with the count of what was lost', () => {
    const { io, disk } = smallDisk(700);
    const log = openLog({ io });
    log.append(decision({ request: 'kept' }));
    const before = readFileSync(file);
    const error = errorOf(() => log.append(decision({ request: 'lost' })));
    expect(error).toMatchObject({ code: 'audit-unavailable' });
    expect(error.message).toContain('ENOSPC');
    expect(error.hint).toContain('make space');
    expect(readFileSync(file)).toEqual(before);
    expect(log.state()).toMatchObject({ ok: false, seq: 1 });
    expect(() => log.append(decision({ request: 'lost too' }))).toThrow(CarapaceError);

    disk.room = 10_000;
    log.append(decision({ request: 'after' }));
    expect(log.state()).toMatchObject({ ok: true, seq: 3 });
    const records = checkedRecords(file);
    expect(records.map(({ event }) => event)).toEqual(['decision', 'log', 'decision']);
    expect(records[1]).toMatchObject({ action: 'resumed', lost: 2 });
    expect(records[1]?.['problem']).toContain('ENOSPC');
  });

  it('writes nothing more until what a failed write left could be cut off', () => {
    const { io, disk } = smallDisk(700);
    let cutting = false;
    const truncate = (fd: number, size: number): void => {
      if (!cutting) throw systemError('EIO');
      SYSTEM_IO.truncate(fd, size);
    };
    const log = openLog({ io: { ...io, truncate } });
    log.append(decision());
    expect(() => log.append(decision())).toThrow('ENOSPC');
    disk.room = 10_000;
    const torn = readFileSync(file);
    expect(() => log.append(decision())).toThrow('EIO');
    expect(readFileSync(file)).toEqual(torn);
    cutting = true;
    log.append(decision());
    expect(checkedRecords(file).map(({ event }) => event)).toEqual(['decision', 'log', 'decision']);
  });

  it('completes a write that the system took in pieces', () => {
    const write = (fd: number, bytes: Buffer, offset: number): number =>
      SYSTEM_IO.write(fd, bytes.subarray(offset, offset + 7), 0);
    const log = openLog({ io: { ...SYSTEM_IO, write } });
    log.append(decision());
    log.append(outcome());
    expect(checkedRecords(file)).toHaveLength(2);
  });

  it('takes back a record that could not be synced where the log is durable', () => {
    let failing = true;
    const sync = (fd: number): void => {
      if (failing) throw systemError('EIO');
      SYSTEM_IO.sync(fd);
    };
    const log = openLog({ durable: true, io: { ...SYSTEM_IO, sync } });
    expect(() => log.append(decision())).toThrow('EIO');
    expect(linesOf(file)).toEqual([]);
    failing = false;
    log.append(decision());
    expect(checkedRecords(file).map(({ event }) => event)).toEqual(['log', 'decision']);
  });

  it('syncs nothing where the log is not durable', () => {
    const sync = (): void => {
      throw new Error('synced');
    };
    expect(() => openLog({ io: { ...SYSTEM_IO, sync } }).append(decision())).not.toThrow();
  });

  it.skipIf(!mayMount())('that is really full refuses, keeps the chain and resumes', () => {
    const mounted = mkdtempSync(join(tmpdir(), 'carapace-full-'));
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mounted]).status).toBe(0);
    try {
      file = join(mounted, 'audit.jsonl');
      const ballast = join(mounted, 'ballast');
      const log = openLog();
      log.append(decision());
      writeFileSync(ballast, Buffer.alloc(40_000));
      expect(() => {
        for (let i = 0; i < 1000; i += 1) log.append(decision({ argv: ['x'.repeat(1000)] }));
      }).toThrow('ENOSPC');
      const { length } = checkedRecords(file);
      expect(() => log.check()).toThrow(CarapaceError);
      unlinkSync(ballast);
      log.check();
      log.append(outcome());
      expect(
        checkedRecords(file)
          .map(({ event }) => event)
          .slice(length),
      ).toEqual(['log', 'outcome']);
      log.close();
    } finally {
      spawnSync('umount', ['-l', mounted]);
      rmSync(mounted, { recursive: true });
    }
  });
});

describe('a file that somebody else touches', () => {
  const events = (path: string): string[] => linesOf(path).map((line) => (JSON.parse(line) as { event: string }).event);

  it('is begun anew within a second where it was removed, and the chain goes on', () => {
    const log = openLog();
    log.append(decision());
    const [gone] = linesOf(file);
    unlinkSync(file);
    clockMs += 1000;
    log.append(outcome());
    const [note] = linesOf(file);
    expect(JSON.parse(note ?? '')).toMatchObject({
      seq: 2,
      event: 'log',
      action: 'reopened',
      prev: sha256(gone ?? ''),
    });
    expect(events(file)).toEqual(['log', 'outcome']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is noticed where it was renamed and another one is in its place', () => {
    const log = openLog();
    log.append(decision());
    renameSync(file, `${file}.1`);
    writeFileSync(file, '', { mode: 0o600 });
    clockMs += 1000;
    log.append(outcome());
    expect(events(file)).toEqual(['log', 'outcome']);
    expect(events(`${file}.1`)).toEqual(['decision']);
  });

  it('refuses everything where what took its place is not private, until it is', () => {
    const log = openLog();
    log.append(decision());
    unlinkSync(file);
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    clockMs += 1000;
    expect(errorOf(() => log.append(outcome())).message).toContain('has mode 0644');
    expect(() => log.append(outcome())).toThrow(CarapaceError);
    expect(readFileSync(file, 'utf8')).toBe('');
    chmodSync(file, 0o600);
    log.append(outcome());
    expect(events(file)).toEqual(['log', 'log', 'outcome']);
  });

  it('refuses everything where its own mode was opened to others', () => {
    const log = openLog();
    log.append(decision());
    chmodSync(file, 0o666);
    clockMs += 1000;
    expect(() => log.append(outcome())).toThrow('has mode 0666');
  });

  it('goes on from its real end where lines were appended or cut by hand', () => {
    const log = openLog();
    log.append(decision());
    log.append(decision());
    truncateSync(file, 0);
    clockMs += 1000;
    log.append(outcome());
    expect(events(file)).toEqual(['log', 'outcome']);
    appendFileSync(file, 'scribble\n');
    clockMs += 1000;
    log.append(outcome());
    const lines = linesOf(file);
    expect(JSON.parse(lines[3] ?? '')).toMatchObject({ seq: 5, action: 'reopened', prev: sha256('scribble') });
  });

  it('never goes back in numbers where an older copy took its place', () => {
    const log = openLog();
    log.append(decision());
    const copy = readFileSync(file);
    log.append(decision());
    log.append(decision());
    unlinkSync(file);
    writeFileSync(file, copy, { mode: 0o600 });
    clockMs += 1000;
    log.append(outcome());
    expect(JSON.parse(linesOf(file)[1] ?? '')).toMatchObject({ seq: 4, prev: sha256(copy.toString().trimEnd()) });
  });

  it('is noticed although the clock was set back', () => {
    const log = openLog();
    log.append(decision());
    unlinkSync(file);
    clockMs -= 86_400_000;
    log.append(outcome());
    expect(events(file)).toEqual(['log', 'outcome']);
  });
});

describe('check', () => {
  it('writes nothing where all is well', () => {
    const log = openLog();
    log.check();
    expect(linesOf(file)).toEqual([]);
  });

  it('notices a removed directory at once', () => {
    const log = openLog();
    rmSync(directory, { recursive: true });
    expect(() => log.check()).toThrow(CarapaceError);
    expect(log.state().ok).toBe(false);
  });

  it('throws once the log is closed, as append does', () => {
    const log = openLog();
    log.close();
    expect(() => log.check()).toThrow('it is closed');
    expect(() => log.append(decision())).toThrow('it is closed');
    expect(log.state().ok).toBe(false);
  });
});

/** Runs a script with `openAuditLog`, the log's `file` and an `event` in a process of its own. */
function runWriter(script: string): ChildProcessByStdio<null, Readable, null> {
  const writer = JSON.stringify(join(compiled, 'engine/audit/writer.js'));
  const names = `const file = ${JSON.stringify(file)}; const event = ${JSON.stringify(decision())};`;
  const source = `import { openAuditLog } from ${writer}; ${names} ${script}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function mayMount(): boolean {
  if (process.geteuid?.() !== 0 || process.platform !== 'linux') return false;
  const probe = mkdtempSync(join(tmpdir(), 'carapace-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', probe]).status === 0;
  if (mounted) spawnSync('umount', [probe]);
  rmSync(probe, { recursive: true });
  return mounted;
}
