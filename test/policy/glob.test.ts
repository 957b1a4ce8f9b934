import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from '../../src/policy/glob.ts';
import { parseWords, type Piece } from '../../src/policy/words.ts';
import { referenceMatches } from './reference-matcher.ts';

function matches(pattern: string, text: string): boolean {
  const words = parseWords(pattern);
  if (!words.ok || words.words.length !== 1) throw new Error(`not one word: ${pattern}`);
  return compileGlob(words.words[0]?.pieces ?? [])(text);
}

describe('compileGlob', () => {
  it.each([
    ['*', ''],
    ['*', '.env'],
    ['*', '..'],
    ['*', 'a/b//c/'],
    ['--repo=*', '--repo=owner/name'],
    ['a*c', 'ac'],
    ['a*c', 'a/b/c'],
    ['a?c', 'a/c'],
    ['a?c', 'a\nc'],
    ['?', '\u{1f600}'],
    ['[!a]x', '/x'],
    ['[+-9]', '/'],
    ['[^a]x', '^x'],
    ['!a?', '!ab'],
    ['#?', '#a'],
    ['{a,b}?', '{a,b}c'],
    ['@(a)?', '@(a)c'],
    [String.raw`a\\b?`, String.raw`a\bc`],
    [String.raw`[a\-z]?`, '-x'],
    ['a*b*c', 'a-b-b-c'],
    ['[\u{1f600}-\u{1f610}]', '\u{1f605}'],
    ['x?*', 'x\ue001'],
    ['[*?]', '?'],
  ])('%s matches %j', (pattern, text) => expect(matches(pattern, text)).toBe(true));

  it.each([
    ['a', 'a/'],
    ['a', 'A'],
    ['a/b', 'a//b'],
    ['a/?', 'a//b'],
    ['?', ''],
    ['?', 'ab'],
    ['?*', ''],
    ['a*b', 'ab/'],
    ['ab*ba', 'aba'],
    ['a*a*a', 'aa'],
    ['*ab*ab', 'xab'],
    ['[^a]x', 'bx'],
    ['!a?', 'xy'],
    ['{a,b}?', 'ac'],
    [String.raw`[a\-z]?`, 'mx'],
    [String.raw`\*?`, 'ab'],
    ['a/?', 'a\ue001b'],
    ['x\ue001?', 'x/a'],
  ])('%s does not match %j', (pattern, text) => expect(matches(pattern, text)).toBe(false));

  const alphabet = [
    'a',
    'b',
    'c',
    '/',
    '\\',
    '.',
    '-',
    '!',
    '#',
    '*',
    '[',
    ']',
    '^',
    '{',
    '|',
    '\n',
    '\u{1f600}',
    '\ue000',
    '\ue001',
  ];
  const text = fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }).map((chars) => chars.join(''));
  const code = fc.constantFrom(...alphabet).map((char) => char.codePointAt(0) ?? 0);
  const range = fc.tuple(code, code).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  const piece: fc.Arbitrary<Piece> = fc.oneof(
    fc.record({ kind: fc.constant('text' as const), text: fc.constantFrom(...alphabet) }),
    fc.constant<Piece>({ kind: 'any' }),
    fc.constant<Piece>({ kind: 'one' }),
    fc.record({
      kind: fc.constant('class' as const),
      negated: fc.boolean(),
      ranges: fc.array(range, { minLength: 1, maxLength: 3 }),
    }),
  );

  function joined(pieces: readonly Piece[]): Piece[] {
    const out: Piece[] = [];
    for (const next of pieces) {
      const last = out.at(-1);
      if (next.kind === 'text' && last?.kind === 'text')
        out[out.length - 1] = { kind: 'text', text: last.text + next.text };
      else out.push(next);
    }
    return out;
  }

  it('equals the reference matcher', () => {
    const pieces = fc.array(piece, { maxLength: 6 }).map(joined);
    fc.assert(
      fc.property(pieces, text, (word, argument) => {
        expect(compileGlob(word)(argument)).toBe(referenceMatches(word, argument));
      }),
      { numRuns: process.env['SLOW'] === undefined ? 100 : 200_000 },
    );
  });

  it('equals the reference matcher on texts that were made to match', () => {
    const sample = (pieces: readonly Piece[], fill: string): string =>
      pieces.map((next) => (next.kind === 'text' ? next.text : next.kind === 'any' ? fill : (fill[0] ?? 'a'))).join('');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }).map(joined), text, (word, fill) => {
        const argument = sample(word, fill);
        expect(compileGlob(word)(argument)).toBe(referenceMatches(word, argument));
      }),
      { numRuns: process.env['SLOW'] === undefined ? 100 : 100_000 },
    );
  });

  it.each(['*a*a*a*a*a*a*a*a*a*a*b', '*a?a*a*a*a*[!c]*a*a*b', '*aab*aab*aac', '?*a*?*a*?b', `*${'a'.repeat(200)}b`])(
    'decides %s against 128 KiB of the letter a in 50 ms',
    (pattern) => {
      const argument = 'a'.repeat(131_071);
      expect(matches(pattern, 'a')).toBe(false);
      const started = performance.now();
      expect(matches(pattern, argument)).toBe(false);
      expect(performance.now() - started).toBeLessThan(50);
    },
  );
});
