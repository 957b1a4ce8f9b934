/**
 * The words of a pattern. Each word is a glob for exactly one argument: `*` any run of characters, `/` included, `?` one
 * character, `[a-z]` and `[!a]` classes. Quotes take nothing of this away; only a backslash does.
 */
import { visible } from '../model/visible.ts';
import { type CharClass, holds, parseClass } from './char-class.ts';
import { splitWords, type WordChar } from './split.ts';

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | CharClass;

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

/** Parses a pattern of one text, blanks and quotes in it being themselves; a backslash makes the next character itself. Never throws. */
export function parsePattern(pattern: string): Pieces {
  if (!pattern.isWellFormed()) return { ok: false, message: 'holds a lone surrogate, which no text can hold' };
  const chars: WordChar[] = [];
  let literal = false;
  for (const text of pattern) {
    if (text === '\\' && !literal) literal = true;
    else {
      chars.push({ text, literal });
      literal = false;
    }
  }
  if (literal) return { ok: false, message: 'ends in a backslash; write two for the character itself' };
  const parsed = parsePieces(chars);
  if (!parsed.ok || parsed.wildcards <= MAX_WILDCARDS) return parsed;
  return { ok: false, message: `has more than ${MAX_WILDCARDS} wildcards` };
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

type Pieces =
  | { readonly ok: true; readonly pieces: readonly Piece[]; readonly wildcards: number }
  | { readonly ok: false; readonly message: string };

function parsePieces(chars: readonly WordChar[]): Pieces {
  const pieces: Piece[] = [];
  let wildcards = 0;
  let at = 0;
  while (at < chars.length) {
    const taken = takePiece(chars, at);
    if (!taken.ok) return taken;
    if (taken.piece.kind !== 'text') wildcards += 1;
    addPiece(pieces, taken.piece);
    at = taken.next;
  }
  return { ok: true, pieces, wildcards };
}

type Taken =
  | { readonly ok: true; readonly piece: Piece; readonly next: number }
  | { readonly ok: false; readonly message: string };

function takePiece(chars: readonly WordChar[], at: number): Taken {
  const { text, literal } = chars[at] ?? { text: '', literal: true };
  if (!literal && text === '[') return parseClass(chars, at);
  const piece: Piece | undefined = literal ? undefined : WILDCARDS.get(text);
  return { ok: true, piece: piece ?? { kind: 'text', text }, next: at + 1 };
}

const WILDCARDS: ReadonlyMap<string, Piece> = new Map<string, Piece>([
  ['*', { kind: 'any' }],
  ['?', { kind: 'one' }],
]);

function addPiece(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (piece.kind === 'any' && last?.kind === 'any') return;
  if (piece.kind !== 'text' || last?.kind !== 'text') pieces.push(piece);
  else pieces[pieces.length - 1] = { kind: 'text', text: last.text + piece.text };
}
