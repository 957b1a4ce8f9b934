/**
 * Where in a text something may begin that a detector knows, and what it is. One scan for the beginnings of all detectors
 * comes first; only where one stands is anything read, and how far is bounded by the shape. So the time grows with the
 * text, whatever is in it.
 */
import type { Candidate, Reading, Span } from './shape.ts';

/**
 * How much is decided: `open`, more text may come at once; `pause`, none came for a while, so that what could be complete
 * is; `end`, none will come.
 */
export type Moment = 'open' | 'pause' | 'end';

export type Found<Rule> =
  | { readonly kind: 'no' }
  | { readonly kind: 'match'; readonly rule: Rule; readonly span: Span; readonly mayGrow: boolean }
  /** It ends before it is decided; see {@link Reading}. */
  | { readonly kind: 'wait'; readonly telling: boolean };

export interface TokenFinder<Rule> {
  /**
   * Looks for the places in a text where something may begin, also with what has come of it so far: the first one from
   * `from` on, -1 for none. `from` grows from call to call.
   */
  placesIn(text: string): (from: number) => number;
  /** What stands at such a place. Of several rules the first one counts. */
  read(text: string, at: number, moment: Moment): Found<Rule>;
}

interface Entry<Rule> {
  readonly rule: Rule;
  readonly candidate: Candidate;
}

/** Compiles the scan for the beginnings of all that the rules look for. */
export function createTokenFinder<Rule>(entries: readonly Entry<Rule>[]): TokenFinder<Rule> {
  const literals = entries.flatMap(({ candidate }) => ('pattern' in candidate.start ? [] : candidate.start));
  const patterns = entries.flatMap(({ candidate }) => ('pattern' in candidate.start ? [candidate.start.pattern] : []));
  // One expression for all literals, and one for each pattern: together they would be several times slower.
  const sources = [...(literals.length === 0 ? [] : [literals.map(escaped).join('|')]), ...patterns];
  const starts = sources.map((source) => new RegExp(source, 'g'));
  const beginnings = new Set(literals.flatMap((text) => Array.from(text, (_, length) => text.slice(0, length))));
  const longest = Math.max(1, ...literals.map((text) => text.length)) - 1;
  const byFirst = Array.from({ length: 256 }, (_, code) =>
    entries.filter(({ candidate }) => mayBegin(candidate, code)),
  );

  function placesIn(text: string): (from: number) => number {
    // The next place of each expression: it stays the next one until it is behind.
    const next = starts.map(() => -1);
    return (from) => {
      let first = text.length;
      for (const [index, start] of starts.entries()) {
        const known = next[index] ?? -1;
        const place = known >= from ? known : firstMatch(start, text, from);
        next[index] = place;
        first = Math.min(first, place);
      }
      for (let tail = Math.max(from, text.length - longest); tail < first; tail += 1) {
        if (beginnings.has(text.slice(tail))) return tail;
      }
      return first === text.length ? -1 : first;
    };
  }

  function read(text: string, at: number, moment: Moment): Found<Rule> {
    let waits: Found<Rule> = { kind: 'no' };
    for (const { rule, candidate } of byFirst[text.charCodeAt(at)] ?? []) {
      const found = settle(rule, candidate.read(text, at), moment);
      if (found.kind === 'match') return found;
      if (found.kind === 'wait' && moment === 'open') return found;
      if (found.kind === 'wait') waits = waits.kind === 'wait' && waits.telling ? waits : found;
    }
    return waits;
  }

  return { placesIn, read };
}

/** Where an expression matches first; the end of the text for nowhere. */
function firstMatch(expression: RegExp, text: string, from: number): number {
  expression.lastIndex = from;
  return expression.exec(text)?.index ?? text.length;
}

function settle<Rule>(rule: Rule, reading: Reading, moment: Moment): Found<Rule> {
  if (reading.kind === 'no') return reading;
  if (reading.kind === 'match') return { kind: 'match', rule, span: reading.span, mayGrow: false };
  if (moment !== 'open' && reading.soFar !== null) return { kind: 'match', rule, span: reading.soFar, mayGrow: true };
  return moment === 'end' ? { kind: 'no' } : { kind: 'wait', telling: reading.telling };
}

function mayBegin({ start }: Candidate, code: number): boolean {
  return 'pattern' in start ? start.first[code] === 1 : start.some((text) => text.charCodeAt(0) === code);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
