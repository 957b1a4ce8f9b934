/** Texts for tests of byte transparency. */

/**
 * Every code point class that UTF-8 tells apart, and every byte that valid UTF-8 can hold but NUL: ASCII, all leads and
 * tails of two, three and four bytes, their first and last sequences, combining and right-to-left marks, noncharacters.
 */
export function everyByte(): string {
  const codes = Array.from({ length: 0x7f }, (_, i) => i + 1);
  for (let code = 0x80; code < 0x800; code += 31) codes.push(code);
  for (let tail = 0; tail < 64; tail += 1) codes.push(0x80 + tail);
  for (let lead = 0; lead < 30; lead += 1) codes.push(0x80 + lead * 64);
  for (let lead = 0; lead < 16; lead += 1) codes.push(Math.max(0x800, lead * 0x1000) + (lead === 13 ? 0 : 0x3f));
  for (let lead = 0; lead < 5; lead += 1) codes.push(Math.max(0x10000, lead * 0x40000) + 0x1f);
  codes.push(0x7ff, 0x800, 0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1fffe, 0x10ffff);
  codes.push(0x0301, 0x05d0, 0x200d, 0x202e, 0x2028, 0x2066, 0x1f468, 0xe0001);
  return String.fromCodePoint(...codes);
}

/** The bytes that valid UTF-8 can hold (RFC 3629): all but 0xC0, 0xC1 and 0xF5 to 0xFF. */
export function bytesOfUtf8(): number[] {
  return Array.from({ length: 256 }, (_, i) => i).filter(
    (byte) => byte !== 0 && byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5,
  );
}
