/**
 * Filters on JSON: what a field may hold, which keys an object may have. For parameters of JSON-RPC methods, and for events.
 *
 * Invariants: fail safe. What a filter looks at has to be there and of the type that it expects; an array is looked at element
 * by element, and an empty one is refused. Values are compared with their types, numbers by their tokens.
 */
import { isJsonArray, isJsonNumber, isJsonObject } from '../../model/rpc-text.ts';
import type { JsonNumber, JsonValue } from '../../model/rpc.ts';
import { quoted } from '../../model/visible.ts';
import type { TextPattern } from './text-pattern.ts';

/** One step of a path into JSON. */
export interface FieldStep {
  readonly key: string;
  /** True for `key[]`: what is there is an array, and the path goes on in each element. */
  readonly each: boolean;
}

export interface FieldFilter {
  readonly kind: 'field';
  /** As the policy writes it; null: the filter is about the whole object. */
  readonly field: string | null;
  readonly steps: readonly FieldStep[];
  /** Null: neither patterns nor values are named, and any text passes that is not denied. */
  readonly allow: { readonly patterns: readonly TextPattern[]; readonly values: readonly JsonScalar[] } | null;
  readonly deny: readonly TextPattern[];
  /** The keys that the whole object may have; null: any. */
  readonly allowKeys: ReadonlySet<string> | null;
  /** The keys that the object at the field may have; null: the field is no object. */
  readonly fieldKeys: ReadonlySet<string> | null;
  /** True: the field may be missing. */
  readonly optional: boolean;
}

/** One of several lists of filters has to hold. */
export interface AnyOfFilter {
  readonly kind: 'any-of';
  readonly anyOf: readonly (readonly Filter[])[];
}

export type Filter = FieldFilter | AnyOfFilter;

/** A value that is compared as a whole; numbers by the text of their token. */
export type JsonScalar = null | boolean | string | JsonNumber;

/** What a filter does not let through, in words without any value of the request. */
export interface FilterFault {
  /** The field or key at fault. */
  readonly token: string;
  readonly message: string;
}

/** What the first filter that does not hold finds wrong; null where all hold. Never throws, and takes time linear in `value`. */
export function findFault(filters: readonly Filter[], value: JsonValue): FilterFault | null {
  for (const filter of filters) {
    const fault = filter.kind === 'any-of' ? anyFault(filter, value) : fieldFault(filter, value);
    if (fault !== null) return fault;
  }
  return null;
}

function anyFault({ anyOf }: AnyOfFilter, value: JsonValue): FilterFault | null {
  const faults = anyOf.map((filters) => findFault(filters, value));
  return faults.includes(null) ? null : (faults[0] ?? { token: '', message: 'nothing is allowed' });
}

function fieldFault(filter: FieldFilter, value: JsonValue): FilterFault | null {
  const extra = filter.allowKeys === null ? null : extraKey(value, filter.allowKeys);
  if (extra !== null) return { token: extra, message: `parameter ${quoted(extra, 80)} is not allowed` };
  const { field } = filter;
  if (field === null) return null;
  const found = fieldValues(value, filter.steps, filter.optional);
  if (found === null || found.length === 0) {
    const isMissing = filter.optional && found?.length === 0;
    return isMissing
      ? null
      : { token: field, message: `${quoted(field, 80)} is missing, or empty, or of another type` };
  }
  const fails = found.some((each) => !passes(filter, each));
  return fails ? { token: field, message: `a value of ${quoted(field, 80)} is not allowed` } : null;
}

/** A key that is not among those allowed; the empty one for what is no object. */
function extraKey(value: JsonValue, allowed: ReadonlySet<string>): string | null {
  if (!isJsonObject(value)) return '';
  return [...value.keys()].find((key) => !allowed.has(key)) ?? null;
}

/** What is at the end of the steps, arrays taken apart; null where the way ends before: optional keys may be missing. */
function fieldValues(value: JsonValue, steps: readonly FieldStep[], optional: boolean): readonly JsonValue[] | null {
  let found: readonly JsonValue[] = [value];
  for (const step of steps) {
    const next: JsonValue[] = [];
    for (const one of found) {
      const reached = take(one, step, optional);
      if (reached === null) return null;
      for (const each of reached) next.push(each);
    }
    found = next;
  }
  if (!found.some(isJsonArray)) return found;
  return found.every((one) => !isJsonArray(one) || one.length > 0) ? found.flat() : null;
}

/** One step; null where it cannot be taken. */
function take(value: JsonValue, { key, each }: FieldStep, optional: boolean): readonly JsonValue[] | null {
  if (!isJsonObject(value)) return null;
  const member = value.get(key);
  if (member === undefined) return optional ? [] : null;
  if (!each) return [member];
  return isJsonArray(member) && member.length > 0 ? member : null;
}

function passes({ allow, deny, fieldKeys }: FieldFilter, value: JsonValue): boolean {
  if (fieldKeys !== null) return extraKey(value, fieldKeys) === null;
  if (isJsonArray(value) || isJsonObject(value)) return false;
  if (typeof value === 'string' && deny.some((pattern) => pattern.denies(value))) return false;
  if (allow === null) return typeof value === 'string';
  if (typeof value === 'string' && allow.patterns.some((pattern) => pattern.allows(value))) return true;
  return allow.values.some((each) => isSame(each, value));
}

function isSame(expected: JsonScalar, value: JsonScalar): boolean {
  if (isJsonNumber(expected)) return isJsonNumber(value) && value.token === expected.token;
  return expected === value;
}

/** What the filters look at, for the audit log: each field once, with its value; missing ones are left out. */
export function lookedAt(filters: readonly Filter[], value: JsonValue): ReadonlyMap<string, JsonValue> {
  const looked = new Map<string, JsonValue>();
  for (const filter of filters) {
    if (filter.kind === 'any-of')
      for (const each of filter.anyOf) for (const [k, v] of lookedAt(each, value)) looked.set(k, v);
    else if (filter.field !== null) {
      const found = fieldValues(value, filter.steps, true) ?? [];
      const [only] = found;
      if (only !== undefined) looked.set(filter.field, found.length === 1 ? only : found);
    }
  }
  return looked;
}
