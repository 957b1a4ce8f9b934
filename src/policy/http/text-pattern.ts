/**
 * Patterns of whole texts: values of queries, strings in JSON. `*` is any run of characters, `?` one, `[a-z]` and `[!a]`
 * classes where the pattern's language has them.
 *
 * Invariants: a match covers the whole text, and nothing is folded or normalised. Where something is allowed no wildcard
 * stands for a control character or a line end: such a text has to be spelled. Where something is denied it stands for them.
 */
import { compileGlob } from '../glob.ts';
import { parsePattern, type Piece } from '../words.ts';

export interface TextPattern {
  /** For an allow. */
  readonly allows: (text: string) => boolean;
  /** For a deny: whatever may be meant matches. */
  readonly denies: (text: string) => boolean;
}

const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** A pattern of texts with a `*` between each two. */
export function compileTextPattern(texts: readonly string[]): TextPattern {
  return compilePieces(
    texts.flatMap((text, index): Piece[] => [
      ...(index === 0 ? [] : [{ kind: 'any' } as const]),
      ...(text === '' ? [] : [{ kind: 'text', text } as const]),
    ]),
  );
}

export type ParsedTextPattern =
  | { readonly ok: true; readonly pattern: TextPattern }
  | { readonly ok: false; readonly message: string };

/** Parses a glob on a whole text, blanks included. Never throws. */
export function parseTextPattern(text: string): ParsedTextPattern {
  const parsed = parsePattern(text);
  return parsed.ok ? { ok: true, pattern: compilePieces(parsed.pieces) } : parsed;
}

function compilePieces(pieces: readonly Piece[]): TextPattern {
  const matches = compileGlob(pieces);
  const isLiteral = pieces.every(({ kind }) => kind === 'text');
  return { allows: (text) => matches(text) && (isLiteral || !UNSEEN.test(text)), denies: matches };
}
