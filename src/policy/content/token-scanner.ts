/**
 * Takes out of a stream what detectors find, whatever its chunks are. What cannot be part of a match passes at once. What
 * may be is held: until it is decided where its beginning is telling, else until the next pause. What passed in a pause is
 * remembered, so that a match that is completed later is still one, and its rest does not pass.
 */
import type { MetRule, Scanner } from '../../model/content.ts';
import { placeholder } from './content-rule.ts';
import { type Block, WORD_START_BYTES } from './shape.ts';
import type { Found, Moment, TokenFinder } from './token-finder.ts';

type Match = Found<MetRule> & { kind: 'match' };

interface OpenBlock {
  readonly block: Block;
  /** Bytes that it may still have, from the tail on. */
  left: number;
  /** Its last bytes, in which its end may begin. */
  tail: string;
}

/** `met` is called once for each match, before anything behind it passes. */
export class TokenScanner implements Scanner {
  readonly #finder: TokenFinder<MetRule>;
  readonly #met: (rule: MetRule) => void;
  /** What is undecided, and a little of what stood before it. */
  #window = '';
  /** Up to here the window has passed, or was taken out. */
  #passed = 0;
  /** Up to here the window is decided. */
  #from = 0;
  /** Where a match began that was taken for complete in a pause, and that may still go on; -1 for none. */
  #growing = -1;
  #open: OpenBlock | null = null;
  #refused = false;

  constructor(finder: TokenFinder<MetRule>, met: (rule: MetRule) => void) {
    this.#finder = finder;
    this.#met = met;
  }

  push(text: string): string {
    return this.#advance(text, 'open');
  }

  pause(): string {
    return this.#advance('', 'pause');
  }

  end(): string {
    return this.#advance('', 'end');
  }

  holds(): boolean {
    return !this.#refused && this.#passed < this.#window.length;
  }

  /** In turns: what is inside of a block is dropped, what is not is decided, until that leads into a block again. */
  #advance(text: string, moment: Moment): string {
    let out = '';
    let rest = text;
    do {
      if (this.#open !== null) rest = this.#drop(this.#open, rest);
      if (this.#open !== null || this.#refused) return out;
      this.#window += rest;
      rest = '';
      const block = this.#decide(moment);
      out += block.passes;
      if (block.entered !== null) rest = this.#enter(block.entered);
    } while (this.#open !== null);
    return out;
  }

  /** Decides what can be decided. `passes` may go out; `entered` is the match that begins a block, if one did. */
  #decide(moment: Moment): { passes: string; entered: Match | null } {
    let passes = '';
    let keep = this.#window.length;
    let hold = this.#window.length;
    const next = this.#finder.placesIn(this.#window);
    for (let at = next(this.#from); at !== -1; at = next(this.#from)) {
      const found = this.#finder.read(this.#window, at, moment);
      this.#from = at + 1;
      if (found.kind === 'match') {
        passes += this.#take(found, at);
        if (this.#refused) return { passes, entered: null };
        if (found.span.block !== null) return { passes, entered: found };
        if (found.mayGrow) keep = Math.min(keep, at);
      } else if (found.kind === 'wait') {
        keep = Math.min(keep, at);
        if (moment === 'open' || found.telling) {
          hold = at;
          break;
        }
      }
    }
    passes += this.#pass(hold);
    this.#trim(keep);
    return { passes, entered: null };
  }

  /** Takes a match out, or ends everything; returns what passes before it, and what stands in its place. */
  #take({ rule, span, mayGrow }: Match, at: number): string {
    this.#from = Math.max(this.#from, span.end);
    if (span.end <= this.#passed && span.block === null) return '';
    const before = this.#pass(span.start);
    this.#passed = Math.max(this.#passed, span.end);
    const goesOn = at === this.#growing;
    this.#growing = mayGrow ? at : -1;
    if (goesOn) return before;
    this.#met(rule);
    this.#refused = rule.action === 'end';
    return this.#refused ? before : before + placeholder(rule.name);
  }

  #pass(to: number): string {
    const text = this.#window.slice(this.#passed, Math.max(this.#passed, to));
    this.#passed = Math.max(this.#passed, to);
    return text;
  }

  /** Forgets what is decided; the window from `keep` on is looked at again. */
  #trim(keep: number): void {
    const cut = Math.max(0, keep - WORD_START_BYTES);
    this.#window = this.#window.slice(cut);
    this.#passed -= cut;
    this.#growing -= cut;
    this.#from = keep - cut;
  }

  /** Begins a block behind a match; returns what follows. */
  #enter({ span }: Match): string {
    const rest = this.#window.slice(span.end);
    if (span.block !== null) this.#open = { block: span.block, left: span.block.maxBytes, tail: '' };
    this.#window = '';
    this.#passed = 0;
    this.#growing = -1;
    this.#from = 0;
    return rest;
  }

  /** Drops what belongs to the block; returns what comes behind it. */
  #drop(open: OpenBlock, text: string): string {
    const seen = open.tail + text;
    const inside = seen.slice(0, open.left);
    const match = open.block.end.exec(inside);
    const end = match === null ? inside.length : match.index + match[0].length;
    // A match that ends with the text may be longer than it looks.
    if (inside.length === open.left || (match !== null && end < inside.length)) {
      this.#open = null;
      return seen.slice(end);
    }
    open.tail = seen.slice(-open.block.endBytes);
    open.left -= seen.length - open.tail.length;
    return '';
  }
}
