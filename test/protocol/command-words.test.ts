import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitCommandWords } from '../../src/protocol/command-words.ts';

const wordsOf = (text: string): readonly string[] => {
  const split = splitCommandWords(text);
  if (!split.ok) throw new Error(split.message);
  return split.words;
};

describe('splitCommandWords', () => {
  it.each<[string, readonly string[]]>([
    ['op item list', ['op', 'item', 'list']],
    ['  op \t item  ', ['op', 'item']],
    [`op item get 'My Password' ""`, ['op', 'item', 'get', 'My Password', '']],
    [`a"b c"'d e'f`, ['ab cd ef']],
    ['a\\ b \\"', ['a b', '"']],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    [`'a\\b$c\`d'`, ['a\\b$c`d']],
    ['*?[~ a#b', ['*?[~', 'a#b']],
    ["'a\nb'", ['a\nb']],
    ['', []],
  ])('splits %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it.each([
    ["a 'b", 'a single quote is not closed'],
    ['a "b', 'a double quote is not closed'],
    ['a\nb', 'a newline outside quotes'],
    ['#a', "'#' outside quotes"],
    ['a;b', "';' outside quotes"],
    ['a|b', "'|' outside quotes"],
    ['a&b', "'&' outside quotes"],
    ['a<b', "'<' outside quotes"],
    ['a>b', "'>' outside quotes"],
    ['(a)', "'(' outside quotes"],
    ['a)', "')' outside quotes"],
    ['$a', "'$' outside quotes"],
    ['`a`', "'`' outside quotes"],
    ['"$a"', "'$' is not expanded here"],
    ['"`a`"', "'`' is not expanded here"],
    ['a\\', 'a backslash has nothing to escape'],
    ['a\\\nb', 'a backslash has nothing to escape'],
  ])('refuses %j', (text, why) => {
    const split = splitCommandWords(text);
    expect(split.ok ? '' : split.message).toContain(why);
  });

  it('is the inverse of quoting', () => {
    const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(wordsOf(words.map(quote).join(' '))).toEqual(words);
      }),
    );
  });

  it('splits what it accepts as sh does', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ' ', "'", '"', '\\'), maxLength: 12 }), (text) => {
        const split = splitCommandWords(text);
        if (!split.ok) return;
        const script = `set -f; for word in ${text}\ndo printf '%s\\0' "$word"; done`;
        const out = execFileSync('/bin/sh', ['-c', script]).toString();
        expect(out.split('\0').slice(0, -1)).toEqual(split.words);
      }),
      { numRuns: 60 },
    );
  });
});
