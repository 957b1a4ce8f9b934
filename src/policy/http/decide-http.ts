/**
 * The decision on a request to a server: one request against one client's tools. Read this file to know which requests
 * Carapace sends.
 *
 * Invariants: what no rule allows is denied. A matching deny beats any allow, and the order of rules means nothing. A permit
 * holds what was compared, and nothing else of the client's. No I/O, no clock, nothing kept between two requests; time is
 * linear in the request.
 */
import type { ConsideredRule, HttpDecision, HttpDeny, Place, RpcDecision, RpcElement } from '../../model/decision.ts';
import type { HttpHead, HttpPermit } from '../../model/http.ts';
import type { RpcBody } from '../../model/rpc.ts';
import { formatRpcText } from '../../model/rpc-text.ts';
import { findContent, scannerOf } from '../content/content-rules.ts';
import type { Tool } from '../policy.ts';
import {
  asJson,
  asksForWebSocket,
  hasBody,
  headersFault,
  rpcBodyFault,
  sortHeaders,
  type SortedHeaders,
} from './header-rules.ts';
import type { HttpTool } from './http-tool.ts';
import { matchLine, type Refused } from './match-request.ts';
import { decodeLoosely } from './request-path.ts';
import { considerMessage, decideMessage, type RpcRules } from './rpc-rules.ts';

/** A request as the engine puts it to policy. */
export interface HttpRequest {
  /** Name of the capability, as the client wrote it. */
  readonly tool: string;
  readonly head: HttpHead;
  /** What the body was parsed to where `needsRpc` asked for it; else null. */
  readonly body: RpcBody | null;
}

/** Decides a request. A tool that another client has and one that nobody has are denied alike. Never throws. */
export function decideHttp(tools: ReadonlyMap<string, Tool>, { tool: name, head, body }: HttpRequest): HttpDecision {
  const tool = tools.get(name);
  if (tool?.type !== 'http') return denyOther(name, tool);
  const judged = judgeHead(tool, head);
  const considered = { tool: name, rules: judged.rules, elements: [], headersDropped: judged.headers.dropped };
  if (judged.refused !== null) return { ...considered, verdict: 'deny', ...judged.refused };

  const rpc = rulesForBody(tool, head);
  if (rpc === null) {
    const permit = permitOf(tool, head, judged, hasBody(head.headers) ? 'stream' : 'none');
    return { ...considered, verdict: 'allow', reason: null, rule: judged.rule, permit };
  }
  const messages = judgeMessages(rpc, body);
  const all = { ...considered, rules: [...judged.rules, ...messages.rules], elements: messages.elements };
  if (messages.refused !== null) return { ...all, verdict: 'deny', ...messages.refused };
  const content = findContent(tool.content.input, messages.text);
  if (content !== null) return { ...all, verdict: 'deny', ...refusedContent(content.name) };
  const permit = permitOf(tool, head, judged, { text: messages.text });
  return { ...all, verdict: 'allow', reason: null, rule: judged.rule, permit };
}

/**
 * Whether the body has to be read and parsed before `decideHttp` is asked. False also where the head alone is refused, so
 * that nobody reads a body in vain. Never throws.
 */
export function needsRpc(tool: HttpTool, head: HttpHead): boolean {
  return rulesForBody(tool, head) !== null && judgeHead(tool, head).refused === null;
}

/** Decides messages alone, whatever brings them: for `policy explain` and tests. Never throws. */
export function decideRpc(tools: ReadonlyMap<string, Tool>, name: string, body: RpcBody): RpcDecision {
  const tool = tools.get(name);
  if (tool?.type !== 'http') return denyOther(name, tool);
  const nothing = { tool: name, rules: [], elements: [], headersDropped: [] };
  if (tool.rpc === null) {
    const refused = { reason: 'no-rule' as const, rule: null, token: null, message: 'no rule is about JSON-RPC' };
    return { ...nothing, verdict: 'deny', ...refused };
  }
  const { refused, rules, elements } = judgeMessages(tool.rpc, body);
  if (refused !== null) return { ...nothing, rules, elements, verdict: 'deny', ...refused };
  return { ...nothing, rules, elements, verdict: 'allow', reason: null, rule: elements[0]?.rule ?? tool.place };
}

interface JudgedLine {
  readonly rules: readonly ConsideredRule[];
  readonly headers: SortedHeaders;
}

type JudgedHead =
  | (JudgedLine & { readonly refused: null; readonly rule: Place; readonly path: string })
  | (JudgedLine & { readonly refused: Refused });

