/**
 * Compiles the pattern of a deny under a profile. Its words are those of the generic form; what an option word means is
 * asked of the options that a call has, by each of their names, so a deny needs no reading of its own.
 */
import { compileGlob, type Glob } from '../glob.ts';
import type { Dialect } from './dialects.ts';
import { isLoneStar, isOptionWord, literalText, parseWords, type Piece, spellsSlash, type Word } from '../words.ts';

/** An option word: matches however that option is written. */
export interface DeniedOption {
  readonly source: string;
  /** A name alone, or a form with a value. */
  readonly whole: Glob;
  /** The same, continued by `=`. */
  readonly continued: Glob;
}

export type DeniedStep =
  /** A lone `*`: any number of arguments of any kind. */
  | { readonly kind: 'any'; readonly source: string }
  | {
      readonly kind: 'word';
      readonly source: string;
      readonly matches: Glob;
      /** The word's text where it holds no wildcard: folded as the tool folds it. */
      readonly literal: string | undefined;
      readonly spellsSlash: boolean;
      /** The option word before it: it may be that option's value. */
      readonly valueOf: DeniedOption | null;
    };

export interface ProfileDeny {
  readonly options: readonly DeniedOption[];
  readonly steps: readonly DeniedStep[];
  /** False only for the empty pattern, which denies the bare tool. */
  readonly open: boolean;
}

/** Compiles a deny's text, whose words the generic form has accepted. Never throws. */
export function compileProfileDeny(text: string, { bundle }: Dialect): ProfileDeny {
  const parsed = parseWords(text);
  const words = parsed.ok ? (bundle ? unbundled(parsed.words) : parsed.words) : [];
  const options: DeniedOption[] = [];
  const steps: DeniedStep[] = [];
  let before: DeniedOption | null = null;
  for (const word of words) {
    if (isOptionWord(word)) {
      before = compileOption(word);
      options.push(before);
    } else {
      if (literalText(word) !== '--') steps.push(compileStep(word, before));
      before = null;
    }
  }
  return { options, steps, open: words.length > 0 };
}

/** `xf a.tar` names the options -x and -f (read-arguments.ts). */
function unbundled([first, ...rest]: readonly Word[]): readonly Word[] {
  if (first === undefined) return [];
  const letters = literalText(first) ?? '';
  if (letters === '' || letters.startsWith('-')) return [first, ...rest];
  const options = Array.from(
    letters,
    (letter): Word => ({ source: `-${letter}`, pieces: [{ kind: 'text', text: `-${letter}` }] }),
  );
  return [...options, ...rest];
}

function compileOption({ source, pieces }: Word): DeniedOption {
  const last = pieces.at(-1);
  const continued: Piece[] =
    last?.kind === 'text'
      ? [...pieces.slice(0, -1), { kind: 'text', text: `${last.text}=` }]
      : [...pieces, { kind: 'text', text: '=' }];
  return { source, whole: compileGlob(pieces), continued: compileGlob([...continued, { kind: 'any' }]) };
}

function compileStep(word: Word, valueOf: DeniedOption | null): DeniedStep {
  const { source, pieces } = word;
  if (isLoneStar(word)) return { kind: 'any', source };
  return {
    kind: 'word',
    source,
    matches: compileGlob(pieces),
    literal: literalText(word),
    spellsSlash: spellsSlash(pieces),
    valueOf,
  };
}
