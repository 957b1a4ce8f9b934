/** Compiles the pattern of a deny: option words, which match in any place, and the other words, which match in order. */
import { compileGlob, type Glob } from './glob.ts';
import { isLoneStar, isOptionWord, parseWords, type Piece, spellsSlash, type Word } from './words.ts';

/** An option that a deny spells, however it is written. */
export interface DenyOption {
  readonly source: string;
  /** The option's name as a whole argument: its value, if it takes one, would be the next. */
  readonly name: Glob;
  /** The word as a whole argument, or continued by `=`. */
  readonly argument: Glob;
  /** The value that the word spells (`--method=DELETE`), to be tried on the next argument too; null where it spells none. */
  readonly value: Glob | null;
}

/** A word that is no option word. */
export type DenyStep =
  /** A lone `*`: any number of arguments of any kind. */
  | { readonly kind: 'any'; readonly source: string }
  | {
      readonly kind: 'word';
      readonly source: string;
      readonly matches: Glob;
      /** The word names a `/`: it is also tried on values attached to options. */
      readonly spellsSlash: boolean;
      /** Where the word follows an option word: it may be that option's value, wherever the option stands. */
      readonly asValue: AsValue | null;
    };

export interface AsValue {
  readonly option: DenyOption;
  /** `--option=word` as one argument. */
  readonly attached: Glob;
}

export interface DenyPattern {
  readonly options: readonly DenyOption[];
  readonly steps: readonly DenyStep[];
  /** False only for the empty pattern, which denies a call of nothing but options; every other ends as if `*` followed. */
  readonly open: boolean;
}

export type CompiledDeny =
  | { readonly ok: true; readonly pattern: DenyPattern }
  | { readonly ok: false; readonly message: string };

/** Compiles a deny's text. Never throws. */
export function compileDeny(text: string): CompiledDeny {
  const parsed = parseWords(text);
  if (!parsed.ok) return parsed;
  const options: DenyOption[] = [];
  const steps: DenyStep[] = [];
  let before: { readonly word: Word; readonly option: DenyOption } | undefined;
  for (const word of parsed.words) {
    if (isOptionWord(word)) {
      before = { word, option: compileOption(word) };
      options.push(before.option);
      continue;
    }
    steps.push(compileStep(word, before));
    before = undefined;
  }
  return { ok: true, pattern: { options, steps, open: parsed.words.length > 0 } };
}

function compileStep(word: Word, before: { readonly word: Word; readonly option: DenyOption } | undefined): DenyStep {
  if (isLoneStar(word)) return { kind: 'any', source: word.source };
  const { source, pieces } = word;
  const asValue =
    before === undefined || before.option.value !== null
      ? null
      : { option: before.option, attached: compileGlob(joined(before.word.pieces, [EQUALS], pieces)) };
  return { kind: 'word', source, matches: compileGlob(pieces), spellsSlash: spellsSlash(pieces), asValue };
}

const EQUALS: Piece = { kind: 'text', text: '=' };
const ANY: Piece = { kind: 'any' };

function compileOption({ source, pieces }: Word): DenyOption {
  const whole = compileGlob(pieces);
  const continued = compileGlob(joined(pieces, [EQUALS, ANY]));
  const argument: Glob = (text) => whole(text) || continued(text);
  const split = splitAtEquals(pieces);
  if (split === undefined) return { source, name: whole, argument, value: null };
  return { source, name: compileGlob(split.name), argument, value: compileGlob(split.value) };
}

function splitAtEquals(pieces: readonly Piece[]): { name: Piece[]; value: Piece[] } | undefined {
  for (const [index, piece] of pieces.entries()) {
    const at = piece.kind === 'text' ? piece.text.indexOf('=') : -1;
    if (piece.kind !== 'text' || at === -1) continue;
    const name = joined(pieces.slice(0, index), [{ kind: 'text', text: piece.text.slice(0, at) }]);
    return { name, value: joined([{ kind: 'text', text: piece.text.slice(at + 1) }], pieces.slice(index + 1)) };
  }
  return undefined;
}

/** One list of pieces with neighbouring texts joined, as `compileGlob` expects them. */
function joined(...lists: readonly (readonly Piece[])[]): Piece[] {
  const pieces: Piece[] = [];
  for (const piece of lists.flat()) {
    const last = pieces.at(-1);
    if (piece.kind === 'text' && last?.kind === 'text') {
      pieces[pieces.length - 1] = { kind: 'text', text: last.text + piece.text };
    } else pieces.push(piece);
  }
  return pieces;
}
