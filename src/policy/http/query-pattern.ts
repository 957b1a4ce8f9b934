/**
 * The query of a rule on requests: `state=*&page=*`, `*` for any. Names and values are compared decoded, as forms are
 * (https://url.spec.whatwg.org/#urlencoded-parsing, but for what is no UTF-8): `+` is a space.
 *
 * Invariants of an allow: every parameter was named, at most once, and its whole value matches; with `*` others may stand
 * beside. No wildcard stands for a control character. A deny matches where each of its parameters is there, in whatever number.
 */
import { quoted } from '../../model/visible.ts';
import { decodeText } from './request-path.ts';
import { compileTextPattern, type TextPattern } from './text-pattern.ts';

export interface QueryPattern {
  /** By name, decoded. */
  readonly values: ReadonlyMap<string, TextPattern>;
  /** True: other parameters may stand beside them. */
  readonly open: boolean;
}

export type CompiledQuery =
  | { readonly ok: true; readonly query: QueryPattern }
  | { readonly ok: false; readonly message: string };

/** Compiles what stands behind a rule's `?`. Never throws. */
export function compileQuery(text: string): CompiledQuery {
  const values = new Map<string, TextPattern>();
  let open = false;
  for (const part of text.split('&')) {
    if (part === '*') {
      open = true;
      continue;
    }
    const compiled = compileParameter(part);
    if (typeof compiled === 'string') return { ok: false, message: compiled };
    if (values.has(compiled.name)) return { ok: false, message: `query names ${quoted(compiled.name)} twice` };
    values.set(compiled.name, compiled.value);
  }
  return { ok: true, query: { values, open } };
}

function compileParameter(part: string): { readonly name: string; readonly value: TextPattern } | string {
  const [written, value] = cut(part);
  if (written === '' || /[*;#]/.test(written))
    return `query ${quoted(part)} is no NAME=VALUE; '*' alone stands for any parameters`;
  const name = decodeText(written);
  // Only what is escaped is decoded; a wildcard that is meant as itself is written %2A.
  const texts = value.split('*').map(decodeText);
  if (name === null || texts.includes(null)) return `query ${quoted(part)} holds a bad escape`;
  return { name, value: compileTextPattern(texts.map((text) => text ?? '')) };
}

/** One parameter of a request, decoded. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
}

export type ReadQuery =
  | { readonly ok: true; readonly parameters: readonly Parameter[] }
  /** `token`: the part at fault. */
  | { readonly ok: false; readonly token: string; readonly message: string };

/** Takes a query apart; null for none. Never throws, and takes time linear in the query. */
export function readQuery(query: string | null): ReadQuery {
  if (query === null || query === '') return { ok: true, parameters: [] };
  const parameters: Parameter[] = [];
  for (const part of query.split('&')) {
    const [name, value] = cut(part).map(decodeForm);
    if (
      name == null ||
      value == null ||
      /[;#\\]|[^\x21-\x7e]/.test(part) ||
      name.includes('\0') ||
      value.includes('\0')
    )
      return { ok: false, token: part, message: 'the query holds a character or escape that is not allowed' };
    parameters.push({ name, value });
  }
  return { ok: true, parameters };
}

function cut(part: string): [name: string, value: string] {
  const at = part.indexOf('=');
  return at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
}

function decodeForm(text: string): string | null {
  return decodeText(text.replaceAll('+', ' '));
}

/** What is wrong with a request's parameters under the query of an allow; null where it matches. */
export function queryMismatch(
  pattern: QueryPattern | null,
  parameters: readonly Parameter[],
): { readonly token: string; readonly why: string } | null {
  const seen = new Set<string>();
  for (const { name, value } of parameters) {
    const expected = pattern?.values.get(name);
    if (expected === undefined && pattern?.open === true) continue;
    if (expected === undefined) return { token: name, why: `it names no parameter ${quoted(name, 80)}` };
    if (seen.has(name)) return { token: name, why: `parameter ${quoted(name, 80)} stands twice` };
    if (!expected.allows(value)) return { token: name, why: `the value of ${quoted(name, 80)} does not match` };
    seen.add(name);
  }
  return null;
}

/** Whether a deny's query matches a request's parameters. */
export function matchDeniedQuery(pattern: QueryPattern | null, parameters: readonly Parameter[]): boolean {
  return [...(pattern?.values ?? [])].every(([name, expected]) =>
    parameters.some((parameter) => parameter.name === name && expected.denies(parameter.value)),
  );
}
