/**
 * When keys are exchanged again (RFC 4253 section 9): after a gigabyte or an hour, whichever comes first; and how long
 * any exchange may take. While one is under way nothing else is sent, so one that never ends would be a way to make the
 * gateway hold output for ever.
 */

const REKEY_BYTES = 1024 ** 3;
const REKEY_INTERVAL_MS = 60 * 60 * 1000;
const EXCHANGE_TIME_LIMIT_MS = 30_000;

export interface KeyScheduleOptions {
  /** Begins an exchange. */
  readonly rekey: () => void;
  /** An exchange did not end in time. */
  readonly overdue: () => void;
}

export class KeySchedule {
  readonly #options: KeyScheduleOptions;
  readonly #interval: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #bytes = 0;

  constructor(options: KeyScheduleOptions) {
    this.#options = options;
    this.#interval = setInterval(() => options.rekey(), REKEY_INTERVAL_MS).unref();
  }

  /** Counts bytes in either direction, and asks for an exchange once there are enough of them. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < REKEY_BYTES || this.#deadline !== undefined) return;
    this.#bytes = 0;
    // Not within the packet that is being handled or written.
    setImmediate(() => this.#options.rekey());
  }

  /** Notes that an exchange began or ended. Beginning again does not extend the time. */
  exchange(state: 'begun' | 'done'): void {
    if (state === 'done') {
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      this.#bytes = 0;
      this.#interval.refresh();
    } else {
      this.#deadline ??= setTimeout(() => this.#options.overdue(), EXCHANGE_TIME_LIMIT_MS).unref();
    }
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
  }
}
