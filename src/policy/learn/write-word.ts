/** Words of a pattern, written so that they read back as what they were made of. */

/** A run of text that stands for itself, or null for `*`. */
export type Part = string | null;

/** What the audit log holds in the place of a secret (redact.ts). */
export const REDACTED = '[redacted]';

/** Writes one word: quotes only where it holds blanks, a backslash before what is special. */
export function writeWord(parts: readonly Part[]): string {
  const written = parts.map((part) => (part === null ? '*' : part.replace(/["'\\*?[]/g, '\\$&'))).join('');
  return written === '' || /[ \t\n]/.test(written) ? `"${written}"` : written;
}

/** The parts that match one text as the audit log holds it: what was redacted may be anything. */
export function partsOf(text: string): Part[] {
  return text
    .split(REDACTED)
    .flatMap((part, index) => [...(index === 0 ? [] : [null]), ...(part === '' ? [] : [part])]);
}

/**
 * The parts that match all of these texts and little else: a text that they all are; else the directory that they all
 * lie in, of paths and urls; else anything.
 */
export function partsOfAll(texts: readonly string[]): Part[] {
  const [first = '', ...others] = new Set(texts);
  if (others.length === 0) return partsOf(first);
  const directory = texts.some((text) => text.includes(REDACTED)) ? '' : commonDirectory(first, others);
  // A lone `/` is a directory that says nothing.
  return directory.length > 1 ? [directory, null] : [null];
}

function commonDirectory(first: string, others: readonly string[]): string {
  let length = first.length;
  for (const other of others) {
    length = Math.min(length, other.length);
    while (!other.startsWith(first.slice(0, length))) length -= 1;
  }
  return first.slice(0, first.lastIndexOf('/', length - 1) + 1);
}
