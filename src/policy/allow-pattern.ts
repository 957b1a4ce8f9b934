/**
 * Compiles the pattern of an allow. What each word may stand for is settled here, when the policy is loaded; matching
 * only follows it.
 */
import { visible } from '../model/visible.ts';
import { compileGlob, type Glob } from './glob.ts';
import { compileUrlPattern, isUrlPattern } from './url-pattern.ts';
import { isLoneStar, isOptionWord, literalText, parseWords, type Piece, spellsSlash, type Word } from './words.ts';

/** One word of an allow: stands for exactly one argument. */
export type AllowWord =
  /** Exactly this text, option or not. */
  | { readonly kind: 'literal'; readonly source: string; readonly text: string }
  /** `*` in the middle: any one operand. */
  | { readonly kind: 'operand'; readonly source: string }
  /** `*` after an option word: that option's value. */
  | { readonly kind: 'value'; readonly source: string; readonly option: string }
  /** A glob for one operand. */
  | { readonly kind: 'glob'; readonly source: string; readonly shape: Shape }
  /** `--name=` and a glob: the option with its value attached. */
  | { readonly kind: 'attached'; readonly source: string; readonly name: string; readonly shape: Shape };

/** What a wildcard word accepts, beside the rules that hold for all of them. */
export interface Shape {
  readonly matches: Glob;
  /** The word names a url, which `matches` compares by parts: only such a word matches a url operand. */
  readonly isUrl: boolean;
  /** The word names a `/`: it then matches no argument that climbs out by `..`. */
  readonly spellsSlash: boolean;
}

export interface AllowPattern {
  /** In the order of the arguments, without the closing `*`. */
  readonly words: readonly AllowWord[];
  /** True where the pattern ends in a lone `*`: further operands may follow. */
  readonly open: boolean;
}

export type CompiledAllow =
  | { readonly ok: true; readonly pattern: AllowPattern }
  | { readonly ok: false; readonly message: string };

/** Compiles an allow's text. Never throws. */
export function compileAllow(text: string): CompiledAllow {
  const parsed = parseWords(text);
  if (!parsed.ok) return parsed;
  const last = parsed.words.at(-1);
  const open = last !== undefined && isLoneStar(last) && takingValue(parsed.words.at(-2)) === undefined;
  const words: AllowWord[] = [];
  for (const [index, word] of (open ? parsed.words.slice(0, -1) : parsed.words).entries()) {
    const compiled = compileWord(word, parsed.words[index - 1]);
    if (!compiled.ok) return { ok: false, message: `word '${visible(word.source)}': ${compiled.message}` };
    words.push(compiled.word);
  }
  return { ok: true, pattern: { words, open } };
}

type CompiledWord = { readonly ok: true; readonly word: AllowWord } | { readonly ok: false; readonly message: string };

function compileWord(word: Word, before: Word | undefined): CompiledWord {
  const { source, pieces } = word;
  const text = literalText(word);
  if (text !== undefined) return { ok: true, word: { kind: 'literal', source, text } };
  if (isLoneStar(word)) {
    const option = takingValue(before);
    return { ok: true, word: option === undefined ? { kind: 'operand', source } : { kind: 'value', source, option } };
  }
  if (isOptionWord(word)) return compileAttached(word);
  const shape = compileShape(pieces);
  return shape.ok ? { ok: true, word: { kind: 'glob', source, shape: shape.shape } } : shape;
}

/** The option whose value a following `*` is: an option word without `=`, which would have its value already. */
function takingValue(word: Word | undefined): string | undefined {
  if (word === undefined || !isOptionWord(word)) return undefined;
  const text = literalText(word);
  return text === undefined || text.includes('=') ? undefined : text;
}

function compileAttached({ source, pieces: [first, ...rest] }: Word): CompiledWord {
  const text = first?.kind === 'text' ? first.text : '';
  const equals = text.indexOf('=');
  if (equals === -1) {
    const message = `an option's name holds no wildcard in an allow; spell the option, with '${visible(text)}=*' or '${visible(text)} *' for its value`;
    return { ok: false, message };
  }
  const value: Piece[] = equals + 1 === text.length ? rest : [{ kind: 'text', text: text.slice(equals + 1) }, ...rest];
  const shape = compileShape(value);
  if (!shape.ok) return shape;
  return { ok: true, word: { kind: 'attached', source, name: text.slice(0, equals + 1), shape: shape.shape } };
}

/** Compiles a wildcard word: a url where it spells one, else a glob over the whole text. Never throws. */
export function compileShape(pieces: readonly Piece[]): { ok: true; shape: Shape } | { ok: false; message: string } {
  const slash = spellsSlash(pieces);
  if (!isUrlPattern(pieces))
    return { ok: true, shape: { matches: compileGlob(pieces), isUrl: false, spellsSlash: slash } };
  const url = compileUrlPattern(pieces);
  return url.ok ? { ok: true, shape: { matches: url.matches, isUrl: true, spellsSlash: slash } } : url;
}
