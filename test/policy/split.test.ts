import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText, splitWords, type SplitDialect } from '../../src/policy/split.ts';

function words(text: string, dialect: SplitDialect = 'pattern'): string[] | string {
  const split = splitWords(text, dialect);
  return split.ok ? split.words.map(plainText) : split.message;
}

describe('splitWords', () => {
  it('splits at blanks, tabs and newlines, however many', () => {
    expect(words('  item \t get\nx  ')).toEqual(['item', 'get', 'x']);
    expect(words('')).toEqual([]);
    expect(words('   ')).toEqual([]);
  });

  it('groups by quotes, which may begin and end within a word', () => {
    expect(words(`item "My Password" a'b c'd`)).toEqual(['item', 'My Password', 'ab cd']);
  });

  it('takes empty quotes for an empty word', () => {
    expect(words(`'' "" x''`)).toEqual(['', '', 'x']);
  });

  it('keeps the other kind of quote within quotes', () => {
    expect(words(`"it's" 'say "x"'`)).toEqual(["it's", 'say "x"']);
  });

  it('makes the next character literal by a backslash, outside quotes and in double quotes', () => {
    expect(words(String.raw`a\ b "\"" \'`)).toEqual(['a b', '"', "'"]);
    const split = splitWords(String.raw`\* *`, 'pattern');
    expect(split.ok && split.words.map((word) => word.chars[0]?.literal)).toEqual([true, false]);
  });

  it('takes a backslash in single quotes, and at the end, for itself', () => {
    expect(words(String.raw`'a\b'`)).toEqual([String.raw`a\b`]);
    expect(words('a\\')).toEqual(['a\\']);
  });

  it('leaves most backslashes alone in double quotes of a call, as a shell does', () => {
    expect(words(String.raw`"a\nb" "\$x" "\\"`, 'shell')).toEqual([String.raw`a\nb`, '$x', '\\']);
    expect(words(String.raw`"a\nb"`, 'pattern')).toEqual(['anb']);
  });

  it('treats nothing else as special', () => {
    expect(words('a|b $x ; # ! { } ( ) & > < ~ `')).toEqual('a|b $x ; # ! { } ( ) & > < ~ `'.split(' '));
  });

  it('says which quote is not closed', () => {
    expect(words('a "b')).toContain('double quote is not closed');
    expect(words("a 'b")).toContain('single quote is not closed');
    expect(words("it's")).toContain("write \\' for the character itself");
  });

  it('gives back every word that was quoted for it', () => {
    const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.constantFrom<SplitDialect>('pattern', 'shell'),
        (list, dialect) => {
          expect(words(list.map(quote).join(' '), dialect)).toEqual(list);
        },
      ),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void splitWords(text, 'pattern')));
  });
});
