/** Follows forms through the bytes of a stream, and knows where in it they began. */
import { type Automaton, ROOT } from './automaton.ts';

/** Longest break within a wrapped form, in bytes: CR and LF, or `\r` and `\n` as text, and indentation. */
export const MAX_BREAK_BYTES = 18;

const [TAB, LF, CR, SPACE, BACKSLASH] = [9, 10, 13, 32, 92];

/** What stands behind the backslash where a break is written as text: in a JSON string, or in `$'...'` of bash. */
const [LETTER_N, LETTER_R] = [110, 114];

/** What is to be replaced: one or more forms that overlap. */
export interface Found {
  readonly start: number;
  readonly end: number;
  /** Of the form that begins first; of those, of the longest. */
  readonly owner: number;
}

/**
 * What of some forms has begun in a stream. Offsets count all its bytes; positions only those since something began, and
 * none that is part of a break between lines.
 */
export class Track {
  readonly automaton: Automaton;
  readonly #wraps: boolean;
  #state = ROOT;
  /** Offset of position 0. */
  #begin = 0;
  /** Positions so far. */
  #count = 0;
  /** Breaks within what has begun: from this position on, offsets are ahead by so many bytes. */
  #breaks: { readonly position: number; readonly ahead: number }[] = [];
  /** The first of them that counts: to take the others away one by one would copy the rest each time. */
  #firstBreak = 0;
  /** Bytes of the break that the input ends with. */
  #pending = 0;
  /** Whether the last of them is a backslash: the next byte tells whether it is one of a break. */
  #isEscaped = false;

  /** @param wraps whether the forms may be broken into lines: breaks are passed over once something has begun */
  constructor(automaton: Automaton, wraps: boolean) {
    this.automaton = automaton;
    this.#wraps = wraps;
  }

  /** Whether nothing has begun. */
  get isIdle(): boolean {
    return this.#state === ROOT;
  }

  /** Forgets what has begun. */
  reset(): void {
    this.#state = ROOT;
    this.#isEscaped = false;
  }

  /** Reads the byte at an offset. The automaton's state of the form that is whole with it; ROOT: none is. */
  read(byte: number, offset: number): number {
    if (!this.#wraps || this.#state === ROOT) return this.#take(byte, offset);
    return this.#isEscaped ? this.#readEscaped(byte, offset) : this.#readWrapped(byte, offset);
  }

  #readWrapped(byte: number, offset: number): number {
    if (this.#state === ROOT || !this.#isBreak(byte)) return this.#take(byte, offset);
    this.#pending += 1;
    this.#isEscaped = byte === BACKSLASH;
    return ROOT;
  }

  /** Reads what stands behind a backslash. No wrapped form ends with one, so none is whole before this byte. */
  #readEscaped(byte: number, offset: number): number {
    this.#isEscaped = false;
    if (byte === LETTER_N || byte === LETTER_R) {
      this.#pending += 1;
      return ROOT;
    }
    this.#pending -= 1;
    this.#take(BACKSLASH, offset - 1);
    return this.#readWrapped(byte, offset);
  }

  #take(byte: number, offset: number): number {
    if (this.#state === ROOT) this.#beginAt(offset);
    if (this.#pending > 0) this.#endBreak();
    const state = this.automaton.step(this.#state, byte);
    this.#count += 1;
    this.#state = this.automaton.settle(state);
    return this.automaton.match[state] ?? ROOT;
  }

  /** The offset at which a form that is this long without its breaks, and of which the last byte was just read, began. */
  startOf(depth: number): number {
    const position = this.#count - depth;
    if (this.#breaks.length === 0) return this.#begin + position;
    return this.#begin + position + this.#aheadAt(position);
  }

  /** The offset at which the longest beginning that may go on began; Infinity while idle. */
  start(): number {
    if (this.#state === ROOT) return Infinity;
    const depth = this.automaton.depth[this.#state] ?? 0;
    this.#forgetBreaks(this.#count - depth);
    return this.startOf(depth);
  }

  /** The same of the longest beginning that covers at least half of its form; Infinity: none does. */
  halfStart(): number {
    const depth = this.automaton.halfDepth[this.#state] ?? 0;
    return depth === 0 ? Infinity : this.startOf(depth);
  }

  /**
   * What covers at least half of its form, as far as it is there, where that is all there will be; undefined: nothing does.
   * A break that the form may go on after is no part of it.
   *
   * @param end offset after the last byte that was read
   */
  half(end: number): Found | undefined {
    const start = this.halfStart();
    return start === Infinity
      ? undefined
      : { start, end: end - this.#pending, owner: this.automaton.halfOwnerOf(this.#state) };
  }

  /** Bytes of breaks before a position. Halves the list each time: a long form in short lines has thousands of breaks. */
  #aheadAt(position: number): number {
    let [low, high] = [this.#firstBreak, this.#breaks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#breaks[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return this.#breaks[low - 1]?.ahead ?? 0;
  }

  /** Forgets the breaks before the last one that does not come after a position. */
  #forgetBreaks(position: number): void {
    while ((this.#breaks[this.#firstBreak + 1]?.position ?? Infinity) <= position) this.#firstBreak += 1;
    if (2 * this.#firstBreak <= this.#breaks.length) return;
    this.#breaks = this.#breaks.slice(this.#firstBreak);
    this.#firstBreak = 0;
  }

  #beginAt(offset: number): void {
    this.#begin = offset;
    this.#count = 0;
    this.#pending = 0;
    if (this.#breaks.length === 0) return;
    this.#breaks = [];
    this.#firstBreak = 0;
  }

  #isBreak(byte: number): boolean {
    if (this.#pending >= MAX_BREAK_BYTES) return false;
    if (byte === BACKSLASH) return this.#pending + 1 < MAX_BREAK_BYTES;
    return byte === LF || byte === CR || (this.#pending > 0 && (byte === SPACE || byte === TAB));
  }

  #endBreak(): void {
    const before = this.#breaks.at(-1)?.ahead ?? 0;
    this.#breaks.push({ position: this.#count, ahead: before + this.#pending });
    this.#pending = 0;
  }
}
