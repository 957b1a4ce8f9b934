import { describe, expect, it } from 'vitest';
import { createHeldValues } from '../../../src/engine/secrets/resolver-held.ts';
import { Secret } from '../../../src/model/secret.ts';
import { testClock } from './resolver-fixtures.ts';

function holdOne(): {
  readonly clock: ReturnType<typeof testClock>;
  readonly held: ReturnType<typeof createHeldValues>;
} {
  const clock = testClock();
  const held = createHeldValues(clock.now);
  const from = clock.now();
  held.set('key', new Secret('value'), { from, refreshAt: from + 80, expiresAt: from + 100, stamp: 'stamp' });
  return { clock, held };
}

describe('values in hand', () => {
  it('serve until they are over, and say when it is time for another one', () => {
    const { clock, held } = holdOne();
    clock.advance(79);
    expect(held.get('key', 'stamp')).toMatchObject({ isDue: false });
    clock.advance(1);
    expect(held.get('key', 'stamp')).toMatchObject({ isDue: true });
    clock.advance(20);
    expect(held.get('key', 'stamp')).toBeUndefined();
  });

  it('do not serve where what they were made from has changed', () => {
    const { held } = holdOne();
    expect(held.get('key', 'changed')).toBeUndefined();
    expect(held.get('key', 'stamp')).toBeUndefined();
  });

  it('do not serve where the clock was set back', () => {
    const { clock, held } = holdOne();
    clock.advance(-1);
    expect(held.get('key', 'stamp')).toBeUndefined();
  });

  it('are 10,000 at most, and none when cleared', () => {
    const { clock, held } = holdOne();
    const keep = { from: clock.now(), refreshAt: Infinity, expiresAt: Infinity, stamp: 'stamp' };
    for (let count = 0; count < 10_000; count += 1) held.set(`key ${count}`, new Secret('value'), keep);
    expect(held.get('key', 'stamp')).toBeUndefined();
    expect(held.get('key 0', 'stamp')).toBeDefined();
    held.clear();
    expect(held.get('key 0', 'stamp')).toBeUndefined();
  });
});
