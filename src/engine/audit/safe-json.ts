/**
 * JSON that is safe to show with `cat`: one line, and nothing in it that a terminal obeys or that reorders what a
 * person reads. It stays ordinary JSON with the same meaning.
 */

/** What `visible()` escapes as well; C0 controls and lone surrogates are escaped by `JSON.stringify` itself. */
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const PRINTABLE_ASCII = /^[\x20-\x7e\n]*$/;

/**
 * `JSON.stringify` on one line, made safe as `escapeJson` does.
 *
 * @throws TypeError where `JSON.stringify` does: a cycle, a bigint
 */
export function safeJson(value: unknown): string {
  return escapeJson(JSON.stringify(value));
}

/**
 * Writes C1 controls, bidirectional and other formatting characters, line separators, private and unassigned characters
 * of a JSON text as `\uXXXX`. They can stand only inside its strings, so its meaning stays. Never throws.
 */
export function escapeJson(json: string): string {
  return PRINTABLE_ASCII.test(json) ? json : json.replace(UNSAFE, escapeUnits);
}

function escapeUnits(char: string): string {
  let out = '';
  for (let i = 0; i < char.length; i += 1) out += `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return out;
}
