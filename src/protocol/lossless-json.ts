/**
 * JSON that is checked and then sent on: number tokens and the order of keys are kept, so that the text that is written means
 * to its receiver what was checked, whatever it makes of long numbers.
 *
 * Invariants: those of json-text.ts for reading. What was read and is written back differs from the text only in blanks and in
 * the spelling of strings; reading that again gives the same value.
 */
import type { JsonNumber, JsonValue } from '../model/rpc.ts';
import { type JsonBounds, type JsonRead, readJson } from './json-text.ts';

export interface LosslessBounds extends JsonBounds {
  /** Length of the text in UTF-16 code units, or in bytes where the caller has those. */
  readonly maxSize: number;
}

/** For text of a client. A caller spreads them to set one apart. */
export const LOSSLESS_BOUNDS: LosslessBounds = {
  maxDepth: 64,
  maxKeys: 4096,
  // An array of as many empty objects takes some 20 MB.
  maxValues: 100_000,
  // 10 MiB
  maxSize: 10_485_760,
};

/** Parses one JSON value that is the whole of `text`. Nothing of the text is in a message. Never throws. */
export function parseLosslessJson(text: string, bounds: LosslessBounds = LOSSLESS_BOUNDS): JsonRead<JsonValue> {
  if (text.length > bounds.maxSize) return { ok: false, message: `longer than ${bounds.maxSize}` };
  return readJson<JsonValue>(text, {
    bounds,
    number: (token) => ({ token }),
    plain: (value) => value,
    array: (items) => items,
    object: (members) => members,
    duplicate: (_, at) => `duplicate key before offset ${at}`,
  });
}

/**
 * Writes a value without blanks; strings as JSON.stringify does. No line end is in it. Takes time linear in its result, and
 * recurses as deep as the value is nested.
 */
export function formatJson(value: JsonValue): string {
  const parts: string[] = [];
  write(value, parts);
  return parts.join('');
}

/** One list of parts for the whole: joining at each level would copy the innermost text once a level. */
function write(value: JsonValue, parts: string[]): void {
  if (value === null || typeof value !== 'object') {
    parts.push(JSON.stringify(value));
  } else if (isObject(value)) {
    let mark = '{';
    for (const [key, member] of value) {
      parts.push(mark, JSON.stringify(key), ':');
      write(member, parts);
      mark = ',';
    }
    parts.push(mark === '{' ? '{}' : '}');
  } else if (isNumber(value)) {
    parts.push(value.token);
  } else {
    let mark = '[';
    for (const item of value) {
      parts.push(mark);
      write(item, parts);
      mark = ',';
    }
    parts.push(mark === '[' ? '[]' : ']');
  }
}

function isObject(value: JsonValue): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map;
}

function isNumber(value: JsonNumber | readonly JsonValue[]): value is JsonNumber {
  return !Array.isArray(value);
}
