/**
 * SSH's data types (RFC 4251 section 5), read from and written to whole message payloads.
 */

/** A message that does not have the form that its number promises. Ends the connection. */
export class MalformedMessage extends Error {}

/** Reads a payload from front to back. Every method throws `MalformedMessage` where the payload is too short. */
export class MessageReader {
  readonly #payload: Buffer;
  #at: number;

  /** Starts behind the message number. */
  constructor(payload: Buffer) {
    this.#payload = payload;
    this.#at = 1;
  }

  /** Bytes read so far, the message number included. */
  get position(): number {
    return this.#at;
  }

  boolean(): boolean {
    return this.#take(1)[0] !== 0;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** A `string`: a view of the payload, not a copy. */
  string(): Buffer {
    return this.#take(this.uint32());
  }

  /** A `string` that the protocol defines as US-ASCII. Other bytes come through one to one, and so match no name of ours. */
  ascii(): string {
    return this.string().toString('latin1');
  }

  /** Throws where bytes are left. */
  end(): void {
    if (this.#at !== this.#payload.length) throw new MalformedMessage('bytes after the message');
  }

  #take(length: number): Buffer {
    const from = this.#at;
    if (length > this.#payload.length - from) throw new MalformedMessage('message is too short');
    this.#at = from + length;
    return this.#payload.subarray(from, this.#at);
  }
}

/** A `string` field of a message to be written. */
export function sshString(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  const field = Buffer.allocUnsafe(4 + bytes.length);
  field.writeUInt32BE(bytes.length, 0);
  bytes.copy(field, 4);
  return field;
}

/** A `uint32` field of a message to be written. */
export function uint32(value: number): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeUInt32BE(value, 0);
  return field;
}

/** A `byte` or `boolean` field of a message to be written. */
export function byte(value: number | boolean): Buffer {
  return Buffer.from([Number(value)]);
}

/** A whole message: its number and its fields. */
export function message(number: number, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([byte(number), ...fields]);
}
