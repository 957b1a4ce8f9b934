/**
 * Reads JSON (RFC 8259) without its ambiguities, for text that an untrusted peer wrote; what becomes of the values is up to
 * the caller's reading.
 *
 * Invariants: what is accepted has exactly one reading. Duplicate keys, lone surrogates, control characters in strings,
 * numbers beyond a double's range (`1e999`), a byte order mark, text after the value, and whatever is beyond the bounds are
 * refused. Keys are compared after their escapes were decoded, and live in a Map, so no key can reach `Object.prototype`.
 * Never throws, takes time linear in the text, and recurses no deeper than the bound on nesting.
 */

/** What a text may hold at most. */
export interface JsonBounds {
  /** Arrays and objects around a value, not counting the outermost. */
  readonly maxDepth: number;
  /** Keys of one object. */
  readonly maxKeys: number;
  /** Values in all, containers included: a byte of text can cost a hundred bytes of memory. */
  readonly maxValues: number;
}

/** What a caller makes of the values. */
export interface JsonReading<T> {
  readonly bounds: JsonBounds;
  /** `token` is the number as it stands in the text. */
  readonly number: (token: string) => T;
  readonly plain: (value: null | boolean | string) => T;
  readonly array: (items: readonly T[]) => T;
  /** In the order of the text. */
  readonly object: (members: ReadonlyMap<string, T>) => T;
  /** The message for a key that comes twice; `at` is the offset behind the second one. */
  readonly duplicate: (key: string, at: number) => string;
}

export type JsonRead<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

class Refused extends Error {}

/** Reads one JSON value that is the whole of `text`. Nothing of the text is in a message, but what `duplicate` puts there. */
export function readJson<T>(text: string, reading: JsonReading<T>): JsonRead<T> {
  const cursor: Cursor<T> = { text, at: 0, reading, values: 0 };
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

/** A place in a text. */
interface Place {
  readonly text: string;
  at: number;
}

interface Cursor<T> extends Place {
  readonly reading: JsonReading<T>;
  /** Values begun so far. */
  values: number;
}

function parseValue<T>(cursor: Cursor<T>, depth: number): T {
  const { bounds, plain } = cursor.reading;
  if (depth > bounds.maxDepth) throw new Refused(`nested deeper than ${bounds.maxDepth}`);
  cursor.values += 1;
  if (cursor.values > bounds.maxValues) throw new Refused(`more than ${bounds.maxValues} values`);
  skipBlanks(cursor);
  switch (cursor.text[cursor.at]) {
    case '{':
      return cursor.reading.object(parseObject(cursor, depth));
    case '[':
      return cursor.reading.array(parseArray(cursor, depth));
    case '"':
      return plain(parseString(cursor));
    case 't':
      return plain(parseWord(cursor, 'true', true));
    case 'f':
      return plain(parseWord(cursor, 'false', false));
    case 'n':
      return plain(parseWord(cursor, 'null', null));
    default:
      return cursor.reading.number(parseNumber(cursor));
  }
}

function parseObject<T>(cursor: Cursor<T>, depth: number): Map<string, T> {
  const members = new Map<string, T>();
  const { bounds, duplicate } = cursor.reading;
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, '}')) return members;
  for (let keys = 1; ; keys += 1) {
    if (keys > bounds.maxKeys) throw new Refused(`more than ${bounds.maxKeys} keys in an object`);
    skipBlanks(cursor);
    if (cursor.text[cursor.at] !== '"') throw expected(cursor, 'a key');
    const key = parseString(cursor);
    if (members.has(key)) throw new Refused(duplicate(key, cursor.at));
    skipBlanks(cursor);
    if (!take(cursor, ':')) throw expected(cursor, "':'");
    members.set(key, parseValue(cursor, depth + 1));
    skipBlanks(cursor);
    if (take(cursor, '}')) return members;
    if (!take(cursor, ',')) throw expected(cursor, "',' or '}'");
  }
}

function parseArray<T>(cursor: Cursor<T>, depth: number): T[] {
  const array: T[] = [];
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

function parseString(cursor: Place): string {
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

function parseEscape(cursor: Place): string {
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

/** The number's token. */
function parseNumber(cursor: Place): string {
  NUMBER.lastIndex = cursor.at;
  const token = NUMBER.exec(cursor.text)?.[0];
  if (token === undefined) throw expected(cursor, 'a value');
  if (!Number.isFinite(Number(token))) throw new Refused(`number too large at offset ${cursor.at}`);
  cursor.at += token.length;
  return token;
}

function parseWord<T>(cursor: Place, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw expected(cursor, 'a value');
  cursor.at += word.length;
  return value;
}

function skipBlanks(cursor: Place): void {
  while (isBlank(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
}

/** Takes NaN, which is what stands behind the end, for none. */
function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

function take(cursor: Place, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at += 1;
  return true;
}

function expected(cursor: Place, what: string): Refused {
  const where = cursor.at >= cursor.text.length ? 'the end' : `offset ${cursor.at}`;
  return new Refused(`expected ${what} at ${where}`);
}
