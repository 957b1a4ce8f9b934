/**
 * What policy says of a request. Values of these types are made only by the `policy` layer; everything else reads them.
 */
import type { Permit } from './permit.ts';
import type { DenyReason } from './reason.ts';

/** Where a rule stands: `policies/claw.yaml:14`. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One rule that was looked at, and what came of it: the material of `policy explain`. */
export interface ConsideredRule {
  readonly kind: 'allow' | 'deny';
  readonly pattern: string;
  readonly place: Place;
  readonly matched: boolean;
  /** Why it did not match, in words for the operator; absent where it matched. */
  readonly why?: string;
}

interface Considered {
  readonly tool: string;
  readonly rules: readonly ConsideredRule[];
  /** Names of the variables sent by the client that would pass to the tool. */
  readonly env: readonly string[];
  /** How many variables the client sent that do not pass. */
  readonly envDropped: number;
}

/** The request may run, exactly as its permit says. */
export interface Allow extends Considered {
  readonly verdict: 'allow';
  readonly reason: null;
  readonly rule: Place;
  readonly permit: Permit;
}

/** The request does not run. */
export interface Deny extends Considered {
  readonly verdict: 'deny';
  readonly reason: DenyReason;
  /** The rule that decided: a matching deny. Null where nothing allowed the request. Never shown to the client. */
  readonly rule: Place | null;
  /** The argument (or variable, or directory) at fault where one can be named: shown to the client, through `visible()`. */
  readonly token: string | null;
  /** One sentence without a full stop: what is wrong. Safe for the client: no rule, host path or other client in it. */
  readonly message: string;
}

/** A verdict with its reason. `ask` will join the two verdicts. */
export type Decision = Allow | Deny;
