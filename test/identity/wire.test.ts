import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinStrings, splitStrings, unsignedOfMpint } from '../../src/identity/wire.ts';

describe('the strings of RFC 4251', () => {
  it('are split as they were joined', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (parts) => {
        const strings = parts.map((part) => Buffer.from(part));
        const joined = joinStrings(...strings);
        expect(splitStrings(joined, strings.length)).toEqual(strings);
        expect(splitStrings(joined, strings.length + 1)).toBeUndefined();
        expect(splitStrings(Buffer.concat([joined, Buffer.alloc(1)]), strings.length)).toBeUndefined();
      }),
    );
  });
});

describe('an mpint of RFC 4251', () => {
  it.each<[string, number[], number[] | undefined]>([
    ['one byte', [0x7f], [0, 0x7f]],
    ['a zero before a high bit', [0, 0x80], [0, 0x80]],
    ['all of its size', [0, 0xff, 0xff], [0xff, 0xff]],
    ['nothing, which is zero', [], undefined],
    ['a negative number', [0x80], undefined],
    ['a needless zero', [0, 0x7f], undefined],
    ['zero with a byte', [0], undefined],
    ['more than its size', [0x01, 0, 0], undefined],
  ])('of %s', (_, bytes, expected) => {
    expect(unsignedOfMpint(Buffer.from(bytes), 2)).toEqual(expected === undefined ? undefined : Buffer.from(expected));
  });
});
