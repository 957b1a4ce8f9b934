import { describe, expect, it } from 'vitest';
import { createFailureMemory } from '../../../src/engine/secrets/resolver-failures.ts';
import type { FailureMemory } from '../../../src/engine/secrets/resolver-failures.ts';
import { testClock } from './resolver-fixtures.ts';

function fail(memory: FailureMemory, key = 'key', stamp = 'stamp'): number {
  return memory.failed(memory.begin(key, stamp), 'secret x', 'secret x: is gone').retryAfterMs;
}

describe('the memory of failures', () => {
  it('waits 5 s after the first, twice as long after each further one, and 5 minutes at most', () => {
    const clock = testClock();
    const memory = createFailureMemory(clock.now);
    const waits = Array.from({ length: 9 }, () => {
      const wait = fail(memory);
      clock.advance(wait);
      return wait;
    });
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000));
  });

  it('answers with what is left of the wait, and with nothing once a try is due', () => {
    const clock = testClock();
    const memory = createFailureMemory(clock.now);
    const since = clock.now();
    fail(memory);
    clock.advance(1200);
    const failure = { reference: 'secret x', since, problem: 'secret x: is gone', retryAfterMs: 3800 };
    expect(memory.standing('key', 'stamp')).toEqual(failure);
    clock.advance(3800);
    expect(memory.standing('key', 'stamp')).toBeUndefined();
    expect(memory.list()).toEqual([{ ...failure, retryAfterMs: 0 }]);
    expect(memory.standing('other', 'stamp')).toBeUndefined();
  });

  it('keeps when the first of several failures was', () => {
    const clock = testClock();
    const memory = createFailureMemory(clock.now);
    const since = clock.now();
    for (let count = 0; count < 3; count += 1) clock.advance(fail(memory));
    expect(memory.list()).toMatchObject([{ since }]);
  });

  it('counts tries that ran at the same time once', () => {
    const memory = createFailureMemory(testClock().now);
    const tries = Array.from({ length: 50 }, () => memory.begin('key', 'stamp'));
    expect(new Set(tries.map((one) => memory.failed(one, 'secret x', 'is gone').retryAfterMs))).toEqual(
      new Set([5000]),
    );
  });

  it('forgets at a success, and where the value was changed, and begins anew with 5 s', () => {
    const memory = createFailureMemory(testClock().now);
    fail(memory);
    memory.succeeded(memory.begin('key', 'stamp'));
    expect(memory.standing('key', 'stamp')).toBeUndefined();
    fail(memory);
    fail(memory);
    expect(memory.standing('key', 'changed')).toBeUndefined();
    expect(memory.list()).toEqual([]);
    expect(fail(memory, 'key', 'changed')).toBe(5000);
  });

  it('never waits longer because the clock was set back', () => {
    const clock = testClock();
    const memory = createFailureMemory(clock.now);
    fail(memory);
    clock.advance(-3_600_000);
    expect(memory.standing('key', 'stamp')?.retryAfterMs).toBe(5000);
  });

  it('drops what nobody asked for in an hour, and the oldest beyond 10,000', () => {
    const clock = testClock();
    const memory = createFailureMemory(clock.now);
    fail(memory, 'old');
    clock.advance(3_600_000 + 5001);
    expect(memory.list()).toEqual([]);
    for (let count = 0; count < 10_010; count += 1) fail(memory, `key ${count}`);
    expect(memory.list().length).toBe(10_000);
    expect(memory.standing('key 9', 'stamp')).toBeUndefined();
    expect(memory.standing('key 10', 'stamp')).toBeDefined();
  });
});
