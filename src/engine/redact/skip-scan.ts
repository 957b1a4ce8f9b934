/**
 * Finds where a form may be, at several gigabytes a second, and is never wrong when it says that none is. Of each form
 * seven bytes in a row near its beginning are known. A chunk is read in words of four bytes, one at each address that four
 * divides, and seven bytes hold one such word whole, wherever they stand. So a chunk in which no word is one of those in
 * the seven bytes of any form holds no form, as far as the beginnings of forms fit into it.
 */
import type { Form } from './encodings.ts';
import { MAX_BREAK_BYTES } from './track.ts';

const WORD_BYTES = 4;

/** So many bytes hold a whole word, however they lie. */
const WINDOW_BYTES = 2 * WORD_BYTES - 1;

/** Of so many bytes that are broken at one place, either the first or the last seven are in one piece. */
const WRAPPED_BYTES = 2 * WINDOW_BYTES;

/** The known bytes are among so many. Behind this begins what differs in PEM files; lines are not much shorter. */
const BEGINNING_BYTES = 48;

/** Breaks in those, where lines have 32 characters or more. */
const MAX_BREAKS = 2;

/** A form that begins no more than this before a chunk's end may not be announced in it. */
export const TAIL_BYTES = BEGINNING_BYTES + MAX_BREAKS * MAX_BREAK_BYTES;

/** What a break may look like where one of its bytes or two stand in a word, with indentation or without. */
const BREAKS = ['\n', '\r\n', '\n ', '\n\t', '\\n', '\\r\\n', '\\n ', '\\n\t'];

/** So few of the hashes are in use that one in a hundred words at most is looked up in vain. */
const HASH_SHIFT = 32 - 18;

/** Knuth's multiplier: 2^32 by the golden ratio (The Art of Computer Programming, 6.4). */
const MULTIPLIER = 0x9e3779b1;

/** Seven bytes of a form, or fewer than eight of one that is broken, and what is known of where the form began. */
interface Window {
  readonly bytes: Buffer;
  /** How far before the first of them, at most. */
  readonly lookBack: number;
  /** What stands exactly there; empty where a break may come between. */
  readonly beginning: Buffer;
}

/** What stands around a known word: so many bytes before it begins what is to be compared. */
interface Context {
  readonly before: number;
  readonly beginning: Buffer;
}

/** A chunk and the whole words in it, of which the first begins at `skew`. */
export interface ScannedChunk {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly skew: number;
}

export class SkipScan {
  /** 1 where the hash is that of a known word. */
  readonly #hashes = new Uint8Array(1 << (32 - HASH_SHIFT));
  /** The known words, and what may stand around each. */
  readonly #contexts = new Map<number, Context[]>();
  /** A form begins no more than this before a word that announces it, in bytes. */
  readonly lookBack: number;

  constructor(forms: readonly Form[]) {
    let farthest = 0;
    for (const { bytes, lookBack, beginning } of forms.flatMap(windowsOf)) {
      for (let at = 0; at + WORD_BYTES <= bytes.length; at += 1) {
        this.#add(wordAt(bytes, at), { before: lookBack + at, beginning });
        farthest = Math.max(farthest, lookBack + at);
      }
    }
    this.lookBack = farthest;
  }

  /** Where in a chunk the first word stands, from this index on, that a form may hold; -1: none does. */
  find(chunk: ScannedChunk, from: number): number {
    const [hashes, words] = [this.#hashes, chunk.words];
    let index = Math.max(0, (from - chunk.skew + WORD_BYTES - 1) >> 2);
    for (; index + 4 <= words.length; index += 4) {
      // Four at once, without a branch for each: this loop is most of what redaction costs.
      const [one, two] = [look(hashes, words, index), look(hashes, words, index + 1)];
      const [three, four] = [look(hashes, words, index + 2), look(hashes, words, index + 3)];
      if ((one | two | three | four) === 0) continue;
      const found = this.#findAmong(chunk, index, index + 4);
      if (found !== -1) return found;
    }
    return this.#findAmong(chunk, index, words.length);
  }

  #findAmong({ bytes, words, skew }: ScannedChunk, from: number, to: number): number {
    for (let index = from; index < to; index += 1) {
      const at = skew + index * WORD_BYTES;
      if (look(this.#hashes, words, index) === 1 && this.#mayHold(bytes, at, words[index] ?? 0)) return at;
    }
    return -1;
  }

  #add(word: number, context: Context): void {
    this.#hashes[hashOf(word)] = 1;
    const known = this.#contexts.get(word);
    if (known === undefined) this.#contexts.set(word, [context]);
    else if (!known.some((one) => one.before === context.before && one.beginning.equals(context.beginning))) {
      known.push(context);
    }
  }

  /** Whether a word stands where one of its forms has it. */
  #mayHold(bytes: Buffer, at: number, word: number): boolean {
    return (
      this.#contexts.get(word)?.some(({ before, beginning }) => mayStandAt(bytes, at - before, beginning)) ?? false
    );
  }
}

