import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openUsageLog, readUsage } from '../../../src/engine/secrets/usage.ts';
import { makeStoreDirectory, type StoreDirectory } from './store-directory.ts';

describe('the use of secrets', () => {
  let directory: StoreDirectory;
  let second: number;
  const now = (): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, (second += 1)));
  const file = (): string => directory.path('secrets/usage.json');

  beforeEach(() => {
    directory = makeStoreDirectory();
    mkdirSync(directory.path('secrets'), { recursive: true });
    second = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    directory.remove();
  });

  it('is there for the next gateway, with the last failure beside the last use', async () => {
    const log = openUsageLog(directory.state, now);
    log.failed('token', 'secret token: does not exist');
    log.used('token');
    log.used('__proto__');
    await log.close();
    const known = {
      usedAt: '2026-01-01T00:00:02.000Z',
      failure: { at: '2026-01-01T00:00:01.000Z', problem: 'secret token: does not exist' },
    };
    expect(readUsage(directory.state).get('token')).toEqual(known);
    const next = openUsageLog(directory.state, now);
    next.used('other');
    await next.close();
    expect(readUsage(directory.state).get('token')).toEqual(known);
    expect(readUsage(directory.state).get('other')).toEqual({ usedAt: '2026-01-01T00:00:04.000Z', failure: null });
    expect(readdirSync(directory.path('secrets'))).toEqual(['usage.json']);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('is written once a second at most, however many calls there are', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const log = openUsageLog(directory.state, now);
    for (let i = 0; i < 1000; i += 1) log.used('token');
    expect(readdirSync(directory.path('secrets'))).toEqual([]);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
    await log.close();
    expect(readUsage(directory.state).get('token')?.usedAt).toBe(
      new Date(Date.UTC(2026, 0, 1, 0, 0, 1000)).toISOString(),
    );
  });

  it('keeps no more of a problem than a line of a message', async () => {
    const log = openUsageLog(directory.state, now);
    log.failed('token', 'x'.repeat(501));
    await log.close();
    expect(readUsage(directory.state).get('token')?.failure?.problem).toBe('x'.repeat(500));
  });

  it.each(['', '{', '[]', '{"v":1,"secrets":[]}', '{"v":1,"secrets":{"token":7}}', '{"secrets":{"token":{}}}'])(
    'is unknown where the file says %j',
    (text) => {
      writeFileSync(file(), text, { mode: 0o600 });
      expect(readUsage(directory.state).get('token')?.usedAt ?? null).toBeNull();
      expect(() => openUsageLog(directory.state, now).used('token')).not.toThrow();
    },
  );

  it('is not believed where others may write it', async () => {
    const log = openUsageLog(directory.state, now);
    log.used('token');
    await log.close();
    chmodSync(file(), 0o666);
    expect(readFileSync(file(), 'utf8')).toContain('token');
    expect(readUsage(directory.state).size).toBe(0);
  });

  it('fails nothing where it cannot be written', async () => {
    const log = openUsageLog(directory.path('nowhere'), now);
    log.used('token');
    log.failed('token', 'no');
    await expect(log.close()).resolves.toBeUndefined();
  });
});
