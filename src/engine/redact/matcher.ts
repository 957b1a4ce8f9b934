/**
 * Takes the forms of secrets out of a stream of bytes. No timers, no streams: whoever calls says when to wait no longer.
 *
 * Invariants: what a form covers never leaves whole, however the stream is cut into chunks; before it is known whether a
 * form goes on, at most half of it leaves, and only by `flush`; all other bytes leave unchanged and in order. Who ends a
 * stream chooses where a form is cut: what is there of one at the end leaves only if it is less than half.
 */
import { ROOT } from './automaton.ts';
import type { Compiled } from './compiled.ts';
import { HeldBytes } from './held-bytes.ts';
import { TAIL_BYTES, scannedChunk } from './skip-scan.ts';
import { type Found, Track } from './track.ts';

/** What may leave now. */
export interface Passed {
  readonly out: readonly Buffer[];
  /**
   * Whether bytes stay behind. `briefly`: some may begin a form, or a form is whole and may be part of a longer one; they
   * leave with `flush`. `until-decided`: each is in what covers half of a form, and waits for more input or its end.
   */
  readonly held: 'none' | 'briefly' | 'until-decided';
}

/** Bytes that are read a second time to skip what comes after them. More would be slow where a form repeats itself. */
const MAX_READ_AGAIN = 8;

/** One stream's redaction. Offsets count from the stream's start. */
export class Matcher {
  readonly #compiled: Compiled;
  readonly #counts: Map<string, number>;
  readonly #plain: Track;
  readonly #wrapped: Track;
  readonly #held = new HeldBytes();
  /** What is to be replaced, in order, apart from each other. */
  #found: Found[] = [];
  /** End of the last form that was found. */
  #foundTo = 0;
  /** End of the last form that was replaced. */
  #replacedTo = 0;

  /** @param counts where replacements are counted, by name */
  constructor(compiled: Compiled, counts: Map<string, number>) {
    this.#compiled = compiled;
    this.#counts = counts;
    this.#plain = new Track(compiled.plain, false);
    this.#wrapped = new Track(compiled.wrapped, true);
  }

  /** Takes the next bytes. They are copied where they stay behind; what leaves are parts of the chunk itself. */
  push(chunk: Buffer): Passed {
    const offset = this.#held.end;
    this.#held.add(chunk);
    this.#search(chunk, offset);
    const out = this.#release(this.#begun());
    this.#held.keep();
    return { out, held: this.#holding() };
  }

  /** Lets go of what may wait no longer. What has begun is still followed: its other bytes are replaced if it is a form. */
  flush(): Passed {
    const out = this.#release(this.#halfStart());
    while (this.#isWholeFirst()) this.#replaceFirst(out);
    return { out, held: this.#holding() };
  }

  /** The end of the stream: nothing goes on any more. What covers half of a form is replaced as the whole form is. */
  end(): Passed {
    for (const track of [this.#plain, this.#wrapped]) {
      const half = track.half(this.#held.end);
      if (half !== undefined && half.end > this.#held.start) this.#add(half);
    }
    return { out: this.#release(this.#held.end), held: 'none' };
  }

  /** Reads with the automata where a form may begin, and skips the rest. */
  #search(chunk: Buffer, offset: number): void {
    const { scan } = this.#compiled;
    const scanned = scannedChunk(chunk);
    let at = this.#plain.isIdle && this.#wrapped.isIdle ? 0 : this.#follow(chunk, offset, 0, 0);
    while (at < chunk.length) {
      const word = chunk.length - at < TAIL_BYTES ? -1 : scan.find(scanned, at);
      const hit = word === -1 ? chunk.length : word;
      const begin = word === -1 ? chunk.length - TAIL_BYTES : word - scan.lookBack;
      at = this.#follow(chunk, offset, Math.max(at, begin), hit + 1);
    }
  }

  /**
   * Reads with the automata until all that began before an index of the chunk is decided. Where reading goes on: what
   * began after that index is forgotten, and found again.
   */
  #follow(chunk: Buffer, offset: number, from: number, settled: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      this.#read(this.#plain, chunk[at] ?? 0, offset + at);
      this.#read(this.#wrapped, chunk[at] ?? 0, offset + at);
      if (at + 1 < settled) continue;
      const start = Math.min(this.#begun(), offset + at + 1);
      if (start < offset + settled || start < this.#foundTo || offset + at - start > MAX_READ_AGAIN) continue;
      this.#plain.reset();
      this.#wrapped.reset();
      return start - offset;
    }
    return chunk.length;
  }

  #read(track: Track, byte: number, offset: number): void {
    const state = track.read(byte, offset);
    if (state !== ROOT) this.#find(track, state, offset + 1);
  }

  #find(track: Track, state: number, end: number): void {
    const start = track.startOf(track.automaton.depth[state] ?? 0);
    this.#add({ start, end, owner: track.automaton.ownerOf(state) });
    this.#foundTo = end;
  }

  /** Notes what is to be replaced; what overlaps becomes one. */
  #add(added: Found): void {
    let found = added;
    for (let last = this.#found.at(-1); last !== undefined && last.end > found.start; last = this.#found.at(-1)) {
      this.#found.pop();
      found = { ...(isBefore(last, found) ? last : found), end: Math.max(last.end, found.end) };
    }
    this.#found.push(found);
  }

  /** Lets go of what comes before an offset. */
  #release(to: number): Buffer[] {
    const out: Buffer[] = [];
    while ((this.#found[0]?.start ?? Infinity) < to) this.#replaceFirst(out);
    this.#held.take(to, out);
    return out;
  }

  /** Replaces the first form, with what comes before it. What overlaps the one replaced last goes without a word. */
  #replaceFirst(out: Buffer[]): void {
    const found = this.#found.shift();
    if (found === undefined) return;
    this.#held.take(found.start, out);
    const isContinued = found.start < this.#replacedTo && this.#held.start === this.#replacedTo;
    const owner = this.#compiled.owners[found.owner];
    if (!isContinued && owner !== undefined) {
      out.push(owner.marker);
      this.#counts.set(owner.name, (this.#counts.get(owner.name) ?? 0) + 1);
    }
    this.#held.drop(found.end);
    this.#replacedTo = found.end;
  }

  #isWholeFirst(): boolean {
    return (this.#found[0]?.start ?? Infinity) <= this.#held.start;
  }

  #holding(): Passed['held'] {
    if (this.#held.start === this.#held.end) return 'none';
    return this.#halfStart() > this.#held.start || this.#isWholeFirst() ? 'briefly' : 'until-decided';
  }

  /** Where the first of what may go on began; Infinity: nothing may. */
  #begun(): number {
    return Math.min(this.#plain.start(), this.#wrapped.start());
  }

  /** The same of what covers half of its form. */
  #halfStart(): number {
    return Math.min(this.#plain.halfStart(), this.#wrapped.halfStart());
  }
}

/** Whether it is the owner of the first that counts where the two overlap. */
function isBefore(one: Found, other: Found): boolean {
  return (one.start - other.start || other.end - one.end || one.owner - other.owner) < 0;
}
