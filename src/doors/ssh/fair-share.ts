/**
 * Divides the event loop among those who send: however much one of them sends, over however many connections, each
 * other's input is handled after a few milliseconds.
 *
 * Invariants: the input of one sender is handled in the order in which it came; of each sender that has input waiting,
 * one piece is handled in every turn of the loop.
 */

/** Milliseconds of one turn that a sender's input may take before the rest of it waits for the next. */
const SHARE_MS = 4;

interface Line {
  usedMs: number;
  readonly waiting: (() => void)[];
}

export class FairShare {
  readonly #lines = new Map<string, Line>();
  #isTurnDue = false;

  /**
   * Handles a piece of input now and returns true, or returns false where its sender has had its share: then it is handled
   * in a later turn, and until it was, nothing more should be read from where it came.
   */
  handle(sender: string, handle: () => void): boolean {
    const line = this.#lineOf(sender);
    this.#askForTurn();
    if (line.waiting.length > 0 || line.usedMs >= SHARE_MS) {
      line.waiting.push(handle);
      return false;
    }
    use(line, handle);
    return true;
  }

  #lineOf(sender: string): Line {
    const known = this.#lines.get(sender);
    if (known !== undefined) return known;
    const line: Line = { usedMs: 0, waiting: [] };
    this.#lines.set(sender, line);
    return line;
  }

  #askForTurn(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(() => this.#takeTurn());
  }

  #takeTurn(): void {
    this.#isTurnDue = false;
    for (const [sender, line] of this.#lines) {
      line.usedMs = 0;
      const next = line.waiting.shift();
      if (next === undefined) this.#lines.delete(sender);
      else use(line, next);
    }
    if (this.#lines.size > 0) this.#askForTurn();
  }
}

function use(line: Line, handle: () => void): void {
  const startedAt = performance.now();
  handle();
  line.usedMs += performance.now() - startedAt;
}
