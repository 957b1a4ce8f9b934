/** Tries one request of a policy's `tests`. */
import type { HttpDecision, RpcDecision } from '../../model/decision.ts';
import { quoted, visible } from '../../model/visible.ts';
import type { Tool } from '../policy.ts';
import { decideHttp, decideRpc, needsRpc } from './decide-http.ts';
import type { HttpTestRequest, HttpTool } from './http-tool.ts';

/** Decides it; a text says why that cannot be done. Never throws. */
export function decideHttpTest(
  tools: ReadonlyMap<string, Tool>,
  tool: HttpTool,
  request: HttpTestRequest,
): HttpDecision | RpcDecision | string {
  if (request.kind === 'rpc') return decideRpc(tools, tool.name, request.body);
  const { head, body } = request;
  if (body !== 'text') return decideHttp(tools, { tool: tool.name, head, body });
  if (needsRpc(tool, head)) return 'write the body as a mapping, not as text: rules look at it, and they read JSON-RPC';
  return decideHttp(tools, { tool: tool.name, head, body: null });
}

/** What was tried, safe to print: `POST /api/v1/rpc: send`. */
export function formatHttpTest(request: HttpTestRequest): string {
  const { body } = request;
  const calls = body === null || body === 'text' || !body.ok ? [] : body.messages;
  const methods = calls.map((call) => (call.kind === 'call' ? quoted(call.method, 60) : 'an answer')).join(', ');
  if (request.kind === 'rpc') return `JSON-RPC ${methods}`;
  const { method, path, query } = request.head;
  const line = `${method} ${visible(query === null ? path : `${path}?${query}`, 400)}`;
  return methods === '' ? line : `${line}: ${methods}`;
}
