/**
 * Matches one argument against one word, as text: never as a path. This is the only file that imports minimatch, which
 * is a matcher of paths; here it is fed so that nothing of a path is left.
 *
 * Invariants: a match covers the whole argument. Nothing is folded, decoded or normalised. Time is linear in the
 * argument's length, whatever the argument is.
 */
import { Minimatch } from 'minimatch';
import { holds } from './char-class.ts';
import type { Piece } from './words.ts';

/** Says whether the whole of `text` matches. Never throws. */
export type Glob = (text: string) => boolean;

/** Compiles a word's pieces. Called when a policy is loaded, never for a request. */
export function compileGlob(pieces: readonly Piece[]): Glob {
  if (pieces.every((piece) => piece.kind === 'text')) {
    const literal = pieces.map((piece) => piece.text).join('');
    return (text) => text === literal;
  }
  if (pieces.every((piece) => piece.kind === 'text' || piece.kind === 'any')) return compileRuns(pieces);
  return compileText(pieces);
}

/**
 * Texts with `*` between them: the first is at the start, the last at the end, and those between each at the first
 * place after the one before (any later place would leave less room). Measured faster than minimatch, whose time grows
 * with the length of a text that follows a `*`.
 */
function compileRuns(pieces: readonly Piece[]): Glob {
  const texts = [''];
  for (const piece of pieces) {
    if (piece.kind === 'text') texts[texts.length - 1] = piece.text;
    else texts.push('');
  }
  const first = texts[0] ?? '';
  const last = texts.at(-1) ?? '';
  const between = texts.slice(1, -1);
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const run of between) {
      const found = text.indexOf(run, at);
      if (found === -1 || found + run.length > end) return false;
      at = found + run.length;
    }
    return true;
  };
}

/**
 * Two private-use characters make minimatch a matcher of plain text. `START` before pattern and argument: then a leading
 * `!`, `#` or `.` and the empty argument mean nothing. `SLASH` for every `/`: then there is one path segment only.
 */
const START = '\uE000';
const SLASH = '\uE001';
const TEXT_MODE = {
  dot: true,
  nobrace: true,
  nocomment: true,
  noext: true,
  noglobstar: true,
  nonegate: true,
  nocase: false,
  platform: 'linux',
} as const;

function compileText(pieces: readonly Piece[]): Glob {
  if (!pieces.every(hasOneReading)) return (text) => matchesPieces(pieces, text);
  const matcher = new Minimatch(START + pieces.map(encodePiece).join(''), TEXT_MODE);
  return (text) => {
    if (text.includes(SLASH)) return matchesPieces(pieces, text);
    return matcher.match(START + text.replaceAll('/', SLASH));
  };
}

/**
 * False for what minimatch would read in another way than we do, which our own slower loop matches: SLASH itself, which
 * is `/` to it, and classes of more than letters and digits (`[\^a]` is negated to it, and `[+-9]` has no `/`).
 */
function hasOneReading(piece: Piece): boolean {
  if (piece.kind === 'text') return !piece.text.includes(SLASH);
  if (piece.kind !== 'class') return true;
  return piece.ranges.every(({ first, last }) => isLetterOrDigit(first) && isLetterOrDigit(last));
}

function isLetterOrDigit(code: number): boolean {
  return /[0-9A-Za-z]/.test(String.fromCodePoint(code));
}

function encodePiece(piece: Piece): string {
  switch (piece.kind) {
    case 'text':
      return piece.text.replace(/[\x21-\x7e]/g, encodeChar);
    case 'any':
      return '*';
    case 'one':
      return '?';
    case 'class': {
      const ranges = piece.ranges.map(
        ({ first, last }) => `${String.fromCodePoint(first)}-${String.fromCodePoint(last)}`,
      );
      return `[${piece.negated ? '!' : ''}${ranges.join('')}]`;
    }
  }
}

/** Whatever could mean something gets a backslash. */
function encodeChar(char: string): string {
  if (char === '/') return SLASH;
  return /[0-9A-Za-z]/.test(char) ? char : `\\${char}`;
}

/** The plain matcher, character by character: after a mismatch it lets the last `*` take one more, so it never explodes. */
function matchesPieces(pieces: readonly Piece[], text: string): boolean {
  const atoms = pieces.flatMap((piece): (string | Piece)[] =>
    piece.kind === 'text' ? Array.from(piece.text) : [piece],
  );
  const chars = Array.from(text);
  let atom = 0;
  let at = 0;
  let star: { readonly atom: number; at: number } | undefined;
  while (at < chars.length) {
    const expected = atoms[atom];
    if (typeof expected === 'object' && expected.kind === 'any') {
      star = { atom, at };
      atom += 1;
    } else if (expected !== undefined && matchesChar(expected, chars[at] ?? '')) {
      atom += 1;
      at += 1;
    } else if (star !== undefined) {
      star.at += 1;
      [atom, at] = [star.atom + 1, star.at];
    } else return false;
  }
  return atoms.slice(atom).every((rest) => typeof rest === 'object' && rest.kind === 'any');
}

function matchesChar(expected: string | Piece, char: string): boolean {
  if (typeof expected === 'string') return expected === char;
  return expected.kind === 'one' || (expected.kind === 'class' && holds(expected.ranges, char) !== expected.negated);
}
