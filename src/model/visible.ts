/**
 * Makes untrusted text safe to print: on a terminal, in a log, in a message to somebody else.
 *
 * Invariant: what comes back is printable ASCII plus printable Unicode without bidirectional, zero-width or other
 * formatting characters, so it cannot move a cursor, forge a line or reorder what a person reads.
 */

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

/** Escapes every character that could change what a person sees, and cuts at `maxChars`, saying so. Never throws. */
export function visible(text: string, maxChars = 200): string {
  let out = '';
  let count = 0;
  for (const char of text) {
    if (count === maxChars) return `${out}...(${text.length} characters)`;
    out += escape(char);
    count += 1;
  }
  return out;
}

/** `visible` in single quotes, for a word within a sentence. */
export function quoted(text: string, maxChars = 200): string {
  return `'${visible(text, maxChars)}'`;
}

function escape(char: string): string {
  if (char === '\\') return '\\\\';
  if (!UNSAFE.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  if (code === 0x0a) return '\\n';
  if (code === 0x0d) return '\\r';
  if (code === 0x09) return '\\t';
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return `\\u{${code.toString(16)}}`;
}
