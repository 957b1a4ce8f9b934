/**
 * What a client reads when its request did not run: one line with the reason and the request's id, and a hint.
 */
import type { Reason } from '../model/reason.ts';
import { visible } from '../model/visible.ts';
import { EXIT_STATUS } from './exit-status.ts';

export interface RefusalText {
  readonly tool: string | null;
  readonly reason: Reason;
  /** Safe to print: untrusted text in it went through `visible()`. */
  readonly message: string;
  readonly request: string;
}

/** Whether trying the same request again may succeed, for programs. */
export function isRetriable(reason: Reason): boolean {
  const status = EXIT_STATUS[reason];
  return status === 69 || status === 74 || status === 75;
}

/** The two lines for stderr. `denied` where policy refused; `error` where something else was in the way. */
export function formatRefusal({ tool, reason, message, request }: RefusalText): string {
  const status = EXIT_STATUS[reason];
  const verb = status === 126 || status === 127 ? 'denied' : 'error';
  const subject = tool === null ? 'request' : visible(tool, 64);
  // A function, because a replacement text has patterns of its own ($&) and the name is the client's.
  const hint = HINTS[reason].replace('TOOL', () => subject);
  return `carapace: ${verb}: ${subject}: ${message} (${reason}, request ${request})
carapace: hint: ${hint}
`;
}

const SEE_TOOL = '`ssh carapace tools TOOL` shows what is allowed';
const OPERATOR_MENDS = 'the operator must mend this on the host; try again later';
const ASK_LESS = 'ask for less at once, or ask the operator for a higher limit';
const TRY_LATER = 'try again later';

/** One hint a reason; `TOOL` stands for the tool's name. */
const HINTS: Readonly<Record<Reason, string>> = {
  'no-rule': SEE_TOOL,
  'rule-denies': SEE_TOOL,
  'unknown-subcommand': SEE_TOOL,
  'option-refused': SEE_TOOL,
  'value-refused': SEE_TOOL,
  'character-refused': SEE_TOOL,
  'path-refused': SEE_TOOL,
  'cwd-refused': 'the tool starts only in certain directories of the host; the operator can say which',
  'stdin-refused': SEE_TOOL,
  'content-refused': 'the policy lets certain content, such as keys, not pass; the operator can say which',
  'no-such-tool': '`ssh carapace tools` lists what this key may use',
  malformed: '`ssh carapace help` shows the three forms of a request',
  'unsupported-version': 'upgrade the gateway, or use a shim of its version',
  'too-large': 'send less in the arguments; large content goes through stdin where the tool streams it',
  'frame-timeout': 'the whole request must arrive within 10 seconds; check the connection',
  internal: "the operator finds the cause in the gateway's log under this request",
  'tool-unavailable': OPERATOR_MENDS,
  'secret-unavailable': OPERATOR_MENDS,
  'upstream-unavailable': OPERATOR_MENDS,
  'audit-unavailable': 'nothing runs unrecorded; the operator must make room for the audit log',
  'rate-limited': TRY_LATER,
  'too-many': TRY_LATER,
  draining: TRY_LATER,
  'time-limit': ASK_LESS,
  'output-limit': ASK_LESS,
};
