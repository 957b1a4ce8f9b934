/**
 * The closed list of reason codes (docs/protocol.md). The same words appear on a client's stderr, in reply frames, in
 * the audit log and in the operator's status, so that one search finds all of them.
 */

/** Why a request was refused by policy: exit status 126, or 127 for `no-such-tool`. */
export type DenyReason =
  | 'no-rule'
  | 'rule-denies'
  | 'unknown-subcommand'
  | 'option-refused'
  | 'value-refused'
  | 'character-refused'
  | 'path-refused'
  | 'cwd-refused'
  | 'stdin-refused'
  | 'content-refused'
  | 'no-such-tool';

/** Why a request never became a decision, or its tool could not be started: see `exitStatusOf` in `protocol`. */
export type FailureReason =
  | 'malformed'
  | 'unsupported-version'
  | 'too-large'
  | 'frame-timeout'
  | 'internal'
  | 'tool-unavailable'
  | 'secret-unavailable'
  | 'upstream-unavailable'
  | 'audit-unavailable'
  | 'rate-limited'
  | 'too-many'
  | 'draining';

/** Which of the gateway's limits ended a running tool: exit status 124. */
export type LimitReason = 'time-limit' | 'output-limit';

/** Why the gateway ended a running tool: a limit, or content that the policy refuses (exit status 126). */
export type EndReason = LimitReason | 'content-refused';

/** Every reason code there is. */
export type Reason = DenyReason | FailureReason | LimitReason;
