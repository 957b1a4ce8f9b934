/** The path of a rule on requests. */
import type { Glob } from '../glob.ts';

/** One segment of a pattern. */
export type SegmentPattern =
  /** `**`: any number of segments. */
  | { readonly kind: 'cross' }
  | { readonly kind: 'segment'; readonly odd: readonly string[]; readonly runs: readonly Glob[] };

export interface PathPattern {
  readonly segments: readonly SegmentPattern[];
}
