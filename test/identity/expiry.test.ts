import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { isExpired, parseExpiryTime } from '../../src/identity/expiry.ts';

const hasSshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
const HOUR = 3_600_000;

describe('expiry-time', () => {
  const directory = mkdtempSync(join(tmpdir(), 'carapace-expiry-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is UTC with a Z', () => {
    vi.stubEnv('TZ', 'America/New_York');
    expect(parseExpiryTime('20270101Z')).toBe(Date.UTC(2027, 0, 1));
    expect(parseExpiryTime('202701011230Z')).toBe(Date.UTC(2027, 0, 1, 12, 30));
    expect(parseExpiryTime('20270101123059Z')).toBe(Date.UTC(2027, 0, 1, 12, 30, 59));
    expect(parseExpiryTime('20280229Z')).toBe(Date.UTC(2028, 1, 29));
  });

  it('is the local time without one, in winter and in summer', () => {
    vi.stubEnv('TZ', 'Europe/Berlin');
    expect(parseExpiryTime('20270101')).toBe(Date.UTC(2026, 11, 31, 23));
    expect(parseExpiryTime('202707011200')).toBe(Date.UTC(2027, 6, 1, 10));
  });

  it.each([
    '',
    '2027',
    '202701',
    '2027010',
    '202701011',
    '2027010112',
    '20270101123',
    '2027010112305',
    '202701011230599',
    '20270101z',
    '20270101 Z',
    '20270101UTC',
    '20270001',
    '20271301',
    '20270100',
    '20270132',
    '20270229',
    '20270431',
    '202701012400',
    '202701011260',
    '20270101123060',
    '19690101',
    '+20270101',
    '2027-01-01',
    '２０２７０１０１',
  ])('refuses %j', (text) => {
    expect(parseExpiryTime(text)).toBeUndefined();
  });

  it('is good throughout its second, as sshd counts', () => {
    const time = Date.UTC(2027, 0, 1);
    expect(isExpired(time, time - 1)).toBe(false);
    expect(isExpired(time, time + 999)).toBe(false);
    expect(isExpired(time, time + 1000)).toBe(true);
    expect(isExpired(null, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  it.runIf(hasSshKeygen)('is what OpenSSH reads, or the same wall-clock time up to an hour before it in summer', () => {
    for (const name of ['ca', 'user'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
    const readByOpenSsh = (text: string, zone: string): number => {
      const options = { cwd: directory, encoding: 'utf8', env: { ...process.env, TZ: zone } } as const;
      spawnSync('ssh-keygen', ['-q', '-s', 'ca', '-I', 'x', '-V', `19900101:${text}`, 'user.pub'], options);
      const listed = spawnSync('ssh-keygen', ['-L', '-f', 'user-cert.pub'], {
        ...options,
        env: { ...process.env, TZ: 'UTC' },
      });
      return Date.parse(`${/Valid: from \S+ to (\S+)/.exec(listed.stdout)?.[1] ?? ''}Z`);
    };
    for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata']) {
      vi.stubEnv('TZ', zone);
      for (const text of ['20270101', '202701011830', '20271231235959'])
        expect(parseExpiryTime(text)).toBe(readByOpenSsh(text, zone));
      const early = readByOpenSsh('202707011200', zone) - (parseExpiryTime('202707011200') ?? 0);
      expect([0, HOUR]).toContain(early);
    }
  });
});
