/** One rule on content. */
import type { MetRule } from '../../model/content.ts';
import type { Detector } from './detector.ts';
import type { LinePattern } from './line-pattern.ts';

/** One rule of `output_deny` or `input_deny`; its name is the detector's, or the one that the policy gives its pattern. */
export interface ContentRule extends MetRule {
  readonly finds: Detector | LinePattern;
}

/** What stands where something was taken out. */
export function placeholder(name: string): string {
  return `[redacted:${name}]`;
}
