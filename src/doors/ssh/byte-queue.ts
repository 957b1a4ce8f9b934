/**
 * Bytes that wait, in memory in proportion to their number. A client may send a whole window one byte a message, and a
 * Buffer for each would cost hundreds of times what it holds.
 */

/** Pieces of this size and more are kept as they came; smaller ones are copied together. */
const BLOCK_BYTES = 8 * 1024;

export class ByteQueue {
  readonly #pieces: Buffer[] = [];
  #block: Buffer | undefined;
  #filled = 0;
  #length = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    this.#length += bytes.length;
    if (bytes.length >= BLOCK_BYTES) {
      this.#closeBlock();
      this.#pieces.push(bytes);
      return;
    }
    if (this.#filled + bytes.length > BLOCK_BYTES) this.#closeBlock();
    this.#block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#filled += bytes.copy(this.#block, this.#filled);
  }

  /** Takes the oldest bytes, as many as are in one piece; undefined where none wait. */
  shift(): Buffer | undefined {
    if (this.#pieces.length === 0) this.#closeBlock();
    const piece = this.#pieces.shift();
    this.#length -= piece?.length ?? 0;
    return piece;
  }

  /** A copy, so that a piece keeps no more memory than it has bytes. */
  #closeBlock(): void {
    if (this.#filled > 0) this.#pieces.push(Buffer.from(this.#block?.subarray(0, this.#filled) ?? []));
    this.#filled = 0;
  }
}
