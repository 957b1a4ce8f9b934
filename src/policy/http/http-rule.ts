/**
 * Rules on requests: `METHOD PATH?QUERY`.
 *
 * An allow without a query allows none; `GET` includes `HEAD`. A deny without one denies all; it includes `HEAD` likewise,
 * and what lies below its path.
 */
import { quoted } from '../../model/visible.ts';
import type { Rule } from '../rule.ts';
import { compilePath, matchDeniedPath, matchPath, type PathPattern } from './path-pattern.ts';
import { compileQuery, matchDeniedQuery, type Parameter, type QueryPattern, queryMismatch } from './query-pattern.ts';
import type { Segment } from './request-path.ts';

/** A rule's text, compiled. */
export interface HttpPattern {
  /** `*`: any of `METHODS`; in a deny, any at all. */
  readonly method: string;
  readonly path: PathPattern;
  /** Null: no query in an allow, any in a deny. */
  readonly query: QueryPattern | null;
}

export type HttpRule = Rule<HttpPattern>;

export type CompiledHttpPattern =
  | { readonly ok: true; readonly pattern: HttpPattern }
  | { readonly ok: false; readonly message: string };

/** What `*` stands for in an allow (RFC 9110 section 9, RFC 5789). CONNECT and TRACE never pass. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const NEVER: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** Compiles a rule. Never throws. */
export function compileHttpPattern(text: string): CompiledHttpPattern {
  const [, method, target] = /^(\S+) +(\S.*)$/.exec(text) ?? [];
  if (method === undefined || target === undefined)
    return { ok: false, message: `expected METHOD PATH, such as 'GET /v1/models'; found ${quoted(text)}` };
  if (method !== '*' && !/^[A-Z][A-Z-]*$/.test(method))
    return { ok: false, message: `${quoted(method, 40)} is no method; they are in capitals, and '*' is any` };
  if (NEVER.has(method)) return { ok: false, message: `${method} never passes` };
  return compileTarget(method, target);
}

function compileTarget(method: string, target: string): CompiledHttpPattern {
  const at = target.indexOf('?');
  const path = compilePath(at === -1 ? target : target.slice(0, at));
  if (!path.ok) return path;
  if (at === -1) return { ok: true, pattern: { method, path: path.path, query: null } };
  const query = compileQuery(target.slice(at + 1));
  return query.ok ? { ok: true, pattern: { method, path: path.path, query: query.query } } : query;
}

/** A request's line, taken apart. */
export interface RequestLine {
  readonly method: string;
  readonly path: readonly Segment[];
  readonly parameters: readonly Parameter[];
}

/** What an allow says of a request. */
export type HttpMatch =
  /** `path`: as it is sent. */
  | { readonly ok: true; readonly path: readonly Segment[] }
  /** `isNear`: method and path match, and only the query does not. */
  | { readonly ok: false; readonly why: string; readonly isNear: boolean; readonly token: string | null };

/** Whether an allow matches. Never throws, and takes time linear in the request's line. */
export function matchHttpAllow(pattern: HttpPattern, { method, path, parameters }: RequestLine): HttpMatch {
  const isMethod = pattern.method === '*' ? METHODS.has(method) : includesMethod(pattern.method, method);
  if (!isMethod) return { ok: false, why: 'it is for another method', isNear: false, token: null };
  const sent = matchPath(pattern.path, path);
  if (sent === null) return { ok: false, why: 'its path does not match', isNear: false, token: null };
  const mismatch = queryMismatch(pattern.query, parameters);
  return mismatch === null ? { ok: true, path: sent } : { ok: false, ...mismatch, isNear: true };
}

/** Why a deny does not match; null where it does. Never throws. */
export function httpDenyMismatch(pattern: HttpPattern, { method, path, parameters }: RequestLine): string | null {
  if (pattern.method !== '*' && !includesMethod(pattern.method, method)) return 'it is for another method';
  if (!matchDeniedPath(pattern.path, path)) return 'its path does not match';
  return matchDeniedQuery(pattern.query, parameters) ? null : 'its query does not match';
}

/** HEAD is GET without the answer's body. */
function includesMethod(named: string, method: string): boolean {
  return named === method || (named === 'GET' && method === 'HEAD');
}
