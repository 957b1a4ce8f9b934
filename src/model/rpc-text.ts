/**
 * JSON-RPC messages and their values as text: what was checked is written anew, so that what is sent holds exactly the members that were
 * checked, number tokens as they stood. No line end is in it.
 */
import type { JsonNumber, JsonValue, RpcBody, RpcMessage } from './rpc.ts';

/** The text of a whole body: a message, or a batch. */
export function formatRpcText({ batch, messages }: Extract<RpcBody, { readonly ok: true }>): string {
  const texts = messages.map(formatMessage);
  return batch ? `[${texts.join(',')}]` : texts.join('');
}

function formatMessage(message: RpcMessage): string {
  const members = new Map<string, JsonValue>([['jsonrpc', '2.0']]);
  if (message.id !== undefined) members.set('id', message.id);
  if (message.kind === 'answer') members.set(message.outcome, message.value);
  else {
    members.set('method', message.method);
    if (message.params !== undefined) members.set('params', message.params);
  }
  return formatJsonValue(members);
}

export function isJsonObject(value: JsonValue | undefined): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map;
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isJsonNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === 'object' && value !== null && !isJsonArray(value) && !isJsonObject(value);
}

/** Writes a value without blanks or line ends. Time is linear in the result; it recurses as deep as the value is nested. */
export function formatJsonValue(value: JsonValue): string {
  const parts: string[] = [];
  write(value, parts);
  return parts.join('');
}

/** One list of parts for the whole: joining at each level would copy the innermost text once a level. */
function write(value: JsonValue, parts: string[]): void {
  if (isJsonObject(value)) {
    let mark = '{';
    for (const [key, member] of value) {
      parts.push(mark, JSON.stringify(key), ':');
      write(member, parts);
      mark = ',';
    }
    parts.push(mark === '{' ? '{}' : '}');
  } else if (isJsonArray(value)) {
    let mark = '[';
    for (const item of value) {
      parts.push(mark);
      write(item, parts);
      mark = ',';
    }
    parts.push(mark === '[' ? '[]' : ']');
  } else parts.push(isJsonNumber(value) ? value.token : JSON.stringify(value));
}
