/** A decision on a request, or on messages, as text for people: of each rule why it did or did not match. */
import type { HttpDecision, RpcDecision, RpcElement } from '../../model/decision.ts';
import { quoted, visible } from '../../model/visible.ts';
import { explainRule, formatPlace } from '../explain.ts';

/** Renders it in several lines, safe to print. For operators: it names rules, places and the upstream. */
export function explainHttpDecision(decision: HttpDecision | RpcDecision): string {
  const { rule, rules, elements, headersDropped } = decision;
  const lines = [headline(decision)];
  if (rule !== null) lines.push(`  decided by  ${visible(formatPlace(rule), 4096)}`);
  lines.push(...rules.map(explainRule), ...elements.map(explainElement), ...explainPermit(decision));
  if (headersDropped.length > 0)
    lines.push(`  dropped     ${headersDropped.map((name) => visible(name, 80)).join(', ')}`);
  return lines.join('\n');
}

function headline(decision: HttpDecision | RpcDecision): string {
  if (decision.verdict === 'allow') return `allow: ${visible(decision.tool)}`;
  const token = decision.token === null ? '' : ` at ${quoted(decision.token)}`;
  return `deny: ${visible(decision.tool)}: ${decision.message} (${decision.reason}${token})`;
}

function explainElement({ kind, method, verdict, message }: RpcElement): string {
  const what = kind === 'call' ? quoted(method ?? '', 80) : 'an answer';
  return `  message     ${what}: ${verdict}${message === null ? '' : `: ${message}`}`;
}

function explainPermit(decision: HttpDecision | RpcDecision): string[] {
  if (decision.verdict === 'deny' || !('permit' in decision)) return [];
  const { upstream, method, path, query, headers, body } = decision.permit;
  const { protocol, host, port, basePath } = upstream;
  const origin = `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}`;
  const sent = body === 'none' ? 'none' : body === 'stream' ? "the client's" : 'the messages, written anew';
  return [
    `  sends       ${method} ${visible(`${origin}${basePath}${path}${query === null ? '' : `?${query}`}`, 8192)}`,
    `  body        ${sent}`,
    `  headers     ${headers.length === 0 ? 'none' : headers.map(([name]) => visible(name, 80)).join(', ')}`,
  ];
}
