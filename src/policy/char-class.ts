/** Classes of characters in a pattern: `[a-z]`, `[!a]`, and nothing else that other globs know (`[^a]`, `[[:alpha:]]`). */
import { visible } from '../model/visible.ts';
import type { WordChar } from './split.ts';

/** Code points from `first` to `last`, both included. */
export interface CharRange {
  readonly first: number;
  readonly last: number;
}

export interface CharClass {
  readonly kind: 'class';
  /** `[!...]`: one character that is in none of the ranges. */
  readonly negated: boolean;
  readonly ranges: readonly CharRange[];
}

/** A class and the index behind its `]`, or why it is none. */
export type ParsedClass =
  | { readonly ok: true; readonly piece: CharClass; readonly next: number }
  | { readonly ok: false; readonly message: string };

/** Parses the class whose `[` is at `open`. Never throws. */
export function parseClass(chars: readonly WordChar[], open: number): ParsedClass {
  const close = chars.findIndex((char, index) => index > open && !char.literal && char.text === ']');
  const text = (from: number, to: number): string =>
    visible(
      chars
        .slice(from, to)
        .map((char) => char.text)
        .join(''),
    );
  if (close === -1) {
    return {
      ok: false,
      message: `'${text(open, chars.length)}' begins a class that is not closed; write \\[ for the character itself`,
    };
  }
  const negated = chars[open + 1]?.literal === false && chars[open + 1]?.text === '!';
  const inner = chars.slice(open + (negated ? 2 : 1), close);
  const written = text(open + 1, close);
  if (inner.length === 0)
    return { ok: false, message: `'[${written}]' is an empty class; write \\[ for the character itself` };
  if (spellsWord(inner)) {
    return {
      ok: false,
      message: `'[${written}]' is a class of characters but spells a word; write \\[${written}\\] for this text`,
    };
  }
  const ranges = parseRanges(inner);
  const reversed = ranges.find(({ first, last }) => first > last);
  if (reversed !== undefined) return { ok: false, message: `'[${written}]' holds a range that ends before it begins` };
  return { ok: true, piece: { kind: 'class', negated, ranges }, next: close + 1 };
}

function parseRanges(inner: readonly WordChar[]): CharRange[] {
  const code = (char: WordChar | undefined): number => char?.text.codePointAt(0) ?? 0;
  const ranges: CharRange[] = [];
  let at = 0;
  while (at < inner.length) {
    const isRange = inner[at + 1]?.literal === false && inner[at + 1]?.text === '-' && at + 2 < inner.length;
    ranges.push({ first: code(inner[at]), last: code(isRange ? inner[at + 2] : inner[at]) });
    at += isRange ? 3 : 1;
  }
  return ranges;
}

/**
 * Three letters in a row, as in `[file]` or `[[:alpha:]]`, are a word that somebody meant as text: as a class it would
 * match one character and silently never do what it looks like. Letters in alphabetical order (`[abc]`) are a set.
 */
function spellsWord(inner: readonly WordChar[]): boolean {
  const run = /\p{L}{3,}/gu;
  const text = inner.map((char) => (char.literal ? ' ' : char.text)).join('');
  return (text.match(run) ?? []).some((letters) =>
    Array.from(letters).some((letter, i, all) => i > 0 && letter <= (all[i - 1] ?? '')),
  );
}

/** True where one of the ranges holds the character. */
export function holds(ranges: readonly CharRange[], char: string): boolean {
  const code = char.codePointAt(0) ?? -1;
  return ranges.some(({ first, last }) => first <= code && code <= last);
}
