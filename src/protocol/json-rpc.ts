/**
 * JSON-RPC 2.0 (https://www.jsonrpc.org/specification), read strictly; model/rpc-text.ts writes it back.
 *
 * Invariants: what is accepted has one reading (json-text.ts), and nothing of it is lost. An envelope has no keys but the
 * specification's: one that merely looks like `method` in another case, with blanks or in another Unicode form is unknown
 * like any other, so no lenient receiver finds a second method. Messages say nothing of the body. Nothing here throws.
 */
import type { JsonValue, RpcAnswer, RpcBody, RpcCall, RpcId, RpcMessage } from '../model/rpc.ts';
import { formatRpcText, isJsonArray, isJsonNumber, isJsonObject } from '../model/rpc-text.ts';
import { LOSSLESS_BOUNDS, type LosslessBounds, parseLosslessJson } from '../model/lossless-json.ts';

export interface RpcBounds extends LosslessBounds {
  /** Messages of one batch. */
  readonly maxMessages: number;
}

/** For what a client sends; what a server answers may be longer. */
export const RPC_BOUNDS: RpcBounds = { ...LOSSLESS_BOUNDS, maxMessages: 100 };

/** Parses the body of a request: UTF-8 without a byte order mark, one message or one batch, blanks around it. */
export function parseRpcBody(bytes: Uint8Array, bounds: RpcBounds = RPC_BOUNDS): RpcBody {
  // The text is never longer than its bytes, but may be shorter: bytes are what a caller counts.
  if (bytes.length > bounds.maxSize) return refused(`longer than ${bounds.maxSize} bytes`);
  const text = decode(bytes);
  return text === undefined ? refused('not valid UTF-8') : parseText(text, bounds);
}

/**
 * Parses one line of newline-delimited JSON-RPC, its newline taken off. One carriage return at its end belongs to the line
 * end, as programs on Windows write it; line ends within are refused, since another reader might see two messages there.
 */
export function parseRpcLine(line: string | Uint8Array, bounds: RpcBounds = RPC_BOUNDS): RpcBody {
  if (line.length > bounds.maxSize) return refused(`longer than ${bounds.maxSize} bytes`);
  const text = typeof line === 'string' ? line : decode(line);
  if (text === undefined) return refused('not valid UTF-8');
  const message = text.endsWith('\r') ? text.slice(0, -1) : text;
  return /[\r\n]/.test(message) ? refused('line end within a line') : parseText(message, bounds);
}

/** One message as one line, without a newline at its end. */
export function formatRpcMessage(message: RpcMessage): string {
  return formatRpcText({ ok: true, batch: false, messages: [message] });
}

/**
 * The text of an answer that reports an error (section 5.1).
 *
 * @param id of the call; null where there was none to read
 * @param code an integer; -32768 to -32000 are the specification's
 * @param data undefined: no such member
 */
export function rpcError(id: RpcId, code: number, message: string, data?: JsonValue): string {
  const error = new Map<string, JsonValue>([
    ['code', { token: String(code) }],
    ['message', message],
  ]);
  if (data !== undefined) error.set('data', data);
  return formatRpcMessage({ kind: 'answer', id, outcome: 'error', value: error });
}

/** Undefined where the bytes are no UTF-8. A byte order mark stays, and is then no JSON. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function refused(message: string): RpcBody {
  return { ok: false, message };
}

function parseText(text: string, bounds: RpcBounds): RpcBody {
  const json = parseLosslessJson(text, bounds);
  if (!json.ok) return refused(`not strict JSON: ${json.message}`);
  return isJsonArray(json.value) ? batchFrom(json.value, bounds.maxMessages) : singleFrom(json.value);
}

function singleFrom(value: JsonValue): RpcBody {
  const message = messageFrom(value);
  return typeof message === 'string' ? refused(message) : { ok: true, batch: false, messages: [message] };
}

function batchFrom(values: readonly JsonValue[], maxMessages: number): RpcBody {
  if (values.length > maxMessages) return refused(`batch of more than ${maxMessages} messages`);
  const messages: RpcMessage[] = [];
  for (const [index, value] of values.entries()) {
    const message = messageFrom(value);
    if (typeof message === 'string') return refused(`message ${index + 1}: ${message}`);
    messages.push(message);
  }
  const [first, ...rest] = messages;
  if (first === undefined) return refused('empty batch');
  // Nobody could tell which of the two an answer, or the refusal of one of them, is for.
  if (holdsIdTwice(messages)) return refused('two messages of the batch have the same id');
  return { ok: true, batch: true, messages: [first, ...rest] };
}

const CALL_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);
const ANSWER_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

/** A message, or what is wrong with it. */
function messageFrom(value: JsonValue): RpcMessage | string {
  if (!isJsonObject(value)) return isJsonArray(value) ? 'batch within a batch' : 'message is not an object';
  if (value.get('jsonrpc') !== '2.0') return 'jsonrpc is not "2.0"';
  return value.has('method') ? callFrom(value) : answerFrom(value);
}

function callFrom(members: ReadonlyMap<string, JsonValue>): RpcCall | string {
  if (holdsOtherKeys(members, CALL_KEYS)) return 'call with a key other than jsonrpc, id, method and params';
  const method = members.get('method');
  if (typeof method !== 'string') return 'method is not a string';
  const id = members.get('id');
  if (id !== undefined && !isId(id)) return 'id is not a string, number or null';
  const params = members.get('params');
  if (params !== undefined && !isJsonArray(params) && !isJsonObject(params)) return 'params is not an object or array';
  return { kind: 'call', id, method, params };
}

function answerFrom(members: ReadonlyMap<string, JsonValue>): RpcAnswer | string {
  if (holdsOtherKeys(members, ANSWER_KEYS)) {
    return 'message without a method, with a key other than jsonrpc, id, result and error';
  }
  const id = members.get('id');
  if (id === undefined || !isId(id)) return 'answer whose id is not a string, number or null';
  if (members.has('result') === members.has('error')) return 'answer without exactly one of result and error';
  const outcome = members.has('result') ? 'result' : 'error';
  return { kind: 'answer', id, outcome, value: members.get(outcome) ?? null };
}

function holdsOtherKeys(members: ReadonlyMap<string, JsonValue>, known: ReadonlySet<string>): boolean {
  return [...members.keys()].some((key) => !known.has(key));
}

function holdsIdTwice(messages: readonly RpcMessage[]): boolean {
  const ids = messages.flatMap(({ kind, id }) => {
    // A server answers null wherever it could not read an id, as often as it has to.
    if (id === undefined || (id === null && kind === 'answer')) return [];
    return [`${kind} ${comparable(id)}`];
  });
  return new Set(ids).size !== ids.length;
}

/** Equal for ids that some receiver may take for the same: `1` and `1.0`, and integers that are one double. */
function comparable(id: RpcId): string {
  return id === null || typeof id === 'string' ? JSON.stringify(id) : String(Number(id.token));
}

function isId(value: JsonValue): value is RpcId {
  return value === null || typeof value === 'string' || isJsonNumber(value);
}
