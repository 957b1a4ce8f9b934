/** The query of a rule on requests. */
import type { Glob } from '../glob.ts';

export interface QueryPattern {
  /** By name, decoded. */
  readonly values: ReadonlyMap<string, Glob>;
  /** True: other parameters may stand beside them. */
  readonly open: boolean;
}
