/**
 * JSON that is checked and then sent on: number tokens and the order of keys are kept, so that the text that is written means
 * to its receiver what was checked, whatever it makes of long numbers.
 *
 * Invariants: those of json-text.ts for reading. What was read and is written back differs from the text only in blanks and in
 * the spelling of strings; reading that again gives the same value.
 */
import type { JsonValue } from './rpc.ts';
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
