import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineReader } from '../../src/model/line-reader.ts';

describe('lineReader', () => {
  it('receives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(40)), (words, cuts) => {
        const expected = words.map((word) => word.replaceAll('\n', ''));
        const bytes = Buffer.from(expected.map((word) => `${word}\n`).join(''));
        const lines: string[] = [];
        const read = lineReader(10_000, (line) => lines.push(line));
        let from = 0;
        for (const cut of cuts) {
          expect(read(bytes.subarray(from, from + cut))).toBe(true);
          from = Math.min(from + cut, bytes.length);
        }
        expect(read(bytes.subarray(from))).toBe(true);
        expect(lines).toEqual(expected);
      }),
    );
  });

  it('keeps an unfinished line to itself', () => {
    const lines: string[] = [];
    const read = lineReader(10, (line) => lines.push(line));
    expect(read(Buffer.from('a\nb'))).toBe(true);
    expect(lines).toEqual(['a']);
  });

  it('takes a line of exactly its bound, and refuses a longer one, finished or not', () => {
    const lines: string[] = [];
    const reader = (): ((chunk: Buffer) => boolean) => lineReader(4, (line) => lines.push(line));
    expect(reader()(Buffer.from('abcd\n'))).toBe(true);
    expect(reader()(Buffer.from('abcd'))).toBe(true);
    expect(reader()(Buffer.from('abcde'))).toBe(false);
    expect(reader()(Buffer.from('abcde\n'))).toBe(false);
    const inParts = reader();
    expect(inParts(Buffer.from('abc'))).toBe(true);
    expect(inParts(Buffer.from('de\n'))).toBe(false);
    expect(lines).toEqual(['abcd']);
  });
});
