/** A rule of a tool: a pattern, where it stands, and what it was compiled to. */
import type { Place } from '../model/decision.ts';
import type { AllowPattern } from './allow-pattern.ts';
import type { DenyPattern } from './deny-pattern.ts';

/** A rule with its place, as written and compiled. */
export interface Rule<Pattern> {
  /** As the policy writes it. */
  readonly pattern: string;
  readonly place: Place;
  readonly compiled: Pattern;
}

export type AllowRule = Rule<AllowPattern>;
export type DenyRule = Rule<DenyPattern>;
