/** Checks by which a real token or number is told from one that only looks like it. */

const BASE62_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CRC_CHARACTERS = 6;

/** CRC-32 as zip and PNG have it (ISO 3309), of the bytes of a latin1 text. */
export function crc32(text: string): number {
  let crc = 0xff_ff_ff_ff;
  for (let at = 0; at < text.length; at += 1) {
    crc ^= text.charCodeAt(at);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xed_b8_83_20 & -(crc & 1));
  }
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

/** A number in base 62, digits before capitals before small letters, filled up with zeros to six characters. */
export function base62(value: number): string {
  let digits = '';
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) digits = BASE62_DIGITS.charAt(rest % 62) + digits;
  return digits.padStart(CRC_CHARACTERS, '0');
}

/**
 * Whether the last six characters of a token's random part are the CRC-32 of those before them. GitHub's and npm's
 * tokens end so: https://github.blog/engineering/behind-githubs-new-authentication-token-formats/.
 */
export function endsInCrc(random: string): boolean {
  return base62(crc32(random.slice(0, -CRC_CHARACTERS))) === random.slice(-CRC_CHARACTERS);
}

/** The check digit of card numbers (ISO/IEC 7812-1, annex B). `digits` holds digits only. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let fromEnd = 0; fromEnd < digits.length; fromEnd += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - fromEnd) - 48;
    const weighed = fromEnd % 2 === 0 ? digit : digit * 2;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}

const BECH32_DIGITS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const BECH32_GENERATOR = [0x3b_6a_57_b2, 0x26_50_8e_6d, 0x1e_a1_19_fa, 0x3d_42_33_dd, 0x2a_14_62_b3];

/** Whether a text in capitals has the checksum of Bech32 (BIP 173), in which age writes its keys. */
export function passesBech32(text: string): boolean {
  const lower = text.toLowerCase();
  const separator = lower.lastIndexOf('1');
  const prefix = Array.from(lower.slice(0, separator), (character) => character.charCodeAt(0));
  const data = Array.from(lower.slice(separator + 1), (character) => BECH32_DIGITS.indexOf(character));
  if (separator < 1 || data.length < 6 || data.includes(-1)) return false;
  const values = [...prefix.map((code) => code >>> 5), 0, ...prefix.map((code) => code & 31), ...data];
  return bech32Polymod(values) === 1;
}

function bech32Polymod(values: readonly number[]): number {
  let checksum = 1;
  for (const value of values) {
    const top = checksum >>> 25;
    checksum = ((checksum & 0x1_ff_ff_ff) << 5) ^ value;
    for (const [bit, generator] of BECH32_GENERATOR.entries()) if (((top >>> bit) & 1) === 1) checksum ^= generator;
  }
  return checksum;
}
