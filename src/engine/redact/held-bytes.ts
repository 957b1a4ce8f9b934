/** The bytes of a stream that have come and not yet left. Offsets count from the stream's start. */
export class HeldBytes {
  readonly #pieces: Buffer[] = [];
  #start = 0;
  #end = 0;

  /** Offset of the first byte that is held. */
  get start(): number {
    return this.#start;
  }

  /** Offset after the last byte that has come. */
  get end(): number {
    return this.#end;
  }

  /** Appends a chunk, by reference: `keep` before the caller has it back. */
  add(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#end += chunk.length;
  }

  /** Moves the bytes before an offset to `out`. */
  take(to: number, out: Buffer[]): void {
    this.#remove(to, (piece) => out.push(piece));
  }

  /** Forgets the bytes before an offset. */
  drop(to: number): void {
    this.#remove(to, () => {});
  }

  /** Copies what is left of the last chunk, which is the caller's and may be many times as large. */
  keep(): void {
    const last = this.#pieces.pop();
    if (last !== undefined) this.#pieces.push(Buffer.from(last));
  }

  #remove(to: number, visit: (piece: Buffer) => void): void {
    let whole = 0;
    for (const piece of this.#pieces) {
      if (this.#start + piece.length > to) break;
      this.#start += piece.length;
      whole += 1;
      if (piece.length > 0) visit(piece);
    }
    this.#pieces.splice(0, whole);
    const rest = this.#pieces[0];
    if (rest === undefined || to <= this.#start) return;
    const length = to - this.#start;
    visit(rest.subarray(0, length));
    this.#pieces[0] = rest.subarray(length);
    this.#start = to;
  }
}
