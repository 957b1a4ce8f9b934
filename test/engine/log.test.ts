import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog, type LogLevel } from '../../src/engine/log.ts';
import { compileSources } from './audit/compiled.ts';

/** The lines that `use` logs. */
function logged(
  format: 'text' | 'json',
  use: (log: ReturnType<typeof createLog>) => void,
  level: LogLevel = 'debug',
): string[] {
  const lines: string[] = [];
  use(createLog({ level, format, write: (line) => void lines.push(line) }));
  return lines;
}

describe('text', () => {
  it('is a line in the form of all messages, its fields behind it', () => {
    const lines = logged('text', (log) => {
      log.info('policies: loaded', { files: 3, digest: 'abc' });
      log.warn('runner: shares the gateway user');
      log.error('audit log: cannot be written');
      log.debug('ssh: message 30');
    });
    expect(lines).toEqual([
      'carapace: info: policies: loaded (files=3, digest=abc)\n',
      'carapace: warning: runner: shares the gateway user\n',
      'carapace: error: audit log: cannot be written\n',
      'carapace: debug: ssh: message 30\n',
    ]);
  });

  it('is one harmless line whatever is in message and fields', () => {
    const [line] = logged('text', (log) => log.info('a\n\u001b[2Jb', { 'x\u202e': 'y\r\nz', n: null, yes: true }));
    expect(line).toBe('carapace: info: a\\n\\x1b[2Jb (x\\u{202e}=y\\r\\nz, n=null, yes=true)\n');
  });

  it('leaves what the caller has escaped already as it is', () => {
    const [line] = logged('text', (log) => log.info('tool: \\x1b is refused'));
    expect(line).toBe('carapace: info: tool: \\x1b is refused\n');
  });
});

describe('json', () => {
  it('is an object a line', () => {
    const [line] = logged('json', (log) => log.warn('keys: unreadable', { file: 'claw-vm' }));
    expect(line).toMatch(/\n$/);
    const record = JSON.parse(line ?? '') as Record<string, unknown>;
    expect(record).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      file: 'claw-vm',
      msg: 'keys: unreadable',
    });
  });

  it('is safe to show with cat and means the same', () => {
    const text = 'a\n\u001b\u0085\u202e\u2028';
    const [line] = logged('json', (log) => log.info(text, { text }));
    expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(line ?? '')).toMatchObject({ msg: text, text });
  });
});

it.each([
  ['debug', 4],
  ['info', 3],
  ['warn', 2],
  ['error', 1],
] as const)('level %s leaves %i of the four', (level, count) => {
  const use = (log: ReturnType<typeof createLog>): void => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  };
  expect(logged('text', use, level)).toHaveLength(count);
});

it.each(['text', 'json'] as const)('never throws where its %s lines cannot be written', (format) => {
  const write = (): void => {
    throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  };
  const log = createLog({ level: 'debug', format, write });
  expect(() => {
    for (let i = 0; i < 100; i += 1) log.error('audit log: cannot be written', { i });
  }).not.toThrow();
});

describe('stderr', () => {
  let compiled: string;
  beforeAll(() => {
    compiled = compileSources('engine/log.ts');
  });
  afterAll(() => rmSync(compiled, { recursive: true }));

  /** Logs in a process of its own with `stderr` as its stderr, and returns what it says once it has. */
  function runLogger(stderr: 'pipe' | number): { stdout: string; stderr: string } {
    const log = JSON.stringify(join(compiled, 'engine/log.js'));
    const source = `import { createLog } from ${log};
      const log = createLog({ level: 'info', format: 'text' });
      for (let i = 0; i < 3; i += 1) log.info('line: ' + i);
      console.log('alive');`;
    const stdio = ['ignore', 'pipe', stderr] as const;
    return spawnSync(process.execPath, ['--input-type=module', '-e', source], { stdio: [...stdio], encoding: 'utf8' });
  }

  it('is where lines go', () => {
    const { stdout, stderr } = runLogger('pipe');
    expect(stderr).toBe('carapace: info: line: 0\ncarapace: info: line: 1\ncarapace: info: line: 2\n');
    expect(stdout).toBe('alive\n');
  });

  it.skipIf(process.platform !== 'linux')('may be a full disk', () => {
    const full = openSync('/dev/full', 'w');
    try {
      expect(runLogger(full).stdout).toBe('alive\n');
    } finally {
      closeSync(full);
    }
  });

  it('may be a pipe that nobody reads any more', async () => {
    const log = JSON.stringify(join(compiled, 'engine/log.js'));
    const source = `import { createLog } from ${log};
      const log = createLog({ level: 'info', format: 'text' });
      process.stdin.once('end', () => {
        for (let i = 0; i < 3; i += 1) log.info('line: ' + i);
        console.log('alive');
      }).resume();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source]);
    child.stderr.destroy();
    await once(child.stderr, 'close');
    child.stdin.end();
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    expect(output.toString()).toBe('alive\n');
    await once(child, 'exit');
  });
});
