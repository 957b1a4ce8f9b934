/** Rules on requests: `METHOD PATH?QUERY`. */
import type { Rule } from '../rule.ts';
import type { PathPattern } from './path-pattern.ts';
import type { QueryPattern } from './query-pattern.ts';

/** A rule's text, compiled. */
export interface HttpPattern {
  /** `*`: any that a client may use. */
  readonly method: string;
  readonly path: PathPattern;
  /** Null: no query in an allow, any in a deny. */
  readonly query: QueryPattern | null;
}

export type HttpRule = Rule<HttpPattern>;
