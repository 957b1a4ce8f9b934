/**
 * The two data types of RFC 4251 section 5 that key blobs and signatures are made of.
 */

/**
 * Splits `bytes` into exactly `count` strings of RFC 4251 section 5 (a length of four bytes, then that many bytes).
 * Undefined where they are fewer, more, or followed by anything: whoever parses a blob has parsed all of it.
 */
export function splitStrings(bytes: Buffer, count: number): Buffer[] | undefined {
  const strings: Buffer[] = [];
  let offset = 0;
  for (let i = 0; i < count; i += 1) {
    if (bytes.length - offset < 4) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    strings.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return offset === bytes.length ? strings : undefined;
}

/** Writes strings of RFC 4251 section 5 one after the other. The inverse of `splitStrings`. */
export function joinStrings(...strings: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [];
  for (const string of strings) {
    const bytes = Buffer.from(string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/**
 * An mpint of RFC 4251 section 5 as an unsigned number of exactly `size` bytes. Undefined for zero, a negative one, one
 * with needless leading bytes (which the RFC forbids), or one that does not fit.
 */
export function unsignedOfMpint(mpint: Buffer, size: number): Buffer | undefined {
  const [first, second] = mpint;
  if (first === undefined || first >= 0x80) return undefined;
  if (first === 0 && (second === undefined || second < 0x80)) return undefined;
  const digits = first === 0 ? mpint.subarray(1) : mpint;
  if (digits.length > size) return undefined;
  return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}
