/** What a client and an operator are told of a tool that could not be started. */
import type { Outcome } from '../model/outcome.ts';
import type { FailureReason } from '../model/reason.ts';

interface Explanation {
  readonly reason: FailureReason;
  /** For the client: no path of the host in it. */
  readonly message: string;
  readonly retryAfterMs?: number;
}

const BUSY: Explanation = {
  reason: 'tool-unavailable',
  message: 'the host has no room for another process',
  retryAfterMs: 1000,
};
const NO_ANSWER: Explanation = {
  reason: 'tool-unavailable',
  message: 'what starts tools on the host stopped working, and is started again',
  retryAfterMs: 1000,
};

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOENT: { reason: 'tool-unavailable', message: 'its program, or what its first line names, is missing on the host' },
  ENOTDIR: { reason: 'tool-unavailable', message: 'its program is missing on the host' },
  EACCES: { reason: 'tool-unavailable', message: 'its program may not be run on the host' },
  EPERM: { reason: 'tool-unavailable', message: 'its program may not be run on the host' },
  ENOEXEC: { reason: 'tool-unavailable', message: 'its program is of a kind that the host cannot run' },
  ESTALE: { reason: 'tool-unavailable', message: 'its working directory on the host is not the one that was allowed' },
  ENOLIMIT: { reason: 'tool-unavailable', message: 'the host cannot set the limits that it must run under' },
  ENOHOME: { reason: 'tool-unavailable', message: 'its home directory on the host cannot be made' },
  E2BIG: {
    reason: 'too-large',
    message: 'its arguments and environment are larger than the host can pass to a program',
  },
  EAGAIN: BUSY,
  EMFILE: BUSY,
  ENFILE: BUSY,
  ENOMEM: BUSY,
  ELOST: NO_ANSWER,
  ETIMEDOUT: NO_ANSWER,
  ECONNREFUSED: NO_ANSWER,
  ECONNRESET: NO_ANSWER,
  EPIPE: NO_ANSWER,
};

/** Never blames the client for what it could not know, but for arguments that are too large. The errno is for the log. */
export function outcomeOfRefusal(refusal: { code: string; message: string; retryAfterMs?: number }): Outcome {
  const known = Object.hasOwn(EXPLANATIONS, refusal.code) ? EXPLANATIONS[refusal.code] : undefined;
  const explanation = known ?? { reason: 'internal', message: 'its program could not be started' };
  const retryAfterMs = refusal.retryAfterMs ?? explanation.retryAfterMs;
  const { reason, message } = explanation;
  const detail = `${refusal.code}: ${refusal.message}`;
  return { kind: 'failed', reason, message, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
