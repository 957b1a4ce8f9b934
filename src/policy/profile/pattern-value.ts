/**
 * Words of a pattern as values: of an operand, or of an option. While the tool's own parser reads a pattern, its wildcards
 * are written as private characters, so that `--vault=Team*` and `-vTeam*` are taken apart as a call is.
 */
import { compileShape, type Shape } from '../allow-pattern.ts';
import { isLoneStar, literalText, type Piece, type Word } from '../words.ts';

/** What a pattern says of one value. */
export type PatternValue =
  /** Exactly this text. */
  | { readonly kind: 'literal'; readonly source: string; readonly text: string }
  /** A lone `*`. */
  | { readonly kind: 'any'; readonly source: string }
  /** A glob, and the literal text before its first wildcard. */
  | { readonly kind: 'glob'; readonly source: string; readonly prefix: string; readonly shape: Shape };

/** A lone `*`, as no word of the pattern spells it. */
export const ANY: PatternValue = { kind: 'any', source: '*' };

/** The words of one pattern, written for the parser. */
export interface Encoded {
  readonly args: readonly string[];
  /** A closing lone `*`, as it is written; it is then the last of `args`. */
  readonly closing: string;
  /** True for text that holds a wildcard. */
  readonly isWild: (text: string) => boolean;
  /** The pieces that encoded text stands for. */
  readonly decode: (text: string) => readonly Piece[];
}

const FIRST = 0xf0000;
const CLOSING = String.fromCodePoint(FIRST);
const PRIVATE = /[\u{F0000}-\u{F0FFF}]/u;
/** A word's wildcards are few (words.ts), but 64 words have more than fit; no pattern comes near. */
const MOST = 0xfff;

/** Writes words for the parser; undefined where a word holds one of the private characters itself. */
export function encodeWords(words: readonly Word[]): Encoded | undefined {
  const wildcards: Piece[] = [];
  const write = (piece: Piece): string => {
    if (piece.kind === 'text') return piece.text;
    wildcards.push(piece);
    return String.fromCodePoint(FIRST + wildcards.length);
  };
  if (words.some(({ pieces }) => pieces.some((piece) => piece.kind === 'text' && PRIVATE.test(piece.text))))
    return undefined;
  const args = words.map((word, index) =>
    index === words.length - 1 && isLoneStar(word) ? CLOSING : word.pieces.map(write).join(''),
  );
  if (wildcards.length > MOST) return undefined;
  const decode = (text: string): Piece[] => {
    const pieces: Piece[] = [];
    for (const char of Array.from(text)) {
      const wildcard =
        char === CLOSING ? ({ kind: 'any' } as const) : wildcards[(char.codePointAt(0) ?? 0) - FIRST - 1];
      const last = pieces.at(-1);
      if (wildcard !== undefined) pieces.push(wildcard);
      else if (last?.kind === 'text') pieces[pieces.length - 1] = { kind: 'text', text: last.text + char };
      else pieces.push({ kind: 'text', text: char });
    }
    return pieces;
  };
  return { args, closing: CLOSING, isWild: (text) => PRIVATE.test(text), decode };
}

export type CompiledValue =
  | { readonly ok: true; readonly value: PatternValue }
  | { readonly ok: false; readonly message: string };

/** Compiles what a pattern says of a value. Never throws. */
export function compileValue(pieces: readonly Piece[]): CompiledValue {
  const source = pieces.map((piece) => ('text' in piece ? piece.text : piece.kind === 'any' ? '*' : '?')).join('');
  const word: Word = { source, pieces };
  const text = literalText(word);
  if (text !== undefined) return { ok: true, value: { kind: 'literal', source, text } };
  if (isLoneStar(word)) return { ok: true, value: ANY };
  const compiled = compileShape(pieces);
  if (!compiled.ok) return compiled;
  const first = pieces[0];
  const prefix = first?.kind === 'text' ? first.text : '';
  return { ok: true, value: { kind: 'glob', source, prefix, shape: compiled.shape } };
}
