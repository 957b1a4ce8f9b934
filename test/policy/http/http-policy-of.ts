/** Policies on servers for tests, from their parts. */
import { loadProfiles } from '../../../src/engine/profile-files.ts';
import type { HttpDecision } from '../../../src/model/decision.ts';
import { formatProblem } from '../../../src/model/problem.ts';
import type { RpcBody } from '../../../src/model/rpc.ts';
import { decideHttp, needsRpc } from '../../../src/policy/http/decide-http.ts';
import type { HttpTool } from '../../../src/policy/http/http-tool.ts';
import { headOf } from '../../../src/policy/http/request-parts.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { httpTools } from '../../../src/policy/policy.ts';
import { parseRpcBody } from '../../../src/protocol/json-rpc.ts';

/** Keys of the tool, as a policy writes them; the upstream is this host where none is named. */
export type HttpParts = Readonly<Record<string, unknown>>;

/** A policy with one server, written as YAML (which JSON is). */
export function httpPolicyText(parts: HttpParts): string {
  return JSON.stringify({ tools: { tool: { type: 'http', upstream: 'http://127.0.0.1:8080', ...parts } } }, null, 1);
}

function load(parts: HttpParts): ReturnType<typeof loadPolicy> {
  return loadPolicy({ name: 'test', file: 'test.yaml', text: httpPolicyText(parts), profiles: loadProfiles(null) });
}

/** A tool called `tool`. */
export function httpToolOf(parts: HttpParts): HttpTool {
  const loaded = load(parts);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const tool = httpTools(loaded.policy.tools).get('tool');
  if (tool === undefined) throw new Error('no tool');
  return tool;
}

/** What is said of a policy, errors and warnings: path and message. */
export function saidOf(parts: HttpParts): string[] {
  const loaded = load(parts);
  const problems = loaded.ok ? loaded.policy.warnings : loaded.problems;
  return problems.map(
    ({ severity, path, message }) => `${severity}: ${path.replace(/^tools\.tool\.?/, '')}: ${message}`,
  );
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Decides `METHOD TARGET` as the engine does. */
export function decideSent(tool: HttpTool, line: string, { headers = {}, body = '' }: Sent = {}): HttpDecision {
  const [method = '', target = ''] = line.split(' ');
  const head = headOf({ method, target, headers: Object.entries(headers), hasBody: body !== '' });
  const parsed: RpcBody | null = needsRpc(tool, head) && body !== '' ? parseRpcBody(Buffer.from(body)) : null;
  return decideHttp(new Map([['tool', tool]]), { tool: 'tool', head, body: parsed });
}

/** `allow`, or the reason of the denial. */
export function verdictOf(tool: HttpTool, line: string, sent: Sent = {}): string {
  return decideSent(tool, line, sent).reason ?? 'allow';
}
