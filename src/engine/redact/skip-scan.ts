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
const BREAKS = ['\n', '\r\n', '\n ', '\n\t'];

/** So few of the hashes are in use that one in a hundred words at most is looked up in vain. */
const HASH_SHIFT = 32 - 18;

/** Knuth's multiplier: 2^32 by the golden ratio (The Art of Computer Programming, 6.4). */
const MULTIPLIER = 0x9e3779b1;

/** Seven bytes or a few more, and how far before their first one the form may begin. */
interface Window {
  readonly bytes: Buffer;
  readonly lookBack: number;
}

export class SkipScan {
  /** 1 where the hash is that of a known word. */
  readonly #hashes = new Uint8Array(1 << (32 - HASH_SHIFT));
  readonly #words = new Set<number>();
  /** A form begins no more than this before a word that announces it, in bytes. */
  readonly lookBack: number;

  constructor(forms: readonly Form[]) {
    let farthest = 0;
    for (const { bytes, lookBack } of forms.flatMap(windowsOf)) {
      for (let at = 0; at + WORD_BYTES <= bytes.length; at += 1) {
        this.#words.add(wordAt(bytes, at));
        farthest = Math.max(farthest, lookBack + at);
      }
    }
    for (const word of this.#words) this.#hashes[hashOf(word)] = 1;
    this.lookBack = farthest;
  }

  /**
   * The first of a chunk's words from this one on that a form may hold; -1: none is.
   *
   * @param words as `wordsOfChunk` gives them
   */
  find(words: Int32Array, from: number): number {
    const hashes = this.#hashes;
    const last = words.length - 4;
    let index = from;
    while (index <= last) {
      // Four at once, without a branch for each: this loop is most of what redaction costs.
      const [one, two] = [look(hashes, words, index), look(hashes, words, index + 1)];
      const [three, four] = [look(hashes, words, index + 2), look(hashes, words, index + 3)];
      const found = one | two | three | four;
      if (found !== 0) {
        const exact = this.#findExactly(words, index, index + 4);
        if (exact !== -1) return exact;
      }
      index += 4;
    }
    return this.#findExactly(words, index, words.length);
  }

  #findExactly(words: Int32Array, from: number, to: number): number {
    for (let index = from; index < to; index += 1) {
      const word = words[index] ?? 0;
      if (this.#hashes[hashOf(word)] === 1 && this.#words.has(word)) return index;
    }
    return -1;
  }
}

/** A chunk's whole words, and how many bytes come before the first. */
export function wordsOfChunk(chunk: Buffer): { readonly words: Int32Array; readonly skew: number } {
  const skew = Math.min(-chunk.byteOffset & (WORD_BYTES - 1), chunk.length);
  const count = (chunk.length - skew) >>> 2;
  return {
    words: count === 0 ? new Int32Array(0) : new Int32Array(chunk.buffer, chunk.byteOffset + skew, count),
    skew,
  };
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
  const start = rarest(form.bytes.subarray(0, BEGINNING_BYTES), length);
  const bytes = form.bytes.subarray(start, start + length);
  if (!form.wraps) return [{ bytes, lookBack: start }];
  const lookBack = start + MAX_BREAKS * MAX_BREAK_BYTES;
  const windows = [{ bytes: bytes.subarray(0, WINDOW_BYTES), lookBack }];
  for (let at = 1; at < length; at += 1) {
    for (const text of BREAKS) {
      const broken = Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at)]);
      const window = 2 * at >= length ? broken.subarray(0, WINDOW_BYTES) : broken.subarray(-WINDOW_BYTES);
      windows.push({ bytes: window, lookBack: lookBack + length - WINDOW_BYTES });
    }
  }
  return windows;
}

/** Where in a form's beginning the bytes are that other output is least likely to hold: only the speed depends on it. */
function rarest(beginning: Buffer, length: number): number {
  let [best, start] = [-1, 0];
  for (let at = 0; at + length <= beginning.length; at += 1) {
    const words = Array.from({ length: length - WORD_BYTES + 1 }, (_, index) => rarity(beginning, at + index));
    const least = Math.min(...words);
    if (least > best) [best, start] = [least, at];
  }
  return start;
}

/** Indentation, rulers and punctuation are common, and words of lower case letters. */
function rarity(bytes: Buffer, at: number): number {
  const characters = new Set(bytes.toString('latin1', at, at + WORD_BYTES));
  return [...characters].reduce(
    (sum, one) => sum + (/[A-Z1-9%+]/.test(one) ? 3 : /[a-z\\$<>\x80-\xff]/.test(one) ? 2 : 1),
    0,
  );
}

/** A word as this machine reads it. */
function wordAt(bytes: Buffer, at: number): number {
  return new Int32Array(Uint8Array.from(bytes.subarray(at, at + WORD_BYTES)).buffer)[0] ?? 0;
}
