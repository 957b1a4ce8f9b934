/** What the comparison of one allow with one call works with, and what comes of it. */
import type { FileClaim } from '../../model/decision.ts';
import type { DenyReason } from '../../model/reason.ts';
import type { ProfileAllow } from './allow-pattern.ts';
import type { Places } from './file-claim.ts';
import type { OptionRules } from './option-rules.ts';
import type { ReadCall } from './read-call.ts';

export interface ProfileContext {
  readonly places: Places;
  readonly rules: OptionRules;
  /** True where the call gets what the client sends. */
  readonly streams: boolean;
}

export type ProfileMatch =
  | { readonly matched: true; readonly claims: readonly FileClaim[] }
  /** `reached`: how far it came: of several rules, the one that came furthest explains a denial best. */
  | ({ readonly matched: false; readonly reached: number } & Refuse);

/** Why a pattern and a call do not go together. */
export interface Refuse {
  readonly reason: DenyReason;
  /** The word at fault; null where one is missing. */
  readonly token: string | null;
  /** For the client. */
  readonly message: string;
  /** For the operator, with how to allow it. */
  readonly why: string;
}

/** One comparison, and what it has found so far. */
export interface Matching {
  readonly pattern: ProfileAllow;
  readonly call: ReadCall;
  readonly context: ProfileContext;
  readonly claims: FileClaim[];
  reached: number;
}

export const NO_RULE = 'no rule allows these arguments';
