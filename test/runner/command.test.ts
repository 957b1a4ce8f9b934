import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../src/runner/command.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const START = {
  type: 'start',
  token: TOKEN,
  binary: '/bin/echo',
  argv: ['a', ''],
  env: ['A=1', 'EMPTY=', 'TRICKY=a=b'],
  cwd: { path: '/', dev: '1', ino: '2' },
  stdin: 'none',
  killGraceMs: 2000,
  home: null,
  limits: null,
};
const LIMITS = { cpuSeconds: 1, memoryBytes: null, processes: null, openFiles: 2 };

describe('parseCommand', () => {
  it.each([
    START,
    { ...START, argv: [], env: [], stdin: 'stream', killGraceMs: 0 },
    { ...START, cwd: { path: '/', dev: '18446744073709551615', ino: '18446744073709551615' } },
    { ...START, home: '/home/x', limits: LIMITS },
    { type: 'signal', token: TOKEN, signal: 'KILL' },
    { type: 'end', token: TOKEN },
  ])('takes a command that is whole', (command) => {
    expect(parseCommand(JSON.stringify(command))).toEqual({ kind: 'command', command });
  });

  it.each([
    ['type', { ...START, type: 'run' }],
    ['type', { token: TOKEN }],
    ['binary', { ...START, binary: 'echo' }],
    ['binary', { ...START, binary: '/bin/e\0cho' }],
    ['argv', { ...START, argv: 'a' }],
    ['argv', { ...START, argv: [1] }],
    ['argv', { ...START, argv: ['a\0b'] }],
    ['argv', { ...START, argv: ['\udc00'] }],
    ['env', { ...START, env: { A: '1' } }],
    ['env', { ...START, env: ['A'] }],
    ['env', { ...START, env: ['=1'] }],
    ['env', { ...START, env: ['A=\0'] }],
    ['env', { ...START, env: ['CARAPACE_CALL=x'] }],
    ['cwd', { ...START, cwd: '/' }],
    ['cwd', { ...START, cwd: { path: '.', dev: '1', ino: '2' } }],
    ['cwd', { ...START, cwd: { path: '/', dev: 1, ino: '2' } }],
    ['cwd', { ...START, cwd: { path: '/', dev: '1' } }],
    ['cwd', { ...START, cwd: { path: '/', dev: '1', ino: '2', more: '3' } }],
    ['stdin', { ...START, stdin: 'file' }],
    ['killGraceMs', { ...START, killGraceMs: -1 }],
    ['killGraceMs', { ...START, killGraceMs: 1.5 }],
    ['killGraceMs', { ...START, killGraceMs: 3_600_001 }],
    ['killGraceMs', { ...START, killGraceMs: '1' }],
    ['home', { ...START, home: 'home' }],
    ['home', { ...START, home: '/a\0b' }],
    ['limits', { ...START, limits: 1 }],
    ['limits', { ...START, limits: [] }],
    ['limits', { ...START, limits: { ...LIMITS, cpuSeconds: 0 } }],
    ['limits', { ...START, limits: { ...LIMITS, cpuSeconds: 0.5 } }],
    ['limits', { ...START, limits: { ...LIMITS, cpuSeconds: '1:2' } }],
    ['limits', { ...START, limits: { cpuSeconds: 1 } }],
    ['limits', { ...START, limits: { ...LIMITS, core: 1 } }],
    ['shell', { ...START, shell: true }],
    ['signal', { type: 'signal', token: TOKEN, signal: 'QUIT' }],
    ['signal', { type: 'signal', token: TOKEN }],
    ['signal', { type: 'end', token: TOKEN, signal: 'KILL' }],
  ])('names %s where that is wrong', (field, value) => {
    expect(parseCommand(JSON.stringify(value))).toEqual({ kind: 'refused', token: TOKEN, field });
  });

  it.each(['', 'null', '[]', '"start"', '{', '{}', '{"token":1}', '{"token":"short","type":"end"}'])(
    'has nobody to answer for %s',
    (line) => {
      expect(parseCommand(line)).toEqual({ kind: 'broken' });
    },
  );

  it('misses no field: a start without any one of them is refused', () => {
    for (const field of Object.keys(START).filter((name) => name !== 'token')) {
      const rest = Object.fromEntries(Object.entries(START).filter(([name]) => name !== field));
      expect(parseCommand(JSON.stringify(rest))).toEqual({ kind: 'refused', token: TOKEN, field });
    }
  });

  it('is not deceived by what every object has', () => {
    const line = JSON.stringify({ token: TOKEN, type: 'constructor' });
    expect(parseCommand(line)).toEqual({ kind: 'refused', token: TOKEN, field: 'type' });
    const named = `{"type":"end","token":"${TOKEN}","__proto__":{}}`;
    expect(parseCommand(named)).toEqual({ kind: 'refused', token: TOKEN, field: '__proto__' });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        parseCommand(line);
      }),
    );
  });
});
