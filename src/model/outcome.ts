/**
 * What happened after an allow. One shape for success and failure: which of the ends it was is a word, not a guess from
 * an exit code.
 */
import type { EndReason, FailureReason } from './reason.ts';

/** Bytes that went each way through a call. */
export interface ByteCounts {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

/** What there is to say of every call that ran. */
interface Ran {
  readonly durationMs: number;
  readonly bytes: ByteCounts;
  /** How often each secret and each kind of refused content was taken out, by name; absent where nothing was. */
  readonly redactions?: Readonly<Record<string, number>>;
}

/** The end of a call. */
export type Outcome =
  /** The tool ended by itself, or by a signal that nothing of ours sent. */
  | (Ran & { readonly kind: 'exited'; readonly status: number })
  | (Ran & { readonly kind: 'signalled'; readonly signal: string })
  /** The gateway ended it: one of the permit's limits, or what it read or printed. */
  | (Ran & {
      readonly kind: 'limited';
      readonly reason: EndReason;
      /** The name of the rule that `content-refused` is about; never the content. */
      readonly detector?: string;
    })
  /** The client was gone before the tool ended, and the tool was ended for it. */
  | (Ran & { readonly kind: 'abandoned' })
  /** Nothing ran. `message` says what is wrong, safe for the client; `detail` is for the operator's log. */
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      readonly message: string;
      readonly detail?: string;
      /** Milliseconds after which trying again may help; absent where that is not known. */
      readonly retryAfterMs?: number;
    };
