/**
 * Says in our own words what the schema found wrong, and where: the schema library's words are written for programmers,
 * and its paths are no places.
 */
import type { core } from 'zod';
import { didYouMean, type Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { type DocumentPath, formatPath, type PolicyDocument } from './document.ts';
import { NOT_IN_THIS_VERSION } from './schema.ts';

/** Problems for one finding of the schema: an unknown key each, or one. */
export function problemsOf(issue: core.$ZodIssue, document: PolicyDocument, knownKeys: readonly string[]): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => errorAtKey(document, [...issue.path, key], unknownKey(key, knownKeys)));
  }
  const value = valueAt(document.value, issue.path);
  if (value === undefined) return [missing(issue, document)];
  return [errorAt(document, issue.path, describe(issue, value))];
}

/** An error about the value at a path. */
export function errorAt(document: PolicyDocument, path: DocumentPath, message: string): Problem {
  return { severity: 'error', place: document.placeOf(path), path: formatPath(path), message };
}

/** An error about the key that ends a path. */
export function errorAtKey(document: PolicyDocument, path: DocumentPath, message: string): Problem {
  return { severity: 'error', place: document.placeOfKey(path), path: formatPath(path), message };
}

function unknownKey(key: string, knownKeys: readonly string[]): string {
  if (NOT_IN_THIS_VERSION.has(key)) return `'${key}' is not in this version`;
  return `unknown key ${quoted(key, 80)}${didYouMean(key, knownKeys)}`;
}

function missing(issue: core.$ZodIssue, document: PolicyDocument): Problem {
  const key = String(issue.path.at(-1) ?? '');
  return errorAt(document, issue.path.slice(0, -1), `'${key}' is missing`);
}

function describe(issue: core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue.expected, value);
    case 'invalid_union':
      return describeUnion(issue, value);
    case 'invalid_value':
      return describeChoice(issue, value);
    case 'too_small':
      if (issue.origin === 'array') return 'is empty; leave it out, or list what is allowed';
      return `expected at least ${String(issue.minimum)}, found ${shown(value)}`;
    case 'too_big':
      return `expected at most ${String(issue.maximum)}, found ${shown(value)}`;
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join('; ');
    default:
      return issue.message;
  }
}

function describeType(expected: string, value: unknown): string {
  const hint = expected === 'string' && typeof value !== 'object' ? '; put it in quotes' : '';
  return `expected ${TYPE_NAMES.get(expected) ?? expected}, found ${shown(value)}${hint}`;
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['object', 'a mapping'],
  ['record', 'a mapping'],
  ['array', 'a list'],
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
]);

function describeToolType(value: unknown): string {
  if (typeof value === 'string' && NOT_IN_THIS_VERSION.has(value))
    return `type '${value}' is not in this version; expected cli or http`;
  return `expected cli or http, found ${shown(value)}`;
}

/** What is wrong with the form that was nearest: one that could not be parsed, or has a key that is not here yet. */
function describeUnion(issue: core.$ZodIssueInvalidUnion, value: unknown): string {
  if (issue.path.at(-1) === 'type') return describeToolType(value);
  return ownWords(issue) ?? keyTooMany(issue) ?? issue.message;
}

/** What one of our own checks says of a form, or of a part of it; undefined where no form came so far. */
function ownWords(issue: core.$ZodIssueInvalidUnion): string | undefined {
  for (const inner of issue.errors.flat()) {
    const words =
      inner.code === 'custom' ? inner.message : inner.code === 'invalid_union' ? ownWords(inner) : undefined;
    if (words !== undefined) return words;
  }
  return undefined;
}

/** The key of a form that is right but for it. */
function keyTooMany(issue: core.$ZodIssueInvalidUnion): string | undefined {
  for (const [inner, ...others] of issue.errors) {
    if (others.length > 0) continue;
    if (inner?.code === 'unrecognized_keys') return unknownKey(inner.keys[0] ?? '', []);
    const nested = inner?.code === 'invalid_union' ? keyTooMany(inner) : undefined;
    if (nested !== undefined) return nested;
  }
  return undefined;
}

function describeChoice(issue: core.$ZodIssueInvalidValue, value: unknown): string {
  const key = issue.path.at(-1);
  if (key === 'version' || key === 'profile')
    return `${key} ${shown(value)} is not in this version; expected ${issue.values.join(' or ')}`;
  return `expected ${issue.values.join(', ')}; found ${shown(value)}${typeof value === 'string' ? didYouMean(value, issue.values.map(String)) : ''}`;
}

function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? quoted(value, 80) : JSON.stringify(value);
}

function valueAt(value: unknown, path: DocumentPath): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}
