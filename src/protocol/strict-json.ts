/**
 * JSON that an untrusted peer wrote, as plain values: for messages whose every field is then checked by name.
 *
 * Invariants: those of json-text.ts. Objects come back without a prototype, so no key can reach `Object.prototype`; numbers
 * are doubles.
 */
import { type JsonReading, type JsonRead, readJson } from '../model/json-text.ts';

export type StrictJson = JsonRead<unknown>;

/** What one level of nesting may hold: the wire contract's bound. */
const MAX_DEPTH = 32;

const READING: JsonReading<unknown> = {
  bounds: {
    maxDepth: MAX_DEPTH,
    // Far above any request, and few enough that nobody can make work of a megabyte of them.
    maxKeys: 4096,
    // The frame's size bounds them.
    maxValues: Infinity,
  },
  number: Number,
  plain: (value) => value,
  array: (items) => items,
  object: (members) => {
    const object = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of members) object[key] = value;
    return object;
  },
  duplicate: (key) => `duplicate key ${JSON.stringify(key.slice(0, 40))}`,
};

/** Parses one JSON value that is the whole of `text`. */
export function parseStrictJson(text: string): StrictJson {
  return readJson(text, READING);
}
