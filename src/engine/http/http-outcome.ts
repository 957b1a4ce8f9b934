/** What became of a request that was allowed and forwarded. */
import type { FailureReason } from '../../model/reason.ts';

/** What there is to say of every request that reached its upstream. */
export interface Exchanged {
  /** Of the answer whose head was sent to the client; null: none was, so the caller answers with a refusal. */
  readonly status: number | null;
  /** Bytes of the bodies, as the client sent and got them. */
  readonly bytes: { readonly request: number; readonly response: number };
  /** Milliseconds to the head of the upstream's answer; null: there was none. */
  readonly firstByteMs: number | null;
  readonly durationMs: number;
  /** How often each secret and each kind of content was taken out, by name; absent where nothing was. */
  readonly redactions?: Readonly<Record<string, number>>;
}

export type HttpOutcome =
  /** The whole answer was sent. */
  | (Exchanged & { readonly kind: 'answered' })
  /** The client was gone before that, and the upstream's connection was closed. */
  | (Exchanged & { readonly kind: 'abandoned' })
  /** The upstream's answer broke off, or no byte came for too long: the client's connection was closed as well. */
  | (Exchanged & { readonly kind: 'broken'; readonly detail: string })
  /** One of the permit's limits ended it. Where an answer had begun, the client's connection was closed. */
  | (Exchanged & {
      readonly kind: 'limited';
      readonly reason: 'time-limit' | 'too-large' | 'content-refused';
      /** Safe for the client. */
      readonly message: string;
      /** The name of the rule that `content-refused` is about; never the content. */
      readonly detector?: string;
    })
  /** No answer that may be passed on; nothing was sent. `message` is safe for the client, `detail` is for the operator. */
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason | 'content-refused';
      readonly message: string;
      readonly detail?: string;
      readonly retryAfterMs?: number;
    };

export type FailedOutcome = HttpOutcome & { readonly kind: 'failed' };

/** How an exchange ends, without what is measured of it. */
export type Ended =
  | { readonly kind: 'answered' | 'abandoned' }
  | { readonly kind: 'broken'; readonly detail: string }
  | Pick<HttpOutcome & { readonly kind: 'limited' }, 'kind' | 'reason' | 'message' | 'detector'>
  | FailedOutcome;

export const UNUSABLE = { kind: 'failed', reason: 'upstream-unavailable' } as const;
export const TOO_LARGE = {
  kind: 'limited',
  reason: 'too-large',
  message: 'the body is larger than it may be',
} as const;
export const REFUSED = {
  kind: 'limited',
  reason: 'content-refused',
  message: 'it holds what the policy does not let pass',
} as const;
