/**
 * JSON-RPC 2.0 messages (https://www.jsonrpc.org/specification) as they were sent: number tokens and the order of keys are
 * kept, so that what was checked is what is sent on.
 */

/** A number as it was written: `1e3` and `1000` are told apart, and no digit is lost. */
export interface JsonNumber {
  readonly token: string;
}

/** A JSON value. Objects are Maps: keys come from outside, and their order is kept. */
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

export type RpcId = string | JsonNumber | null;

/** A request, or a notification, which has no id and gets no answer. */
export interface RpcCall {
  readonly kind: 'call';
  /** Undefined: a notification. */
  readonly id: RpcId | undefined;
  readonly method: string;
  /** An array or an object; undefined: there are none. */
  readonly params: readonly JsonValue[] | ReadonlyMap<string, JsonValue> | undefined;
}

/** An answer: from a server, or from a client to a server that asks it (as in MCP). */
export interface RpcAnswer {
  readonly kind: 'answer';
  readonly id: RpcId;
  readonly outcome: 'result' | 'error';
  readonly value: JsonValue;
}

export type RpcMessage = RpcCall | RpcAnswer;

/** The body of a request. */
export type RpcBody =
  | { readonly ok: true; readonly batch: boolean; readonly messages: readonly [RpcMessage, ...RpcMessage[]] }
  /** `message`: what is wrong, for the client; nothing of the body is in it. */
  | { readonly ok: false; readonly message: string };
