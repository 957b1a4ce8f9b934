/**
 * A value that nobody may see by accident. Whoever needs it says `reveal()`, which is easy to search for; every other
 * way out of it (printing, JSON, logs, messages, inspection, comparison) gives `[secret]` or nothing.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** What stands wherever a secret is printed by mistake. */
const HIDDEN = '[secret]';

/**
 * One secret. The text is in a private field, which `JSON.stringify`, `structuredClone`, `Object.entries` and
 * `util.inspect` cannot reach; the methods by which a language or a logger turns a value into text say `[secret]`.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The secret itself. Call it where the value is handed to what needs it, and keep the result in no field. */
  reveal(): string {
    return this.#text;
  }

  /** Bytes of the value in UTF-8. */
  get byteLength(): number {
    return Buffer.byteLength(this.#text);
  }

  /** Whether both hold the same text, in a time that depends on neither (only on how long the two are). */
  equals(other: Secret): boolean {
    return timingSafeEqual(digest(this.#text), digest(other.#text));
  }

  /** SHA-256 (hex) of a text and the value: names the value in a table without holding it. */
  fingerprint(context: string): string {
    return createHash('sha256').update(`${context}\0`).update(this.#text).digest('hex');
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
