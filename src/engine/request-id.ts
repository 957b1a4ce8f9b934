/**
 * Names of requests: ULIDs (github.com/ulid/spec): 48 bits of milliseconds, then 80 random bits, in Crockford's base 32.
 * They sort by time, are unique without a counter, and tell a client nothing of others.
 */
import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARS = 10;

/** A new id: 26 characters. `now` in milliseconds since 1970. */
export function newRequestId(now: number = Date.now()): string {
  let time = '';
  for (let rest = now, i = 0; i < TIME_CHARS; i += 1, rest = Math.floor(rest / 32))
    time = (ALPHABET[rest % 32] ?? '0') + time;
  let random = '';
  // 256 is a multiple of 32, so the low five bits of a random byte are uniform.
  for (const byte of randomBytes(16)) random += ALPHABET[byte % 32] ?? '0';
  return time + random;
}