/** Everything that can be said without the body. */
function judgeHead(tool: HttpTool, head: HttpHead): JudgedHead {
  const line = matchLine(tool, head);
  const websocket = tool.websocket && asksForWebSocket(head);
  const headers = sortHeaders(head.headers, { ...tool, injected: injectedHeaders(tool), websocket });
  const { rules } = line;
  if (line.refused !== null) return { rules, headers, refused: line.refused };
  const fault = headersFault(head.headers) ?? bodyFault(tool, head);
  if (fault !== null) return { rules, headers, refused: { reason: 'value-refused', rule: null, ...fault } };
  if (asksForWebSocket(head) && !websocket) {
    const message = 'no rule allows a WebSocket';
    return { rules, headers, refused: { reason: 'no-rule', rule: null, token: 'upgrade', message } };
  }
  const texts = [decodeLoosely(head.path), ...line.parameters.map(({ value }) => value)];
  const content = findIn(tool, [...texts, ...headers.passing.map(([, value]) => value)]);
  if (content !== null) return { rules, headers, refused: refusedContent(content) };
  return { rules, headers, refused: null, rule: line.rule, path: line.path };
}

/** Under JSON-RPC rules, whatever can carry a body is decided by it; null where the rules are not about it. */
function rulesForBody({ rpc }: HttpTool, { method }: HttpHead): RpcRules | null {
  return method === 'GET' || method === 'HEAD' ? null : rpc;
}

function bodyFault(tool: HttpTool, head: HttpHead): { readonly token: string | null; readonly message: string } | null {
  if (rulesForBody(tool, head) !== null) return rpcBodyFault(head.headers);
  // Some servers read parameters from it, past every rule on the query (RFC 9110, section 9.3.1: it has no meaning there).
  const isRead = head.method === 'GET' || head.method === 'HEAD';
  return isRead && hasBody(head.headers) ? { token: null, message: `a body does not go with ${head.method}` } : null;
}

type JudgedMessages = { readonly rules: readonly ConsideredRule[]; readonly elements: readonly RpcElement[] } & (
  | { readonly refused: null; readonly text: string }
  | { readonly refused: Refused }
);

/** Every message of a body. The rules are those of the message that decided: the first that is denied, else the first. */
function judgeMessages(rpc: RpcRules, body: RpcBody | null): JudgedMessages {
  if (body?.ok !== true) {
    const message = body === null ? 'a JSON-RPC message is expected' : `the body is no JSON-RPC: ${body.message}`;
    return { rules: [], elements: [], refused: { reason: 'value-refused', rule: null, token: null, message } };
  }
  const judged = body.messages.map((message) => ({ message, element: decideMessage(rpc, message) }));
  const elements = judged.map(({ element }) => element);
  const denied = judged.find(({ element }) => element.verdict === 'deny');
  const rules = considerMessage(rpc, denied?.message ?? body.messages[0]);
  if (denied === undefined) return { rules, elements, refused: null, text: formatRpcText(body) };
  return { rules, elements, refused: refusalOf(denied.element) };
}

function refusalOf({ reason, rule, token, message }: RpcElement): Refused {
  // fail safe: what was denied without a reason is denied all the same.
  return { reason: reason ?? 'no-rule', rule, token, message: message ?? 'no rule allows it' };
}

function permitOf(
  tool: HttpTool,
  head: HttpHead,
  { path, headers }: Extract<JudgedHead, { refused: null }>,
  body: HttpPermit['body'],
): HttpPermit {
  return {
    kind: 'http',
    tool: tool.name,
    upstream: tool.upstream,
    method: head.method,
    path,
    // A lone `?` says nothing.
    query: head.query === '' ? null : head.query,
    headers: typeof body === 'object' ? asJson(headers.passing) : headers.passing,
    responseHeaders: tool.responseHeaders,
    inject: tool.inject,
    body,
    limits: tool.limits,
    redact: tool.redact,
    content: { output: scannerOf(tool.content.output), input: scannerOf(tool.content.input) },
    sseFilter: tool.sseFilter,
    websocket: tool.websocket && asksForWebSocket(head),
  };
}

function injectedHeaders({ inject }: HttpTool): ReadonlySet<string> {
  return new Set([...inject.headers.keys(), ...(inject.basic === null ? [] : ['authorization'])]);
}

function findIn({ content }: HttpTool, texts: readonly string[]): string | null {
  if (content.input.length === 0) return null;
  for (const text of texts) {
    const found = findContent(content.input, text);
    if (found !== null) return found.name;
  }
  return null;
}

function refusedContent(name: string): Refused {
  const message = `the request holds what may not be sent (${name})`;
  return { reason: 'content-refused', rule: null, token: null, message };
}

function denyOther(name: string, tool: Tool | undefined): HttpDeny {
  const nothing = { tool: name, rules: [], elements: [], headersDropped: [], rule: null };
  if (tool === undefined) {
    const message = 'there is no such tool for this client';
    return { ...nothing, verdict: 'deny', reason: 'no-such-tool', token: name, message };
  }
  const message = 'this tool is a program and answers no HTTP; call it with arguments';
  return { ...nothing, verdict: 'deny', reason: 'no-rule', token: null, message };
}
