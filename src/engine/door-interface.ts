/**
 * The one interface between doors and engine: plain data and byte streams. A door proves who calls and parses what it
 * sends; the engine decides, records, runs. Doors parse hostile bytes, so they may one day live in processes of their
 * own: nothing here could not be sent over a socket.
 */
import type { Outcome } from '../model/outcome.ts';
import type { FailureReason, Reason } from '../model/reason.ts';
import type { BuiltInWord, Meta, ReplyForm, ToolRequest } from '../model/request.ts';
import type { CallIo } from './call-io.ts';

/** A proven client on one connection. */
export interface Caller {
  /** The door's name: `ssh`. */
  readonly door: string;
  /** Random id of the connection. */
  readonly connection: string;
  /** For people: `10.0.0.7:51234`, or the socket's path. */
  readonly peer: string;
  /** Remote IP address for `from` rules; undefined on a Unix socket, which matches none. */
  readonly address: string | undefined;
  /** The raw public key whose signature was verified (RFC 4253 section 6.6). */
  readonly key: Buffer;
  readonly client: string;
  readonly fingerprint: string;
}

/** What a client asks for. */
export type Asked =
  | { readonly kind: 'tool'; readonly request: ToolRequest; readonly reply: ReplyForm; readonly meta: Meta }
  | {
      readonly kind: 'word';
      readonly word: BuiltInWord;
      readonly request: ToolRequest;
      readonly reply: ReplyForm;
      readonly meta: Meta;
    }
  /** What could not be parsed, to be recorded and refused. */
  | { readonly kind: 'invalid'; readonly reason: FailureReason; readonly message: string };

/** Why a request got no tool's outcome. Everything in it is safe for the client. */
export interface Refusal {
  readonly tool: string | null;
  readonly reason: Reason;
  /** What is wrong, in one clause without a full stop; untrusted text in it went through `visible()`. */
  readonly message: string;
  /** Milliseconds after which trying again may help; absent where it will not. */
  readonly retryAfterMs?: number;
}

/** How a request ended. */
export type Ending =
  | {
      readonly kind: 'outcome';
      readonly request: string;
      readonly tool: string;
      readonly outcome: Exclude<Outcome, { kind: 'failed' }>;
    }
  /** A built-in word was answered on stdout. */
  | { readonly kind: 'answered'; readonly request: string; readonly status: number }
  | { readonly kind: 'refused'; readonly request: string; readonly refusal: Refusal };

/** Whether a key may log in from an address, by the snapshot of this moment. */
export type KeyAnswer =
  | {
      readonly ok: true;
      readonly client: string;
      readonly fingerprint: string;
      readonly verify: (data: Buffer, signature: Buffer) => boolean;
    }
  | { readonly ok: false; readonly reason: 'unknown-key' | 'expired' | 'from-refused' };

/** A connection's events that go to the audit log. */
export type DoorEvent =
  | { readonly kind: 'opened'; readonly caller: Caller }
  | { readonly kind: 'closed'; readonly caller: Caller; readonly reason: string | null }
  | { readonly kind: 'feature-refused'; readonly caller: Caller; readonly feature: string }
  | {
      readonly kind: 'auth-failure';
      readonly door: string;
      readonly connection: string;
      readonly peer: string;
      readonly key: string | null;
      readonly reason: string;
    };

/** Where a client wants a forward to lead: `NAME:PORT`, or the path of a Unix socket, which has no port. */
export interface ForwardTarget {
  readonly name: string;
  readonly port: number | null;
}

/** Serves an accepted forward; resolves when nothing more will be written to `io`. Never rejects. */
export type ServeForward = (io: CallIo) => Promise<void>;

/** The engine, as a door sees it. */
export interface Gateway {
  /** Looks a raw key up. Synchronous, so that authentication has no state between messages. Never throws. */
  readonly lookUpKey: (key: Buffer, address: string | undefined) => KeyAnswer;
  /**
   * Decides, records and carries out one request. Resolves when nothing more will be written to `io`; never rejects.
   * `onStarted` is called at most once, when the request is allowed and recorded, before its first byte.
   */
  readonly serve: (caller: Caller, asked: Asked, io: CallIo, onStarted: (request: string) => void) => Promise<Ending>;
  /**
   * A session failed outside `serve`, by a defect: logs it, records a denial, and returns what to tell the client. One
   * client's bytes that find a defect must not end the others' sessions. Never throws.
   */
  readonly fail: (caller: Caller, thrown: unknown) => Ending;
  /**
   * What a client's forward leads to; undefined where its key has no such capability, and it is refused as if nobody
   * listened there. Each request in it is decided by itself. Never throws.
   */
  readonly openForward: (caller: Caller, target: ForwardTarget) => ServeForward | undefined;
  /** Records an event. Never throws: a connection may live without its record, but no request runs without one. */
  readonly note: (event: DoorEvent) => void;
}
