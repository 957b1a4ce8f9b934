/**
 * Takes out of a stream what patterns find in its lines, whatever its chunks are. A line is looked at when it is complete,
 * or when it pauses; one that is longer than a piece is looked at in pieces, each half of which is in the next one too, so
 * that a match of up to half a piece lies in one of them. Where pieces lie depends on the line alone.
 */
import type { MetRule, Scanner } from '../../model/content.ts';
import { placeholder } from './content-rule.ts';
import type { LinePattern } from './line-pattern.ts';

/** The longest match that is found for certain. */
export const MAX_MATCH_BYTES = 4096;
const PIECE_BYTES = 2 * MAX_MATCH_BYTES;

export interface PatternRule {
  readonly rule: MetRule;
  readonly find: LinePattern;
}

interface LineMatch {
  readonly rule: MetRule;
  readonly start: number;
  readonly end: number;
}

/** `met` is called once for each match, before anything behind it passes. */
export class LineScanner implements Scanner {
  readonly #patterns: readonly PatternRule[];
  readonly #met: (rule: MetRule) => void;
  #piece = '';
  /** Up to here the piece has passed, or was taken out. */
  #passed = 0;
  /** Up to here it was taken out: a match that began before it is one that was met, or hangs together with it. */
  #covered = 0;
  #refused = false;

  constructor(patterns: readonly PatternRule[], met: (rule: MetRule) => void) {
    this.#patterns = patterns;
    this.#met = met;
  }

  push(text: string): string {
    let out = '';
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      out += this.#add(text.slice(from, end)) + this.#endLine();
      from = end + 1;
    }
    return out + this.#add(text.slice(from));
  }

  pause(): string {
    return this.#scan(this.#piece.length);
  }

  end(): string {
    return this.#scan(this.#piece.length);
  }

  holds(): boolean {
    return !this.#refused && this.#passed < this.#piece.length;
  }

  /** Adds to the line; returns what passes because the line is longer than a piece. */
  #add(text: string): string {
    if (this.#refused) return '';
    let out = '';
    this.#piece += text;
    while (this.#piece.length >= PIECE_BYTES) {
      out += this.#scan(MAX_MATCH_BYTES);
      this.#piece = this.#piece.slice(MAX_MATCH_BYTES);
      this.#passed -= MAX_MATCH_BYTES;
      this.#covered -= MAX_MATCH_BYTES;
    }
    return out;
  }

  #endLine(): string {
    const out = this.#scan(this.#piece.length);
    this.#piece = '';
    this.#passed = 0;
    this.#covered = 0;
    return this.#refused ? out : `${out}\n`;
  }

  /** Looks at the piece as it is; returns what passes of it up to `to`. */
  #scan(to: number): string {
    if (this.#refused) return '';
    let out = '';
    for (const { rule, start, end } of matchesIn(this.#patterns, this.#piece)) {
      if (start >= to || (rule.action === 'redact' && end <= this.#passed)) continue;
      out += this.#pass(start);
      if (rule.action === 'end') {
        this.#met(rule);
        this.#refused = true;
        return out;
      }
      if (start >= this.#covered) {
        this.#met(rule);
        out += placeholder(rule.name);
      }
      this.#passed = end;
      this.#covered = end;
    }
    return out + this.#pass(to);
  }

  #pass(to: number): string {
    const text = this.#piece.slice(this.#passed, Math.max(this.#passed, to));
    this.#passed = Math.max(this.#passed, to);
    return text;
  }
}

/** The matches of all patterns, by where they begin; in the order of the patterns where they begin together. */
function matchesIn(patterns: readonly PatternRule[], piece: string): LineMatch[] {
  const line = Buffer.from(piece, 'latin1');
  return patterns
    .flatMap(({ rule, find }) => find(line).map(([start, end]) => ({ rule, start, end })))
    .sort((one, other) => one.start - other.start);
}
