import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FairShare } from '../../../src/doors/ssh/fair-share.ts';

/** Keeps the loop busy for longer than one share. */
function work(): void {
  for (const end = performance.now() + 6; performance.now() < end; );
}

describe('a share of the event loop', () => {
  it('lets small pieces through at once', () => {
    const share = new FairShare();
    const done: number[] = [];
    for (let i = 0; i < 100; i += 1) expect(share.handle('a', () => done.push(i))).toBe(true);
    expect(done).toHaveLength(100);
  });

  it('makes who has had it wait, and nobody else', () => {
    const share = new FairShare();
    const done: string[] = [];
    expect(share.handle('greedy', work)).toBe(true);
    expect(share.handle('greedy', () => done.push('greedy'))).toBe(false);
    expect(share.handle('other', () => done.push('other'))).toBe(true);
    expect(done).toEqual(['other']);
  });

  it('handles one waiting piece of each sender in every turn, in the order in which they came', async () => {
    const share = new FairShare();
    const done: string[] = [];
    for (const sender of ['a', 'b']) {
      share.handle(sender, work);
      for (let i = 1; i <= 3; i += 1) share.handle(sender, () => done.push(`${sender}${i}`));
    }
    await setImmediate();
    expect(done).toEqual(['a1', 'b1']);
    expect(share.handle('a', () => done.push('a4'))).toBe(false);
    for (let turns = 0; turns < 3; turns += 1) await setImmediate();
    expect(done).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4']);
  });

  it('is whole again in the next turn', async () => {
    const share = new FairShare();
    share.handle('a', work);
    await setImmediate();
    expect(share.handle('a', () => undefined)).toBe(true);
  });
});
