import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partsOf, partsOfAll, REDACTED, writeWord } from '../../../src/policy/learn/write-word.ts';
import { isLoneStar, literalText, parseWords } from '../../../src/policy/words.ts';

describe('writeWord', () => {
  it('writes any text so that it is read back as that one word', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((each) => !/[^\P{Cc}\t\n]/u.test(each));
    fc.assert(
      fc.property(text, (word) => {
        const parsed = parseWords(writeWord([word]));
        expect(parsed.ok && parsed.words.map(literalText)).toEqual([word]);
      }),
    );
  });

  it('writes null as a wildcard', () => {
    const parsed = parseWords(writeWord([null]));
    expect(parsed.ok && parsed.words.map(isLoneStar)).toEqual([true]);
    expect(writeWord(['a b*', null, 'c'])).toBe('"a b\\**c"');
  });
});

describe('partsOf', () => {
  it.each([
    ['', []],
    ['x', ['x']],
    [REDACTED, [null]],
    [`name=${REDACTED}`, ['name=', null]],
    [`://a:${REDACTED}@h`, ['://a:', null, '@h']],
  ])('%j', (text, parts) => {
    expect(partsOf(text)).toEqual(parts);
  });
});

describe('partsOfAll', () => {
  it.each([
    [['a', 'a'], ['a']],
    [['a', 'b'], [null]],
    [
      ['acme/app', 'acme/web'],
      ['acme/', null],
    ],
    [
      ['/srv/a', '/srv/a/b'],
      ['/srv/', null],
    ],
    [['/a', '/b'], [null]],
    [
      ['a/', 'a/b'],
      ['a/', null],
    ],
    [['x/[redacted]', 'x/b'], [null]],
    [['ab/c', 'ad/c'], [null]],
  ])('%j', (texts, parts) => {
    expect(partsOfAll(texts)).toEqual(parts);
  });
});
