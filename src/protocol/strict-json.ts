/**
 * JSON (RFC 8259) without its ambiguities, for text that an untrusted peer wrote.
 *
 * Invariants: what is accepted has exactly one reading. Duplicate keys, lone surrogates, numbers beyond a double's exact
 * integers' way of writing (`1e999`), nesting and keys beyond their bounds and text after the value are refused. Objects come back
 * without a prototype, so no key can reach `Object.prototype`. Never throws, and takes time linear in the text.
 */

export type StrictJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** What one level of nesting may hold; 32 is the wire contract's bound. */
const MAX_DEPTH = 32;
/** Keys of one object: far above any request, and few enough that nobody can make work of a megabyte of them. */
const MAX_KEYS = 4096;

class Refused extends Error {}

/** Parses one JSON value that is the whole of `text`. */
export function parseStrictJson(text: string): StrictJson {
  const cursor: Cursor = { text, at: 0 };
  try {
    const value = parseValue(cursor, 0);
    skipBlanks(cursor);
    if (cursor.at !== text.length) return { ok: false, message: `text after the value at offset ${cursor.at}` };
    return { ok: true, value };
  } catch (thrown) {
    if (thrown instanceof Refused) return { ok: false, message: thrown.message };
    throw thrown;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseValue(cursor: Cursor, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Refused(`nested deeper than ${MAX_DEPTH}`);
  skipBlanks(cursor);
  switch (cursor.text[cursor.at]) {
    case '{':
      return parseObject(cursor, depth);
    case '[':
      return parseArray(cursor, depth);
    case '"':
      return parseString(cursor);
    case 't':
      return parseWord(cursor, 'true', true);
    case 'f':
      return parseWord(cursor, 'false', false);
    case 'n':
      return parseWord(cursor, 'null', null);
    default:
      return parseNumber(cursor);
  }
}

function parseObject(cursor: Cursor, depth: number): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, '}')) return object;
  for (let keys = 1; ; keys += 1) {
    if (keys > MAX_KEYS) throw new Refused(`more than ${MAX_KEYS} keys in an object`);
    skipBlanks(cursor);
    if (cursor.text[cursor.at] !== '"') throw expected(cursor, 'a key');
    const key = parseString(cursor);
    if (key in object) throw new Refused(`duplicate key ${JSON.stringify(key.slice(0, 40))}`);
    skipBlanks(cursor);
    if (!take(cursor, ':')) throw expected(cursor, "':'");
    object[key] = parseValue(cursor, depth + 1);
    skipBlanks(cursor);
    if (take(cursor, '}')) return object;
    if (!take(cursor, ',')) throw expected(cursor, "',' or '}'");
  }
}

function parseArray(cursor: Cursor, depth: number): unknown[] {
  const array: unknown[] = [];
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, ']')) return array;
  for (;;) {
    array.push(parseValue(cursor, depth + 1));
    skipBlanks(cursor);
    if (take(cursor, ']')) return array;
    if (!take(cursor, ',')) throw expected(cursor, "',' or ']'");
  }
}

/** Everything up to the next quote, backslash or control character. */
const PLAIN_RUN = /[^"\\\u0000-\u001f]*/y;
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function parseString(cursor: Cursor): string {
  cursor.at += 1;
  let out = '';
  for (;;) {
    PLAIN_RUN.lastIndex = cursor.at;
    out += PLAIN_RUN.exec(cursor.text)?.[0] ?? '';
    cursor.at = PLAIN_RUN.lastIndex;
    const next = cursor.text[cursor.at];
    if (next === '"') break;
    if (next !== '\\')
      throw new Refused(
        next === undefined ? 'string without its end' : `control character in a string at offset ${cursor.at}`,
      );
    out += parseEscape(cursor);
  }
  cursor.at += 1;
  if (!out.isWellFormed()) throw new Refused('lone surrogate in a string');
  return out;
}

function parseEscape(cursor: Cursor): string {
  const letter = cursor.text[cursor.at + 1] ?? '';
  const simple = SIMPLE_ESCAPES.get(letter);
  if (simple !== undefined) {
    cursor.at += 2;
    return simple;
  }
  const digits = cursor.text.slice(cursor.at + 2, cursor.at + 6);
  if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw new Refused(`unknown escape at offset ${cursor.at}`);
  cursor.at += 6;
  return String.fromCharCode(Number.parseInt(digits, 16));
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function parseNumber(cursor: Cursor): number {
  NUMBER.lastIndex = cursor.at;
  const token = NUMBER.exec(cursor.text)?.[0];
  if (token === undefined) throw expected(cursor, 'a value');
  const value = Number(token);
  if (!Number.isFinite(value)) throw new Refused(`number too large at offset ${cursor.at}`);
  cursor.at += token.length;
  return value;
}

function parseWord<T>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw expected(cursor, 'a value');
  cursor.at += word.length;
  return value;
}

const BLANKS = /[ \t\n\r]*/y;

function skipBlanks(cursor: Cursor): void {
  BLANKS.lastIndex = cursor.at;
  BLANKS.exec(cursor.text);
  cursor.at = BLANKS.lastIndex;
}

function take(cursor: Cursor, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at += 1;
  return true;
}

function expected(cursor: Cursor, what: string): Refused {
  const where = cursor.at >= cursor.text.length ? 'the end' : `offset ${cursor.at}`;
  return new Refused(`expected ${what} at ${where}`);
}