/** Whether some bytes stand at an index, as far as the chunk goes. What began before a chunk is followed, not searched for. */
function mayStandAt(chunk: Buffer, index: number, bytes: Buffer): boolean {
  if (index < 0) return bytes.length === 0;
  for (let at = 0; at < bytes.length && index + at < chunk.length; at += 1) {
    if (chunk[index + at] !== bytes[at]) return false;
  }
  return true;
}

/** A chunk as it is read. */
export function scannedChunk(bytes: Buffer): ScannedChunk {
  const skew = Math.min(-bytes.byteOffset & (WORD_BYTES - 1), bytes.length);
  const count = (bytes.length - skew) >> 2;
  const words = count === 0 ? new Int32Array(0) : new Int32Array(bytes.buffer, bytes.byteOffset + skew, count);
  return { bytes, words, skew };
}

/** Both indices are within their arrays. */
function look(hashes: Uint8Array, words: Int32Array, index: number): number {
  return hashes[hashOf(words[index] as number)] as number;
}

function hashOf(word: number): number {
  return Math.imul(word, MULTIPLIER) >>> HASH_SHIFT;
}

/** Runs of bytes of which one stands wherever the form does. */
function windowsOf(form: Form): Window[] {
  const length = Math.min(form.wraps ? WRAPPED_BYTES : WINDOW_BYTES, form.bytes.length);
  const beginning = form.bytes.subarray(0, BEGINNING_BYTES);
  const start = rarest(beginning, length);
  const bytes = form.bytes.subarray(start, start + length);
  if (!form.wraps) return [{ bytes, lookBack: start, beginning }];
  const [lookBack, unknown] = [start + MAX_BREAKS * MAX_BREAK_BYTES, Buffer.alloc(0)];
  const first = { bytes: bytes.subarray(0, WINDOW_BYTES), lookBack, beginning: unknown };
  const toLast = { lookBack: lookBack + length - WINDOW_BYTES, beginning: unknown };
  if (length === WRAPPED_BYTES) return [first, { ...toLast, bytes: bytes.subarray(-WINDOW_BYTES) }];
  const windows = [first];
  for (let at = 1; at < length; at += 1) {
    for (const text of BREAKS) {
      const broken = Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at)]);
      if (2 * at >= length) windows.push({ ...first, bytes: broken.subarray(0, WINDOW_BYTES) });
      else windows.push({ ...toLast, bytes: broken.subarray(-WINDOW_BYTES) });
    }
  }
  return windows;
}

/** Where in a form's beginning the bytes are that other output is least likely to hold: only the speed depends on it. */
function rarest(beginning: Buffer, length: number): number {
  const rarities = Array.from({ length: beginning.length - WORD_BYTES + 1 }, (_, at) => rarityAt(beginning, at));
  let [best, start] = [-1, 0];
  for (let at = 0; at + length <= beginning.length; at += 1) {
    const least = Math.min(...rarities.slice(at, at + length - WORD_BYTES + 1));
    if (least > best) [best, start] = [least, at];
  }
  return start;
}

/** Indentation, rulers and punctuation are common, and words of lower case letters. */
const RARITIES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (/[A-Z1-9%+]/.test(character)) return 3;
  return /[a-z\\$<>\x80-\xff]/.test(character) ? 2 : 1;
});

/** Of a word, each of its bytes counted once. */
function rarityAt(bytes: Buffer, at: number): number {
  let sum = 0;
  for (const byte of new Set(bytes.subarray(at, at + WORD_BYTES))) sum += RARITIES[byte] ?? 0;
  return sum;
}

const SCRATCH = new Int32Array(1);
const SCRATCH_BYTES = new Uint8Array(SCRATCH.buffer);

/** A word as this machine reads it. */
function wordAt(bytes: Buffer, at: number): number {
  SCRATCH_BYTES.set(bytes.subarray(at, at + WORD_BYTES));
  return SCRATCH[0] ?? 0;
}
