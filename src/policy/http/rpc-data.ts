/**
 * JSON-RPC messages from plain data, as YAML makes it, for a policy's own tests: what a client sends is read by the strict
 * parser, from its bytes.
 */
import { isJsonArray, isJsonNumber, isJsonObject } from '../../model/rpc-text.ts';
import type { JsonValue, RpcBody, RpcId, RpcMessage } from '../../model/rpc.ts';
import { quoted } from '../../model/visible.ts';

/** The data as a JSON value; numbers as they are written plainly. Never throws for what a parser made. */
function jsonFrom(data: unknown): JsonValue {
  if (data === null || typeof data === 'boolean' || typeof data === 'string') return data;
  if (typeof data === 'number') return { token: String(data) };
  if (Array.isArray(data)) return data.map(jsonFrom);
  if (typeof data === 'object') return new Map(Object.entries(data).map(([key, value]) => [key, jsonFrom(value)]));
  return null;
}

/** A message, or a list of them; `jsonrpc` may be left out. Never throws. */
export function rpcBodyFrom(data: unknown): RpcBody {
  if (!Array.isArray(data)) {
    const message = messageFrom(data);
    return typeof message === 'string' ? { ok: false, message } : { ok: true, batch: false, messages: [message] };
  }
  const messages: RpcMessage[] = [];
  for (const each of data) {
    const message = messageFrom(each);
    if (typeof message === 'string') return { ok: false, message };
    messages.push(message);
  }
  const [first, ...rest] = messages;
  return first === undefined
    ? { ok: false, message: 'an empty batch' }
    : { ok: true, batch: true, messages: [first, ...rest] };
}

const CALL_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);
const ANSWER_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

/** A message, or what is wrong with it. */
function messageFrom(data: unknown): RpcMessage | string {
  const members = jsonFrom(data);
  if (!isJsonObject(members)) return 'it is no mapping';
  const isCall = members.has('method');
  const known = isCall ? CALL_KEYS : ANSWER_KEYS;
  const other = [...members.keys()].find((key) => !known.has(key));
  if (other !== undefined) return `${quoted(other, 40)} is no key of a message`;
  if ((members.get('jsonrpc') ?? '2.0') !== '2.0') return "jsonrpc is not '2.0'";
  const id = members.get('id');
  if (id !== undefined && !isId(id)) return 'id is no text and no number';
  return isCall ? callFrom(members, id) : answerFrom(members, id);
}

function callFrom(members: ReadonlyMap<string, JsonValue>, id: RpcId | undefined): RpcMessage | string {
  const [method, params] = [members.get('method'), members.get('params')];
  if (typeof method !== 'string') return 'method is no text';
  if (params !== undefined && !isJsonArray(params) && !isJsonObject(params)) return 'params is no mapping and no list';
  return { kind: 'call', id, method, params };
}

function answerFrom(members: ReadonlyMap<string, JsonValue>, id: RpcId | undefined): RpcMessage | string {
  const outcome = members.has('result') ? 'result' : 'error';
  const value = members.get(outcome);
  if (value === undefined || id === undefined) return 'it has no method, and is no answer with an id';
  return { kind: 'answer', id, outcome, value };
}

function isId(value: JsonValue): value is RpcId {
  return value === null || typeof value === 'string' || isJsonNumber(value);
}
