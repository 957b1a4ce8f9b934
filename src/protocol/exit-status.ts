/**
 * Exit statuses and reason codes: one table, printed in docs/protocol.md. 0 to 255 are otherwise the tool's own.
 */
import { constants } from 'node:os';
import type { Outcome } from '../model/outcome.ts';
import type { Reason } from '../model/reason.ts';

/** What a refused or failed request ends with. */
export const EXIT_STATUS: Readonly<Record<Reason, number>> = {
  'time-limit': 124,
  'output-limit': 124,
  malformed: 125,
  'unsupported-version': 125,
  'too-large': 125,
  'frame-timeout': 125,
  internal: 125,
  'no-rule': 126,
  'rule-denies': 126,
  'unknown-subcommand': 126,
  'option-refused': 126,
  'value-refused': 126,
  'character-refused': 126,
  'path-refused': 126,
  'cwd-refused': 126,
  'stdin-refused': 126,
  'content-refused': 126,
  'no-such-tool': 127,
  'tool-unavailable': 69,
  'secret-unavailable': 69,
  'upstream-unavailable': 69,
  'audit-unavailable': 74,
  'rate-limited': 75,
  'too-many': 75,
  draining: 75,
};

/** This system's signal numbers; a signal that it does not name counts as 0, which gives 128. */
const SIGNAL_NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));

/**
 * The status that a call ends with. Death by a signal is 128+n, sent as `exit-status`: OpenSSH's client turns
 * `exit-signal` (RFC 4254 section 6.10) into 255.
 */
export function exitStatusOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'exited':
      // A status outside a byte would reach OpenSSH's caller modulo 256, and 256 would read as success.
      return outcome.status >= 0 && outcome.status <= 255 ? outcome.status : EXIT_STATUS.internal;
    case 'signalled':
      return 128 + (SIGNAL_NUMBERS.get(outcome.signal) ?? 0);
    case 'limited':
    case 'failed':
      return EXIT_STATUS[outcome.reason];
    case 'abandoned':
      return 128 + 1;
  }
}
