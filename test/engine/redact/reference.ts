/** Redaction as it is defined, without regard to speed: with each step all of the input is searched again for every form. */
import { formsOf } from '../../../src/engine/redact/encodings.ts';

interface Needle {
  readonly bytes: Buffer;
  readonly wraps: boolean;
  readonly owner: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly owner: number;
}

interface Begun {
  readonly start: number;
  readonly end: number;
  readonly covered: number;
  readonly needle: Needle;
}

export type NamedValue = readonly [name: string, value: string];

export class Reference {
  readonly #names: string[];
  readonly #needles: Needle[];
  #input = Buffer.alloc(0);
  #sent = 0;
  #replacedTo = 0;
  #out = '';
  #isEnded = false;
  readonly counts = new Map<string, number>();

  constructor(values: readonly NamedValue[]) {
    this.#names = values.map(([name]) => name);
    this.#needles = values.flatMap(([, value], owner) => formsOf(value).map((form) => ({ ...form, owner })));
  }

  push(chunk: Buffer): string {
    this.#input = Buffer.concat([this.#input, chunk]);
    return this.#release(Math.min(this.#input.length, ...this.#begun().map(({ start }) => start)));
  }

  flush(): string {
    return this.#release(this.#halfStart(), true);
  }

  end(): string {
    this.#isEnded = true;
    return this.#release(this.#input.length);
  }

  /** Whether bytes stay behind, and whether a flush would let some go. */
  held(): string {
    if (this.#sent === this.#input.length) return 'none';
    const isWhole = this.#ranges().some(({ start }) => start <= this.#sent);
    return isWhole || this.#halfStart() > this.#sent ? 'briefly' : 'until-decided';
  }

  /** Every place in the input with a form that is not yet whole where the input ends. */
  #begun(): Begun[] {
    return this.#walks().flatMap(({ start, walk, needle }) =>
      'covered' in walk ? [{ start, end: walk.end, covered: walk.covered, needle }] : [],
    );
  }

  #halfStart(): number {
    const starts = this.#begun()
      .filter((begun) => this.#isHalf(begun))
      .map(({ start }) => start);
    return Math.min(this.#input.length, ...starts, ...this.#wholeAtEnd());
  }

  /** A whole form at the end covers more than half of itself, if something longer keeps it waiting. */
  #wholeAtEnd(): number[] {
    return this.#ranges()
      .filter(({ end }) => end === this.#input.length)
      .map(({ start }) => start);
  }

  #isHalf({ covered, needle }: Begun): boolean {
    return 2 * covered >= Math.min(...this.#alike(needle, covered).map(({ bytes }) => bytes.length));
  }

  /** All that begin like a form, in order. */
  #alike(needle: Needle, covered: number): Needle[] {
    const beginning = needle.bytes.subarray(0, covered);
    return this.#needles.filter(
      ({ bytes, wraps }) => wraps === needle.wraps && bytes.subarray(0, covered).equals(beginning),
    );
  }

  /** What is half there at the end counts as a form, of the first that begins like it. */
  #halves(): Range[] {
    if (!this.#isEnded) return [];
    return this.#begun()
      .filter((begun) => this.#isHalf(begun))
      .map(({ start, end, covered, needle }) => ({ start, end, owner: this.#alike(needle, covered)[0]?.owner ?? 0 }));
  }

  /** Every form in what has not been let go, those that overlap as one. */
  #ranges(): Range[] {
    const whole = this.#walks().flatMap(({ start, walk, needle }) =>
      'end' in walk && !('covered' in walk) ? [{ start, end: walk.end, owner: needle.owner }] : [],
    );
    const all = [...whole, ...this.#halves()].filter(({ end }) => end > this.#sent);
    all.sort((a, b) => a.start - b.start || b.end - a.end || a.owner - b.owner);
    const merged: Range[] = [];
    for (const range of all) {
      const last = merged.at(-1);
      if (last === undefined || last.end <= range.start) merged.push(range);
      else merged.splice(-1, 1, { ...last, end: Math.max(last.end, range.end) });
    }
    return merged;
  }

  #walks() {
    return Array.from({ length: this.#input.length }, (_, start) =>
      this.#needles.map((needle) => ({ start, needle, walk: walk(this.#input, start, needle) })),
    ).flat();
  }

  #release(to: number, isFlush = false): string {
    this.#out = '';
    for (const range of this.#ranges()) {
      if (range.start < to || (isFlush && range.start <= Math.max(to, this.#sent) && range.start <= this.#sent)) {
        this.#replace(range);
      }
    }
    this.#pass(to);
    return this.#out;
  }

  #replace({ start, end, owner }: Range): void {
    this.#pass(start);
    const name = this.#names[owner] ?? '';
    if (start >= this.#replacedTo || this.#sent !== this.#replacedTo) {
      this.#out += `[redacted:${name}]`;
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    }
    this.#sent = end;
    this.#replacedTo = end;
  }

  #pass(to: number): void {
    if (to <= this.#sent) return;
    this.#out += this.#input.toString('latin1', this.#sent, to);
    this.#sent = to;
  }
}

/** Reads a form from a place on: to its end, or to that of the input but for a break there, or not at all. */
function walk(
  input: Buffer,
  start: number,
  { bytes, wraps }: Needle,
): { end: number } | { end: number; covered: number } | object {
  let covered = 0;
  let pending = 0;
  for (let at = start; at < input.length; at += 1) {
    const skipped = wraps && covered > 0 ? breakAt(input.toString('latin1', at, at + 2), pending) : 0;
    pending = skipped > 0 ? pending + skipped : 0;
    at += Math.max(0, skipped - 1);
    if (skipped > 0) continue;
    if (input[at] !== bytes[covered]) return {};
    covered += 1;
    if (covered === bytes.length) return { end: at + 1 };
  }
  return { end: input.length - pending, covered };
}

/** Bytes of a break that two bytes begin with; 0: they do not. A backslash at the end of the input may be one of a break. */
function breakAt(text: string, pending: number): number {
  if (pending >= 18) return 0;
  if (/^\\([nr]|$)/.test(text) && pending < 17) return text.length;
  return /^[\r\n]/.test(text) || (pending > 0 && /^[ \t]/.test(text)) ? 1 : 0;
}
