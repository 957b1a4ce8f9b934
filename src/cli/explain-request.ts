/** A request of `policy explain --stdin`: a call, an HTTP request or JSON-RPC messages, one a line. */
import type { HttpHead } from '../model/http.ts';
import type { ToolRequest } from '../model/request.ts';
import type { JsonValue, RpcBody } from '../model/rpc.ts';
import { formatJsonValue, isJsonArray, isJsonObject } from '../model/rpc-text.ts';
import { headOf } from '../policy/http/request-parts.ts';
import { parseRpcBody } from '../protocol/json-rpc.ts';
import { parseLosslessJson } from '../model/lossless-json.ts';
import { parseRequestText } from '../protocol/request-frame.ts';

export type ExplainedRequest =
  | { readonly kind: 'call'; readonly request: ToolRequest }
  /** `body` is called where the decision needs it. */
  | { readonly kind: 'http'; readonly tool: string; readonly head: HttpHead; readonly body: () => RpcBody | null }
  | { readonly kind: 'rpc'; readonly tool: string; readonly body: RpcBody };

export type ParsedExplained =
  | { readonly ok: true; readonly request: ExplainedRequest }
  | { readonly ok: false; readonly message: string };

class Refused extends Error {}

/**
 * Parses a line: `{"tool", "argv", ...}` as a frame has it; `{"tool", "http": {"method", "path", "headers", "body"}}`, where
 * `body` is text as it is sent, or JSON; `{"tool", "rpc": MESSAGE}`, likewise, where `jsonrpc` may be left out. Never throws.
 */
export function parseExplained(line: string): ParsedExplained {
  const json = parseLosslessJson(line);
  const object = json.ok && isJsonObject(json.value) ? json.value : null;
  try {
    if (object?.has('http') === true) return { ok: true, request: httpFrom(object) };
    if (object?.has('rpc') === true) return { ok: true, request: rpcFrom(object) };
  } catch (thrown) {
    if (thrown instanceof Refused) return { ok: false, message: thrown.message };
    throw thrown;
  }
  const parsed = parseRequestText(line);
  return parsed.ok ? { ok: true, request: { kind: 'call', request: parsed.request } } : parsed;
}

type JsonObject = ReadonlyMap<string, JsonValue>;

function httpFrom(object: JsonObject): ExplainedRequest {
  checkKeys(object, ['v', 'tool', 'http', 'meta']);
  const http = object.get('http');
  if (!isJsonObject(http)) throw new Refused("'http' must be an object");
  checkKeys(http, ['method', 'path', 'headers', 'body']);
  const body = http.get('body') ?? '';
  const text = typeof body === 'string' ? body : formatJsonValue(body);
  const head = headOf({
    method: textOf(http, 'method'),
    target: textOf(http, 'path'),
    headers: headersFrom(http.get('headers') ?? new Map()),
    hasBody: text !== '',
  });
  const parse = (): RpcBody | null => (text === '' ? null : parseRpcBody(Buffer.from(text)));
  return { kind: 'http', tool: textOf(object, 'tool'), head, body: parse };
}

function rpcFrom(object: JsonObject): ExplainedRequest {
  checkKeys(object, ['v', 'tool', 'rpc', 'meta']);
  const rpc = object.get('rpc') ?? null;
  const text =
    typeof rpc === 'string' ? rpc : formatJsonValue(isJsonArray(rpc) ? rpc.map(withVersion) : withVersion(rpc));
  return { kind: 'rpc', tool: textOf(object, 'tool'), body: parseRpcBody(Buffer.from(text)) };
}

function withVersion(message: JsonValue): JsonValue {
  return isJsonObject(message) && !message.has('jsonrpc') ? new Map([['jsonrpc', '2.0'], ...message]) : message;
}

/** `{name: value}`, `{name: [values]}` or `[[name, value]]`. */
function headersFrom(value: JsonValue): (readonly [string, string])[] {
  const pairs = isJsonObject(value) ? [...value] : isJsonArray(value) ? value.map(pairFrom) : null;
  if (pairs === null) throw new Refused("'headers' must be an object");
  return pairs.flatMap(([name, each]) =>
    (isJsonArray(each) ? each : [each]).map((one) => [name, headerText(one)] as const),
  );
}

function pairFrom(value: JsonValue): readonly [string, JsonValue] {
  const [name, each] = isJsonArray(value) ? value : [];
  if (typeof name !== 'string' || each === undefined)
    throw new Refused("'headers' must hold pairs of a name and a value");
  return [name, each];
}

function headerText(value: JsonValue): string {
  if (typeof value !== 'string') throw new Refused("'headers' must hold text");
  return value;
}

function checkKeys(object: JsonObject, known: readonly string[]): void {
  if (![...object.keys()].every((key) => known.includes(key)))
    throw new Refused(`expected no keys but ${known.join(', ')}`);
}

function textOf(object: JsonObject, key: string): string {
  const value = object.get(key);
  if (typeof value !== 'string') throw new Refused(`'${key}' must be a string`);
  return value;
}
