/**
 * The words of a pattern. Each word is a glob for exactly one argument: `*` any run of characters, `/` included, `?` one
 * character, `[a-z]` and `[!a]` classes. Quotes take nothing of this away; only a backslash does.
 */
import { visible } from '../model/visible.ts';
import { splitWords, type WordChar } from './split.ts';

/** Code points from `first` to `last`, both included. */
export interface CharRange {
  readonly first: number;
  readonly last: number;
}

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly CharRange[] };

export interface Word {
  /** As the policy writes it, for messages. */
  readonly source: string;
  /** Neighbouring texts are joined and neighbouring `*` are one. The empty word has no pieces. */
  readonly pieces: readonly Piece[];
}

export type Words =
  | { readonly ok: true; readonly words: readonly Word[] }
  | { readonly ok: false; readonly message: string };

/** Bounds that keep the worst decision cheap; no tool's call comes near them. */
const MAX_WORDS = 64;
const MAX_WILDCARDS = 32;

/** Parses a pattern's text. Never throws. */
export function parseWords(pattern: string): Words {
  if (!pattern.isWellFormed()) return { ok: false, message: 'holds a lone surrogate, which no argument can hold' };
  // Tab and newline may be meant, within quotes; any other control character is a slip of the editor.
  const control = /[^\P{Cc}\t\n]/u.exec(pattern);
  if (control !== null) return { ok: false, message: `holds the control character ${visible(control[0])}` };
  const split = splitWords(pattern, 'pattern');
  if (!split.ok) return split;
  if (split.words.length > MAX_WORDS) {
    return { ok: false, message: `has ${split.words.length} words; at most ${MAX_WORDS} are allowed` };
  }
  const words: Word[] = [];
  for (const { source, chars } of split.words) {
    const parsed = parsePieces(chars);
    if (!parsed.ok) return parsed;
    if (parsed.wildcards > MAX_WILDCARDS) {
      return { ok: false, message: `word '${visible(source)}' has more than ${MAX_WILDCARDS} wildcards` };
    }
    words.push({ source, pieces: parsed.pieces });
  }
  return { ok: true, words };
}

/** True for `*` alone: in an allow operands, in a deny anything. */
export function isLoneStar(word: Word): boolean {
  return word.pieces.length === 1 && word.pieces[0]?.kind === 'any';
}

/** The word's text where it holds no wildcard, else undefined. */
export function literalText(word: Word): string | undefined {
  const [first, ...rest] = word.pieces;
  if (first === undefined) return '';
  return first.kind === 'text' && rest.length === 0 ? first.text : undefined;
}

/** The literal text before the word's first wildcard. */
export function literalPrefix(pieces: readonly Piece[]): string {
  const first = pieces[0];
  return first?.kind === 'text' ? first.text : '';
}

/** True for a word that begins with a literal `-` and is more than `-` or `--`. */
export function isOptionWord(word: Word): boolean {
  if (!literalPrefix(word.pieces).startsWith('-')) return false;
  const text = literalText(word);
  return text !== '-' && text !== '--';
}

/** True where a literal of the word, or a class in it, names `/` or the backslash: it is then meant for paths. */
export function spellsSlash(pieces: readonly Piece[]): boolean {
  return pieces.some((piece) => {
    if (piece.kind === 'text') return /[/\\]/.test(piece.text);
    return piece.kind === 'class' && !piece.negated && (holds(piece.ranges, '/') || holds(piece.ranges, '\\'));
  });
}

/** True where one of the ranges holds the character. */
export function holds(ranges: readonly CharRange[], char: string): boolean {
  const code = char.codePointAt(0) ?? -1;
  return ranges.some(({ first, last }) => first <= code && code <= last);
}

type Pieces =
  | { readonly ok: true; readonly pieces: readonly Piece[]; readonly wildcards: number }
  | { readonly ok: false; readonly message: string };

function parsePieces(chars: readonly WordChar[]): Pieces {
  const pieces: Piece[] = [];
  let wildcards = 0;
  let at = 0;
  while (at < chars.length) {
    const char = chars[at];
    const live = char?.literal === false ? char.text : undefined;
    if (live === '*' || live === '?' || live === '[') wildcards += 1;
    if (live === '[') {
      const parsed = parseClass(chars, at);
      if (!parsed.ok) return parsed;
      pieces.push(parsed.piece);
      at = parsed.next;
      continue;
    }
    addPiece(pieces, live, char?.text ?? '');
    at += 1;
  }
  return { ok: true, pieces, wildcards };
}

function addPiece(pieces: Piece[], live: string | undefined, text: string): void {
  const last = pieces.at(-1);
  if (live === '?') pieces.push({ kind: 'one' });
  else if (live === '*') {
    if (last?.kind !== 'any') pieces.push({ kind: 'any' });
  } else if (last?.kind === 'text') pieces[pieces.length - 1] = { kind: 'text', text: last.text + text };
  else pieces.push({ kind: 'text', text });
}

type Class =
  | { readonly ok: true; readonly piece: Piece; readonly next: number }
  | { readonly ok: false; readonly message: string };

function parseClass(chars: readonly WordChar[], open: number): Class {
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
    [...letters].some((letter, i, all) => i > 0 && letter <= (all[i - 1] ?? '')),
  );
}
