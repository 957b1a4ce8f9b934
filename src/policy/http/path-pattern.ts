/**
 * The path of a rule on requests: `/repos/*` + `/issues`, `/v1/**`, `/bot{token}/getMe`. Segments are compared as they are sent.
 *
 * Invariants of an allow: what is odd in a path (`request-path.ts`) was spelled by the rule, at that place. No wildcard
 * stands for a `/`, an empty segment or a dot segment. A deny is the other way round: it is compared decoded, its
 * wildcards stand for anything, and what lies below its path is denied with it. Time is linear in the path.
 */
import { quoted } from '../../model/visible.ts';
import { compileGlob, type Glob } from '../glob.ts';
import type { Piece } from '../words.ts';
import { decodeLoosely, looseReading, readSegment, type Segment } from './request-path.ts';

type SegmentPattern =
  /** `**`: any number of segments. */
  | { readonly kind: 'cross' }
  /** What the `**` at a pattern's end needs at least: one segment, or the nothing behind a closing `/`. */
  | { readonly kind: 'last' }
  | {
      readonly kind: 'segment';
      readonly text: string;
      readonly odd: readonly string[];
      readonly runs: readonly Glob[];
      /** Matches the segment decoded: for a deny. */
      readonly decoded: Glob;
    };

export interface PathPattern {
  readonly segments: readonly SegmentPattern[];
  /** By the index of a segment: what a client may send there that is filled in, and the pattern's own text. */
  readonly fills: ReadonlyMap<number, { readonly sent: string; readonly text: string }>;
  /** Names of the placeholders. */
  readonly placeholders: readonly string[];
}

export type CompiledPath =
  | { readonly ok: true; readonly path: PathPattern }
  | { readonly ok: false; readonly message: string };

const MAX_SEGMENTS = 64;
const MAX_WILDCARDS = 16;
const PLACEHOLDER = /\{([\w-]{1,64})\}/g;

/** Compiles the path of a rule. Never throws. */
export function compilePath(path: string): CompiledPath {
  const problem = problemOf(path);
  if (problem !== undefined) return { ok: false, message: problem };
  const texts = path.slice(1).split('/');
  const segments = texts.map(compileSegment);
  if (texts.at(-1) === '**') segments.push({ kind: 'last' });
  const placeholders = Array.from(path.matchAll(PLACEHOLDER), ([, name = '']) => name);
  const fills = texts.flatMap((text, index) =>
    text.includes('{') ? [[index, { sent: text.replaceAll(PLACEHOLDER, ''), text }] as const] : [],
  );
  return { ok: true, path: { segments, fills: new Map(fills), placeholders } };
}

function problemOf(path: string): string | undefined {
  if (!path.startsWith('/')) return `path ${quoted(path)} does not begin with '/'`;
  if (!/^[\x21-\x7e]*$/.test(path))
    return `path ${quoted(path)} holds blanks or other than ASCII; write escapes such as %20`;
  if (path.includes('#')) return `path ${quoted(path)} holds '#', which is never sent`;
  const texts = path.split('/');
  if (texts.length > MAX_SEGMENTS) return `path ${quoted(path)} has more than ${MAX_SEGMENTS} segments`;
  const mixed = texts.find((text) => text.includes('**') && text !== '**');
  if (mixed !== undefined) return `'**' is a segment of its own; ${quoted(mixed)} holds more`;
  const busy = texts.find((text) => text.split('*').length - 1 > MAX_WILDCARDS);
  if (busy !== undefined) return `segment ${quoted(busy)} has more than ${MAX_WILDCARDS} wildcards`;
  return placeholderProblem(texts);
}

