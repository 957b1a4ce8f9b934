/**
 * Notices a client that is gone without a word: a request that wants a reply, every quarter of a minute. As OpenSSH's
 * ClientAliveInterval of 15 s and ClientAliveCountMax of 3.
 */
const INTERVAL_MS = 15_000;
const MAX_UNANSWERED = 3;

export interface KeepaliveOptions {
  readonly send: () => void;
  /** Several requests in a row stayed without a reply. */
  readonly dead: () => void;
}

export class Keepalive {
  readonly #options: KeepaliveOptions;
  /** Replies that the client owes: after a stall they come all at once. */
  #owed = 0;
  /** Requests since the last reply. */
  #unanswered = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeepaliveOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS).unref();
  }

  /** Notes a reply. Returns false where none is owed. */
  answered(): boolean {
    if (this.#owed === 0) return false;
    this.#owed -= 1;
    this.#unanswered = 0;
    return true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#unanswered >= MAX_UNANSWERED) return this.#options.dead();
    this.#unanswered += 1;
    this.#owed += 1;
    this.#options.send();
  }
}
