import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter } from '../../src/engine/limits.ts';
import type { Admission } from '../../src/engine/limits.ts';
import { permitFor } from './runner-fixtures.ts';
import type { Permit, ToolLimits } from '../../src/model/permit.ts';

function permit(limits: Partial<ToolLimits>, tool = 'tool'): Permit {
  return permitFor('/bin/true', [], { tool, limits });
}

function release(admission: Admission): void {
  if (admission.ok) admission.release();
}

describe('createLimiter', () => {
  it('admits as many calls of a client as may run, and one more when one ends', () => {
    const limiter = createLimiter();
    const two = permit({ maxConcurrent: 2 });
    const first = limiter.admit('a', two);
    expect(first.ok).toBe(true);
    expect(limiter.admit('a', two).ok).toBe(true);
    expect(limiter.admit('a', two)).toEqual({ ok: false, reason: 'too-many' });
    expect(limiter.admit('b', two).ok).toBe(true);
    release(first);
    expect(limiter.admit('a', two).ok).toBe(true);
  });

  it('bounds the calls of all clients together, each tool for itself', () => {
    const limiter = createLimiter();
    const three = permit({ maxConcurrentTotal: 3 });
    for (const client of ['a', 'b', 'c']) expect(limiter.admit(client, three).ok).toBe(true);
    expect(limiter.admit('d', three)).toEqual({ ok: false, reason: 'too-many' });
    expect(limiter.admit('d', permit({ maxConcurrentTotal: 3 }, 'other')).ok).toBe(true);
    expect(limiter.running()).toBe(4);
  });

  it('gives a place back once, however often it is told to', () => {
    const limiter = createLimiter();
    const one = permit({ maxConcurrent: 1 });
    const admission = limiter.admit('a', one);
    release(admission);
    release(admission);
    expect(limiter.running()).toBe(0);
    expect(limiter.admit('a', one).ok).toBe(true);
    expect(limiter.admit('a', one).ok).toBe(false);
  });

  it('says after how long a rate allows another call', () => {
    let at = 1000;
    const limiter = createLimiter(() => at);
    const limited = permit({ rateLimit: { maxRequests: 2, windowMs: 1000 } });
    release(limiter.admit('a', limited));
    at = 1400;
    release(limiter.admit('a', limited));
    at = 1500;
    expect(limiter.admit('a', limited)).toEqual({ ok: false, reason: 'rate-limited', retryAfterMs: 500 });
    expect(limiter.admit('b', limited).ok).toBe(true);
    at = 1999;
    expect(limiter.admit('a', limited)).toMatchObject({ retryAfterMs: 1 });
    at = 2000;
    expect(limiter.admit('a', limited).ok).toBe(true);
    expect(limiter.admit('a', limited)).toMatchObject({ retryAfterMs: 400 });
  });

  it('does not count what it refuses', () => {
    let at = 0;
    const limiter = createLimiter(() => at);
    const limited = permit({ maxConcurrent: 1, rateLimit: { maxRequests: 2, windowMs: 1000 } });
    const first = limiter.admit('a', limited);
    for (let tries = 0; tries < 10; tries += 1)
      expect(limiter.admit('a', limited)).toMatchObject({ reason: 'too-many' });
    release(first);
    release(limiter.admit('a', limited));
    for (at = 100; at < 1000; at += 100) expect(limiter.admit('a', limited)).toMatchObject({ reason: 'rate-limited' });
    at = 1000;
    expect(limiter.admit('a', limited).ok).toBe(true);
  });

  it('never lets more through than any window may hold, and as many as it may', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(400), { maxLength: 200 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 1000 }),
        (steps, maxRequests, windowMs) => {
          let at = 0;
          const limiter = createLimiter(() => at);
          const admitted: number[] = [];
          for (const step of steps) {
            at += step;
            const inWindow = admitted.filter((began) => began > at - windowMs).length;
            const admission = limiter.admit('a', permit({ rateLimit: { maxRequests, windowMs } }));
            expect(admission.ok).toBe(inWindow < maxRequests);
            if (admission.ok) admitted.push(at);
            release(admission);
          }
        },
      ),
    );
  });

  it('keeps its word about when to try again', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 50 }), (steps) => {
        let at = 0;
        const limiter = createLimiter(() => at);
        const limited = permit({ rateLimit: { maxRequests: 3, windowMs: 500 } });
        for (const step of steps) {
          at += step;
          const admission = limiter.admit('a', limited);
          release(admission);
          if (admission.ok) continue;
          at += (admission.retryAfterMs ?? 0) - 1;
          expect(limiter.admit('a', limited).ok).toBe(false);
          at += 1;
          const again = limiter.admit('a', limited);
          expect(again.ok).toBe(true);
          release(again);
        }
      }),
    );
  });

  it('follows a limit that a reload changed', () => {
    const limiter = createLimiter(() => 0);
    for (let calls = 0; calls < 4; calls += 1) {
      release(limiter.admit('a', permit({ rateLimit: { maxRequests: 4, windowMs: 1000 } })));
    }
    expect(limiter.admit('a', permit({ rateLimit: { maxRequests: 2, windowMs: 1000 } })).ok).toBe(false);
    expect(limiter.admit('a', permit({ rateLimit: null })).ok).toBe(true);
  });

  it('forgets clients that are idle, and none that is not', () => {
    let at = 0;
    const limiter = createLimiter(() => at);
    const limited = permit({ rateLimit: { maxRequests: 1, windowMs: 1000 } });
    for (let client = 0; client < 1000; client += 1) release(limiter.admit(`client-${client}`, limited));
    const running = limiter.admit('running', limited);
    expect(limiter.remembered()).toBe(1001);
    at = 1000;
    release(limiter.admit('last', limited));
    expect(limiter.remembered()).toBe(2);
    release(running);
    at = 2000;
    release(limiter.admit('other', permit({})));
    expect(limiter.remembered()).toBe(1);
  });
});
