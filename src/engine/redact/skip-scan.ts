/**
 * Finds where a form may begin, at several gigabytes a second, and is never wrong when it says that none does. Of each
 * form the first bytes are known; a chunk is read in words of four bytes, one at each address that four divides. Seven
 * bytes in a row hold one such word whole, wherever they stand. So a chunk in which no word is one of those in the first
 * seven bytes of any form holds no form, as far as seven bytes fit into it.
 */
import { type Form } from './encodings.ts';
import { MAX_BREAK_BYTES } from './track.ts';

const WORD_BYTES = 4;

/** So many bytes hold a whole word, however they lie. */
const WINDOW_BYTES = 2 * WORD_BYTES - 1;

/** Of a form that is broken once within so many bytes, either the first or the last seven are in one piece. */
const WRAPPED_BYTES = 2 * WINDOW_BYTES;

/** A form begins no more than this before a word that announces it. */
export const LOOK_BACK_BYTES = WRAPPED_BYTES + MAX_BREAK_BYTES - WORD_BYTES;

/** A form that begins no more than this before a chunk's end may not be announced in it. */
export const TAIL_BYTES = WRAPPED_BYTES + MAX_BREAK_BYTES - 1;

/** What a break may look like where one of its bytes or two stand in a word, with indentation or without. */
const BREAKS = ['\n', '\r\n', '\n ', '\n\t'];

const HASH_BITS = 16;

/** Knuth's multiplier: 2^32 by the golden ratio (The Art of Computer Programming, 6.4). */
const MULTIPLIER = 0x9e3779b1;

export class SkipScan {
  /** 1 where the hash is that of a known word. */
  readonly #hashes = new Uint8Array(1 << HASH_BITS);
  readonly #words: ReadonlySet<number>;

  constructor(forms: readonly Form[]) {
    this.#words = new Set(forms.flatMap(windowsOf).flatMap(wordsOf));
    for (const word of this.#words) this.#hashes[hashOf(word)] = 1;
  }

  /**
   * The first of a chunk's words from this one on that is in the beginning of a form; -1: none is.
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
  return Math.imul(word, MULTIPLIER) >>> HASH_BITS;
}

/** Runs of bytes of which one stands wherever the form does. */
function windowsOf({ bytes, wraps }: Form): Buffer[] {
  const first = bytes.subarray(0, WINDOW_BYTES);
  if (!wraps) return [first];
  const beginning = bytes.subarray(0, WRAPPED_BYTES);
  const windows = [first];
  for (let at = 1; at < beginning.length; at += 1) {
    for (const text of BREAKS) {
      const broken = Buffer.concat([beginning.subarray(0, at), Buffer.from(text), beginning.subarray(at)]);
      windows.push(2 * at >= beginning.length ? broken.subarray(0, WINDOW_BYTES) : broken.subarray(-WINDOW_BYTES));
    }
  }
  return windows;
}

/** The words at every place in a window, each as this machine reads it. */
function wordsOf(window: Buffer): number[] {
  return Array.from({ length: WINDOW_BYTES - WORD_BYTES + 1 }, (_, at) => {
    const word = Uint8Array.from(window.subarray(at, at + WORD_BYTES));
    return new Int32Array(word.buffer)[0] ?? 0;
  });
}
