/** What a tool's parser, or its profile, does not take of an argument list. */
import type { DenyReason } from '../../model/reason.ts';

/** Why an argument list cannot be read. */
export interface Fault {
  readonly reason: DenyReason;
  readonly token: string;
  /** For the client: lower case, no full stop. */
  readonly message: string;
}

/** A fault whose message is put together when it is read: many are not, and to find what was meant takes its time. */
export function faultThat(reason: DenyReason, token: string, say: () => string): Fault {
  let message: string | undefined;
  return {
    reason,
    token,
    get message() {
      return (message ??= say());
    },
  };
}
