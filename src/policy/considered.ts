/** What the rules of a tool say of a call, whichever way its arguments were read: the material of a decision. */
import type { ConsideredRule, FileWays, Place, ReadArgv } from '../model/decision.ts';
import type { DenyReason } from '../model/reason.ts';

export interface Considered {
  readonly rules: readonly ConsideredRule[];
  /** The first deny that matches. */
  readonly denied: { readonly place: Place; readonly token: string | null } | null;
  /** The first allow that matches, and for each element of the call the files that have to lie where it says. */
  readonly allowed: { readonly place: Place; readonly claims: readonly FileWays[] } | null;
  /** Of all allows that do not match the one that came furthest; null where there are none. */
  readonly refusal: Omit<Refusal, 'reached'> | null;
  /** Whether the call gets what the client sends. */
  readonly stdin: 'none' | 'stream';
  /** How the tool would read the arguments; null where nothing is known of it. */
  readonly read: ReadArgv | null;
  /** True: the tool runs code, or follows configuration, of its working directory. */
  readonly executesDirectory: boolean;
}

export interface Refusal {
  readonly reason: DenyReason;
  readonly token: string | null;
  /** For the client. It may be put together when it is read. */
  readonly message: string;
  readonly reached: number;
}
