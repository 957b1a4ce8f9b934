import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoneStar, isOptionWord, literalText, parseWords, spellsSlash, type Word } from '../../src/policy/words.ts';

function parsed(pattern: string): readonly Word[] {
  const words = parseWords(pattern);
  if (!words.ok) throw new Error(words.message);
  return words.words;
}

function word(pattern: string): Word {
  const [first] = parsed(pattern);
  if (first === undefined) throw new Error('no word');
  return first;
}

function problem(pattern: string): string {
  const words = parseWords(pattern);
  return words.ok ? '' : words.message;
}

describe('parseWords', () => {
  it('reads texts and wildcards, inside quotes too', () => {
    expect(word('a*b?').pieces).toEqual([
      { kind: 'text', text: 'a' },
      { kind: 'any' },
      { kind: 'text', text: 'b' },
      { kind: 'one' },
    ]);
    expect(word('"a *"').pieces).toEqual([{ kind: 'text', text: 'a ' }, { kind: 'any' }]);
    expect(isLoneStar(word("'*'"))).toBe(true);
  });

  it('takes an escaped wildcard for its character', () => {
    expect(literalText(word(String.raw`\*\?\[x\]`))).toBe('*?[x]');
  });

  it('takes several stars for one', () => {
    expect(isLoneStar(word('**'))).toBe(true);
    expect(word('a**').pieces).toHaveLength(2);
  });

  it('reads classes, negated and with ranges', () => {
    expect(word('[a-cx]').pieces).toEqual([
      {
        kind: 'class',
        negated: false,
        ranges: [
          { first: 97, last: 99 },
          { first: 120, last: 120 },
        ],
      },
    ]);
    expect(word('[!0-9]').pieces).toEqual([{ kind: 'class', negated: true, ranges: [{ first: 48, last: 57 }] }]);
    expect(word('[^a]').pieces).toEqual([
      {
        kind: 'class',
        negated: false,
        ranges: [
          { first: 94, last: 94 },
          { first: 97, last: 97 },
        ],
      },
    ]);
  });

  it('takes a hyphen at an end of a class, or behind a backslash, for itself', () => {
    const code = '-'.codePointAt(0) ?? 0;
    for (const pattern of ['[-a]', '[a-]', String.raw`[a\-z]`]) {
      const [piece] = word(pattern).pieces;
      expect(
        piece?.kind === 'class' && piece.ranges.some(({ first, last }) => first === code && last === code),
        pattern,
      ).toBe(true);
    }
  });

  it('takes an escaped bracket into a class', () => {
    expect(word(String.raw`[a\]]`).pieces).toEqual([
      {
        kind: 'class',
        negated: false,
        ranges: [
          { first: 97, last: 97 },
          { first: 93, last: 93 },
        ],
      },
    ]);
  });

  it.each(['item [get', '[', '[!', 'a[b c]'])('refuses the unclosed class of %s and shows \\[', (pattern) => {
    expect(problem(pattern)).toContain('\\[');
  });

  it.each(['[file]', '[OPTIONS]', '[[:alpha:]]', '[name|id]', '[no-color]', '[x file]'.replace(' ', '_')])(
    'refuses %s, which spells a word, and shows \\[',
    (pattern) => expect(problem(pattern)).toContain('\\['),
  );

  it.each(['[abc]', '[aeiou]', '[a-z]', '[A-Za-z0-9_]', '[xy]', String.raw`\[file\]`])('takes %s', (pattern) => {
    expect(problem(pattern)).toBe('');
  });

  it('refuses an empty class and a range that ends before it begins', () => {
    expect(problem('[]')).toContain('empty class');
    expect(problem('[!]')).toContain('empty class');
    expect(problem('[z-a]')).toContain('ends before it begins');
  });

  it('refuses control characters, but for tab and newline in quotes, and lone surrogates', () => {
    expect(problem('a\u0000')).toContain('control character');
    expect(problem('a\u001bb')).toContain('control character');
    expect(problem('a\u0085b')).toContain('control character');
    expect(problem('"a\tb\nc"')).toBe('');
    expect(problem('\ud800')).toContain('surrogate');
  });

  it('bounds words and wildcards', () => {
    expect(problem('a '.repeat(64))).toBe('');
    expect(problem('a '.repeat(65))).toContain('at most 64');
    expect(problem('a*'.repeat(32))).toBe('');
    expect(problem('a*'.repeat(33))).toContain('more than 32 wildcards');
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseWords(text)));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('[', ']', '!', '-', '\\', "'", '"', '*', 'a', ' ')),
        (chars) => void parseWords(chars.join('')),
      ),
    );
  });
});

describe('kinds of words', () => {
  it('knows option words by a literal dash, escaped or quoted too', () => {
    expect(
      ['--x', '-x', String.raw`\-x`, '"-x"', '---', '-*', '--reveal*'].map((text) => isOptionWord(word(text))),
    ).toEqual(Array(7).fill(true));
    expect(['-', '--', 'x', '*', '[-]x', '?x', "''"].map((text) => isOptionWord(word(text)))).toEqual(
      Array(7).fill(false),
    );
  });

  it('knows a literal text, the empty one too', () => {
    expect(literalText(word("''"))).toBe('');
    expect(literalText(word('a'))).toBe('a');
    expect(literalText(word('a*'))).toBeUndefined();
    expect(literalText(word('*'))).toBeUndefined();
  });

  it('knows words that name a path, in classes too', () => {
    expect(['a/*', String.raw`a\\*`, '[/]x', '[+-9]x'].map((text) => spellsSlash(word(text).pieces))).toEqual(
      Array(4).fill(true),
    );
    expect(['a*', '[!a]x', '?'].map((text) => spellsSlash(word(text).pieces))).toEqual(Array(3).fill(false));
  });
});
