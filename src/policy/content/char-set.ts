/** Sets of bytes, as the shapes of secrets name them. */

/** By byte: 1 where it is in the set. */
export type CharSet = Uint8Array;

/** The bytes that a class of a regular expression holds: `charSet('A-Za-z0-9_')`. For classes written in this folder. */
export function charSet(members: string): CharSet {
  const matcher = new RegExp(`[${members}]`);
  return Uint8Array.from({ length: 256 }, (_, code) => (matcher.test(String.fromCharCode(code)) ? 1 : 0));
}

export const DIGITS = charSet('0-9');
export const HEX = charSet('0-9a-fA-F');
export const BASE62 = charSet('0-9A-Za-z');
export const BASE64 = charSet('0-9A-Za-z+/');
/** The alphabet of base64url (RFC 4648, section 5); also what regular expressions call a word, and the dash. */
export const BASE64URL = charSet('0-9A-Za-z_\\-');
/** What continues a word: a token neither begins after nor ends before one of these. */
export const WORD = charSet('0-9A-Za-z_');
/** The alphabet of base32 (RFC 4648, section 6), in which AWS writes its identifiers. */
export const BASE32 = charSet('A-Z2-7');
export const BLANKS = charSet(' \\t\\r\\n');