/** Where a placeholder stands must be plain: what is filled in there is a secret. */
function placeholderProblem(texts: readonly string[]): string | undefined {
  const last = texts.findLastIndex((text) => /[{}]/.test(text));
  if (last === -1) return undefined;
  const bad = texts.find(
    (text) => /[{}]/.test(text.replaceAll(PLACEHOLDER, '')) || (/\{/.test(text) && text.includes('*')),
  );
  if (bad !== undefined) return `segment ${quoted(bad)}: a placeholder is {NAME}, with plain text around it`;
  return texts.slice(0, last).includes('**') ? "a placeholder cannot stand behind '**'" : undefined;
}

function compileSegment(text: string): SegmentPattern {
  if (text === '**') return { kind: 'cross' };
  const { odd, runs } = readSegment(text);
  const decoded = compileStars(text.split('*').map(decodeLoosely));
  return { kind: 'segment', text, odd, runs: runs.map((run) => compileStars(run.split('*'))), decoded };
}

/** Texts with a wildcard between each two. */
function compileStars(texts: readonly string[]): Glob {
  return compileGlob(
    texts.flatMap((text, index): Piece[] => [
      ...(index === 0 ? [] : [{ kind: 'any' } as const]),
      ...(text === '' ? [] : [{ kind: 'text', text } as const]),
    ]),
  );
}

/** The path as it is sent where an allow's pattern matches it, placeholders filled in; null where it does not. */
export function matchPath({ segments, fills }: PathPattern, path: readonly Segment[]): readonly Segment[] | null {
  const filled = path.map((segment, index) => {
    const fill = fills.get(index);
    return fill?.sent === segment.text ? readSegment(fill.text) : segment;
  });
  return matchSegments(segments, filled, allowsSegment, isPlain) ? filled : null;
}

/** Whether a deny's pattern, or one above it, matches a path. */
export function matchDeniedPath({ segments }: PathPattern, path: readonly Segment[]): boolean {
  const end = segments.at(-1);
  const isBelow = end?.kind === 'last' || (end?.kind === 'segment' && end.text === '');
  const whole: readonly SegmentPattern[] = [...(isBelow ? segments.slice(0, -1) : segments), { kind: 'cross' }];
  const denies = (texts: readonly string[]): boolean => matchSegments(whole, texts, deniesSegment, () => true);
  return denies(path.map(({ text }) => text)) || denies(looseReading(path));
}

/** Nothing in it that only a spelled rule lets through. */
function isPlain({ text, odd, dots }: Segment): boolean {
  return text !== '' && odd.length === 0 && !dots;
}

function allowsSegment(pattern: SegmentPattern, segment: Segment, isEnd: boolean): boolean {
  if (pattern.kind === 'last') return isPlain(segment) || (segment.text === '' && isEnd);
  if (pattern.kind === 'cross') return false;
  if (segment.text === '' || segment.dots) return pattern.text === segment.text;
  if (pattern.odd.length !== segment.odd.length) return false;
  return (
    pattern.odd.every((odd, index) => odd === segment.odd[index]) &&
    pattern.runs.every((run, index) => run(segment.runs[index] ?? ''))
  );
}

function deniesSegment(pattern: SegmentPattern, text: string): boolean {
  if (pattern.kind !== 'segment') return true;
  return pattern.decoded(decodeLoosely(text)) || pattern.decoded(text);
}

/** Segment by segment; after a mismatch the last `**` takes one more, so the time is the path's times the pattern's length. */
function matchSegments<Each>(
  patterns: readonly SegmentPattern[],
  path: readonly Each[],
  test: (pattern: SegmentPattern, segment: Each, isEnd: boolean) => boolean,
  mayCross: (segment: Each) => boolean,
): boolean {
  let pattern = 0;
  let at = 0;
  let cross: { readonly pattern: number; at: number } | undefined;
  for (let segment = path[at]; segment !== undefined; segment = path[at]) {
    const expected = patterns[pattern];
    if (expected?.kind === 'cross') {
      cross = { pattern, at };
      pattern += 1;
    } else if (expected !== undefined && test(expected, segment, at === path.length - 1)) {
      pattern += 1;
      at += 1;
    } else {
      const skipped = cross === undefined ? undefined : path[cross.at];
      if (cross === undefined || skipped === undefined || !mayCross(skipped)) return false;
      cross.at += 1;
      [pattern, at] = [cross.pattern + 1, cross.at];
    }
  }
  return patterns.slice(pattern).every(({ kind }) => kind === 'cross');
}
