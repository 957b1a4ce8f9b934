/**
 * What happened after an allow. One shape for success and failure: which of the ends it was is a word, not a guess from
 * an exit code.
 */
import type { FailureReason, LimitReason } from './reason.ts';

/** Bytes that went each way through a call. */
export interface ByteCounts {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

/** The end of a call. */
export type Outcome =
  /** The tool ended by itself, or by a signal that no limit of ours sent. */
  | { readonly kind: 'exited'; readonly status: number; readonly durationMs: number; readonly bytes: ByteCounts }
  | { readonly kind: 'signalled'; readonly signal: string; readonly durationMs: number; readonly bytes: ByteCounts }
  /** One of the permit's limits ended it. */
  | { readonly kind: 'limited'; readonly reason: LimitReason; readonly durationMs: number; readonly bytes: ByteCounts }
  /** The client was gone before the tool ended, and the tool was ended for it. */
  | { readonly kind: 'abandoned'; readonly durationMs: number; readonly bytes: ByteCounts }
  /** Nothing ran. `message` says what is wrong, safe for the client; `detail` is for the operator's log. */
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      readonly message: string;
      readonly detail?: string;
      /** Milliseconds after which trying again may help; absent where that is not known. */
      readonly retryAfterMs?: number;
    };
