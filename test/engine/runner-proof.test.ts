import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { whyUnfit } from '../../src/engine/runner-proof.ts';
import type { ExpectedUser, ReadProc } from '../../src/engine/runner-proof.ts';

const USER: ExpectedUser = { kind: 'other', uid: 1001, gid: 1001, groups: [1001, 27] };
const PID = 4711;
const NO_CORE =
  'Limit                     Soft Limit           Hard Limit           Units\nMax core file size        0                    0                    bytes\n';
const GOOD = [
  'Name:\tnode',
  'Uid:\t1001\t1001\t1001\t1001',
  'Gid:\t1001\t1001\t1001\t1001',
  'Groups:\t27 1001 ',
  ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name}:\t0000000000000000`),
  'NoNewPrivs:\t1',
].join('\n');

function judge(said: string, seen = said, limits = NO_CORE, pid = PID): string | undefined {
  const read: ReadProc = (_pid, file) => (file === 'status' ? seen : limits);
  return whyUnfit({ type: 'hello', pid, status: said, place: null }, USER, PID, read);
}

const WRONG: readonly (readonly [string, string, string])[] = [
  ['Uid:\t1001', 'Uid:\t0', 'its real uid is 0, expected 1001'],
  ['Uid:\t1001\t1001', 'Uid:\t1001\t0', 'its effective uid is 0, expected 1001'],
  ['Uid:\t1001\t1001\t1001', 'Uid:\t1001\t1001\t0', 'its saved uid is 0, expected 1001'],
  ['Uid:\t1001\t1001\t1001\t1001', 'Uid:\t1001\t1001\t1001\t0', 'its file system uid is 0, expected 1001'],
  ['Gid:\t1001\t1001\t1001', 'Gid:\t1001\t1001\t5', 'its saved gid is 5, expected 1001'],
  ['Groups:\t27', 'Groups:\t0 27', 'it is in group 0, expected none but 1001, 27'],
  [
    'CapInh:\t0000000000000000',
    'CapInh:\t0000000000000001',
    'it has capabilities: CapInh is 0000000000000001, expected none',
  ],
  [
    'CapPrm:\t0000000000000000',
    'CapPrm:\t0000000000000002',
    'it has capabilities: CapPrm is 0000000000000002, expected none',
  ],
  [
    'CapEff:\t0000000000000000',
    'CapEff:\t000001ffffffffff',
    'it has capabilities: CapEff is 000001ffffffffff, expected none',
  ],
  [
    'CapBnd:\t0000000000000000',
    'CapBnd:\t0000000000000400',
    'it has capabilities: CapBnd is 0000000000000400, expected none',
  ],
  [
    'CapAmb:\t0000000000000000',
    'CapAmb:\t0000000000000400',
    'it has capabilities: CapAmb is 0000000000000400, expected none',
  ],
  ['NoNewPrivs:\t1', 'NoNewPrivs:\t0', 'it can gain privileges: NoNewPrivs is 0, expected 1'],
  ['NoNewPrivs:\t1', '', 'it can gain privileges: NoNewPrivs is 0, expected 1'],
  ['CapAmb:', 'CapXyz:', 'its status cannot be read'],
  ['Uid:', 'Pid:', 'its status cannot be read'],
  ['Groups:\t27', 'Groups:\tall', 'its status cannot be read'],
];

describe('a runner of another user', () => {
  it('is fit with the ids of its user and nothing else', () => {
    expect(judge(GOOD)).toBeUndefined();
  });

  it('may be in fewer groups than its user', () => {
    expect(judge(GOOD.replace('27 1001', ''))).toBeUndefined();
  });

  it.each(WRONG)('is not with %j as %j: by what it says of itself', (from, to, problem) => {
    expect(GOOD).toContain(from);
    expect(judge(GOOD.replace(from, to), GOOD)).toBe(problem);
  });

  it.runIf(existsSync('/proc/self/status')).each(WRONG)(
    'is not with %j as %j: by what the kernel says of it',
    (from, to, problem) => {
      expect(judge(GOOD, GOOD.replace(from, to))).toBe(`${problem}, by /proc/${PID}/status`);
    },
  );

  it('is not where it is another process than was started', () => {
    expect(judge(GOOD, GOOD, NO_CORE, 1)).toBe('it says that it is process 1, expected 4711');
  });

  it.runIf(existsSync('/proc/self/status'))('is not where its process cannot be looked at', () => {
    const gone: ReadProc = () => readFileSync('/proc/self/no-such-file', 'latin1');
    const hello = { type: 'hello', pid: PID, status: GOOD, place: null } as const;
    expect(whyUnfit(hello, USER, undefined, gone)).toBe('/proc/4711 cannot be read (ENOENT)');
  });

  it.runIf(existsSync('/proc/self/status'))('is not where it could dump core', () => {
    const problem = 'it may dump core: its limit for that is not 0';
    expect(judge(GOOD, GOOD, NO_CORE.replace(' 0  ', ' unlimited  '))).toBe(problem);
    expect(judge(GOOD, GOOD, '')).toBe(problem);
  });
});

describe("a runner of the gateway's own user", () => {
  const ids = `${process.geteuid?.()}\t`.repeat(4);
  const status = `Uid:\t${ids}\nGid:\t${ids}\nGroups:\t\n`;
  const hello = { type: 'hello', pid: PID, status, place: null } as const;

  it('is fit with whatever else that user may', () => {
    expect(whyUnfit(hello, { kind: 'own' }, PID, () => status)).toBeUndefined();
  });

  it('is not as another user', () => {
    const other = { ...hello, status: status.replace(/^Uid:\t[0-9]+/, 'Uid:\t4242') };
    expect(whyUnfit(other, { kind: 'own' }, PID, () => status)).toMatch(/^its real uid is 4242, expected [0-9]+$/);
  });
});
