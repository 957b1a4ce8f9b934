/**
 * The shape of a secret as the parts that it is made of, one after the other, read without going back: the time is bounded
 * by the longest text that a shape can match, whatever the text is. A text may end before it is decided; that is an answer
 * of its own, on which the filter of streams stands.
 *
 * Texts are latin1: one character a byte.
 */
import type { CharSet } from './char-set.ts';

/** A part of a shape. */
export type Step =
  | { readonly kind: 'text'; readonly text: string }
  /** A whole run: all bytes of `set` that stand here, between `least` and `most`; what follows is not in `wider`. */
  | {
      readonly kind: 'run';
      readonly set: CharSet;
      readonly least: number;
      readonly most: number;
      readonly wider: CharSet;
    };

/** Secrets that end at a mark, however long: everything is part of it until the mark, or for `maxBytes`. */
export interface Block {
  /** Its match is the end of the block. */
  readonly end: RegExp;
  /** Bytes that a match of `end` can have, at most, with what it looks at. */
  readonly endBytes: number;
  readonly maxBytes: number;
}

/** What is to be taken out. */
export interface Span {
  readonly start: number;
  /** Behind the last byte; with a block, where the search for its end begins. */
  readonly end: number;
  readonly block: Block | null;
}

export type Reading =
  | { readonly kind: 'no' }
  | { readonly kind: 'match'; readonly span: Span }
  /**
   * The text ends before this is decided. `soFar` is the match if nothing more comes. `telling`: what is there is hardly
   * anything else, so that the rest is worth waiting for.
   */
  | { readonly kind: 'more'; readonly soFar: Span | null; readonly telling: boolean };

/** Something that may begin where a text says so. */
export interface Candidate {
  /** Literal texts that it begins with; or, as a regular expression's source, what it begins with. */
  readonly start: readonly string[] | { readonly pattern: string; readonly first: CharSet };
  /** Reads what stands at `at`. */
  readonly read: (text: string, at: number) => Reading;
}

export interface Shape {
  /** What it begins with, one of them. */
  readonly starts: readonly string[];
  /** True for a start that also stands inside of other words: it counts only where a word begins. */
  readonly wordStart: boolean;
  readonly steps: readonly Step[];
  /** Of the text that has the shape, the part to take out, as [start, end]; null for a look-alike. */
  readonly secret: (matched: string) => readonly [number, number] | null;
  /** Bytes from which on it is telling; undefined: those of its start. */
  readonly tellingBytes?: number;
  readonly block?: Block;
}

export const NO: Reading = { kind: 'no' };

export function literal(text: string): Step {
  return { kind: 'text', text };
}

export function run(set: CharSet, least: number, most: number, wider: CharSet = set): Step {
  return { kind: 'run', set, least, most, wider };
}

/** All of the text is the secret. */
export function whole(matched: string): readonly [number, number] {
  return [0, matched.length];
}

/** All of the text is the secret, if it passes. */
export function wholeIf(passes: (matched: string) => boolean): Shape['secret'] {
  return (matched) => (passes(matched) ? whole(matched) : null);
}

/** The last bytes of the text are the secret. */
export function lastBytes(count: number): Shape['secret'] {
  return (matched) => [matched.length - count, matched.length];
}

export function candidate(shape: Shape): Candidate {
  return { start: shape.starts, read: (text, at) => readShape(shape, text, at) };
}

/**
 * The source of an expression that matches behind one byte if that begins a word: nothing of a word stands before it, but
 * for the `\n` of an escaped text, and for what colours a terminal (ECMA-48, SGR), both of which end in a letter. Behind
 * the byte, since an expression that begins with what it looks for is searched for several times faster.
 */
export const BEGINS_WORD = '(?:(?<![0-9A-Za-z_][^])|(?<=\\\\[nrt][^])|(?<=\\x1b\\[[0-9;]{0,12}m[^]))';
/** Bytes before a place by which that is told. */
export const WORD_START_BYTES = 16;

const beginsWord = new RegExp(BEGINS_WORD, 'y');

function isWordStart(text: string, at: number): boolean {
  beginsWord.lastIndex = at + 1;
  return beginsWord.test(text);
}

function readShape(shape: Shape, text: string, at: number): Reading {
  if (shape.wordStart && !isWordStart(text, at)) return NO;
  const start = shape.starts.find((each) => text.startsWith(each, at));
  if (start === undefined) {
    const rest = text.slice(at);
    const begins = shape.starts.some((each) => each.length > rest.length && each.startsWith(rest));
    return begins ? { kind: 'more', soFar: null, telling: false } : NO;
  }
  return readSteps(shape, text, at, at + start.length);
}

/** Reads the steps of a shape that began at `at`, from `from` on. */
export function readSteps(shape: Omit<Shape, 'starts' | 'wordStart'>, text: string, at: number, from: number): Reading {
  const telling = text.length - at >= (shape.tellingBytes ?? 0);
  const more: Reading = { kind: 'more', soFar: null, telling };
  let here = from;
  for (const [index, step] of shape.steps.entries()) {
    const end = step.kind === 'text' ? readText(step.text, text, here) : readRun(step, text, here);
    if (end === 'no') return NO;
    if (end === 'more') return more;
    const last = index === shape.steps.length - 1;
    if (step.kind === 'run' && end === text.length) return last ? atEnd(shape, step, text, at, here) : more;
    here = end;
  }
  const span = spanOf(shape, text, at, here);
  return span === null ? NO : { kind: 'match', span };
}

function readText(wanted: string, text: string, here: number): number | 'no' | 'more' {
  if (text.startsWith(wanted, here)) return here + wanted.length;
  return wanted.startsWith(text.slice(here, here + wanted.length)) ? 'more' : 'no';
}

function readRun(
  { set, least, most, wider }: Step & { kind: 'run' },
  text: string,
  here: number,
): number | 'no' | 'more' {
  const limit = Math.min(text.length, here + most + 1);
  let end = here;
  while (end < limit && set[text.charCodeAt(end)] === 1) end += 1;
  if (end - here > most) return 'no';
  if (end === text.length) return end - here < least ? 'more' : end;
  return end - here < least || wider[text.charCodeAt(end)] === 1 ? 'no' : end;
}

/** The text ends in the last run: it may go on, and a run that is as long as it can be may turn out to be longer. */
function atEnd(
  shape: Omit<Shape, 'starts' | 'wordStart'>,
  step: Step & { kind: 'run' },
  text: string,
  at: number,
  here: number,
): Reading {
  const soFar = spanOf(shape, text, at, text.length);
  if (soFar === null && text.length - here === step.most) return NO;
  return { kind: 'more', soFar, telling: text.length - at >= (shape.tellingBytes ?? 0) };
}

function spanOf(shape: Omit<Shape, 'starts' | 'wordStart'>, text: string, at: number, end: number): Span | null {
  const secret = shape.secret(text.slice(at, end));
  return secret === null ? null : { start: at + secret[0], end: at + secret[1], block: shape.block ?? null };
}
