import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../../src/doors/ssh/byte-queue.ts';

function drain(queue: ByteQueue): Buffer[] {
  const pieces: Buffer[] = [];
  for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) pieces.push(piece);
  return pieces;
}

describe('ByteQueue', () => {
  it('gives back the bytes that it was given, in their order, however pushes and shifts mix', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 8000, max: 9000 })));
    fc.assert(
      fc.property(fc.array(fc.tuple(sizes, fc.nat(3))), (rounds) => {
        const queue = new ByteQueue();
        const given: Buffer[] = [];
        const taken: Buffer[] = [];
        let next = 0;
        for (const [pushes, shifts] of rounds) {
          for (const size of pushes) {
            const bytes = Buffer.alloc(size).map(() => (next += 1) % 256);
            given.push(Buffer.from(bytes));
            queue.push(Buffer.from(bytes));
          }
          for (let i = 0; i < shifts; i += 1) taken.push(queue.shift() ?? Buffer.alloc(0));
          const waiting = Buffer.concat(given).length - Buffer.concat(taken).length;
          expect(queue.length).toBe(waiting);
        }
        taken.push(...drain(queue));
        expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true);
        expect(queue.length).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps a megabyte of single bytes in few pieces', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 1024 * 1024; i += 1) queue.push(Buffer.of(i % 256));
    expect(drain(queue)).toHaveLength(128);
  });

  it('gives a single byte out without the memory of more', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.of(1));
    expect(queue.shift()?.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize);
    expect(queue.shift()).toBeUndefined();
  });

  it('keeps what came in large pieces as it came', () => {
    const queue = new ByteQueue();
    const large = Buffer.alloc(32 * 1024);
    queue.push(large);
    expect(queue.shift()).toBe(large);
  });
});
