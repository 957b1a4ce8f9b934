/**
 * Patterns that an operator wrote, in RE2's syntax: matched in a time that grows with the text, whatever pattern and text
 * are. The one importer of re2js.
 */
import { RE2JS } from 're2js';

/** Longer ones are programs. */
const MAX_PATTERN_CHARACTERS = 1000;
/** What a pattern may compile to: each byte of a line costs at most a step for each instruction. */
const MAX_INSTRUCTIONS = 5000;

/** Finds its matches in one line, without its end: each as the bytes [from, to), in order, none of them empty. */
export type LinePattern = (line: Uint8Array) => readonly (readonly [number, number])[];

export type CompiledLinePattern =
  | { readonly ok: true; readonly find: LinePattern }
  | { readonly ok: false; readonly message: string };

/** Compiles a pattern for lines of UTF-8. Case counts unless it says `(?i)`. Never throws. */
export function compileLinePattern(pattern: string): CompiledLinePattern {
  if (pattern.length > MAX_PATTERN_CHARACTERS) {
    return { ok: false, message: `is longer than ${MAX_PATTERN_CHARACTERS} characters` };
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    return { ok: false, message: `is no pattern of RE2: ${error instanceof Error ? error.message : 'refused'}` };
  }
  if (compiled.programSize() > MAX_INSTRUCTIONS) return { ok: false, message: 'is too large; write fewer repetitions' };
  if (compiled.test('')) return { ok: false, message: 'matches the empty text; it would be found everywhere' };
  return { ok: true, find: (line) => findAll(compiled, line) };
}

function findAll(pattern: RE2JS, line: Uint8Array): [number, number][] {
  // Most lines match nothing, which this tells several times faster.
  if (!pattern.test(line)) return [];
  const matcher = pattern.matcher(line);
  const found: [number, number][] = [];
  while (matcher.find()) if (matcher.end() > matcher.start()) found.push([matcher.start(), matcher.end()]);
  return found;
}
