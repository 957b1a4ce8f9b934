/**
 * `carapace policy explain`: decides calls without running them. The same code decides as in the gateway, and the working
 * directory is opened as there.
 */
import { decideRequest } from '../engine/decide-request.ts';
import { CarapaceError } from '../model/error.ts';
import type { Decision, HttpDecision, RpcDecision } from '../model/decision.ts';
import { formatProblem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import { explainDecision, formatPlace } from '../policy/explain.ts';
import { decideHttp, decideRpc, needsRpc } from '../policy/http/decide-http.ts';
import { explainHttpDecision } from '../policy/http/explain-http.ts';
import { mergePolicies, type Tool } from '../policy/policy.ts';
import { ownDirectories, resolveDirectory } from './directory.ts';
import { type ExplainedRequest, parseExplained } from './explain-request.ts';
import { compilePolicies, readPolicyFolder } from './policy-files.ts';
import { readLines } from './read-lines.ts';
import { asciiJson, EXIT, print, reportError } from './report.ts';

export interface PolicyExplainOptions {
  /** Policy files whose tools are taken together, as for one key. Default: all of the directory. */
  readonly policy?: readonly string[];
  readonly dir?: string;
  /** Read requests from stdin, one a line. */
  readonly stdin?: boolean;
  readonly json?: boolean;
  /** The client's working directory, for the call after `--`; default: none sent. */
  readonly cwd?: string;
  /** The words after `--`: a tool and its arguments. */
  readonly words: readonly string[];
}

/**
 * Runs the command. For one call: 0 for an allow, 1 for a denial. With `--stdin`: 0 once every line has its answer.
 * 65 where a policy does not load.
 *
 * @throws CarapaceError `usage`; `bad-data` for a file that cannot be read, `configuration` where there is no directory
 */
export async function run({
  policy = [],
  dir,
  stdin = false,
  json = false,
  cwd,
  words,
}: PolicyExplainOptions): Promise<number> {
  const [tool, ...argv] = words;
  checkUsage(stdin, tool !== undefined);
  const tools = loadTools(policy, dir);
  if (tools === undefined) return EXIT.badData;
  const closed = closedDirectories(policy, dir);
  const decide: Decide = (request) => decideAny(tools, request, closed);
  if (tool !== undefined) {
    const decision = decide({ kind: 'call', request: { tool, argv, env: new Map(), cwd } });
    print(answer(decision, json));
    return decision.verdict === 'allow' ? EXIT.ok : EXIT.no;
  }
  for await (const line of readLines(process.stdin, MAX_LINE_BYTES)) await printAnswer(answerLine(decide, line, json));
  return EXIT.ok;
}

function checkUsage(stdin: boolean, isCall: boolean): void {
  if (stdin !== isCall) return;
  throw new CarapaceError('usage', 'policy explain: expected either --stdin or a call after --', {
    hint: 'carapace policy explain --policy FILE -- TOOL ARGS...',
  });
}

type AnyDecision = Decision | HttpDecision | RpcDecision;
type Decide = (request: ExplainedRequest) => AnyDecision;

function decideAny(
  tools: ReadonlyMap<string, Tool>,
  request: ExplainedRequest,
  closed: readonly string[],
): AnyDecision {
  if (request.kind === 'call') return decideRequest(tools, request.request, closed);
  if (request.kind === 'rpc') return decideRpc(tools, request.tool, request.body);
  const { tool: name, head } = request;
  const tool = tools.get(name);
  const body = tool?.type === 'http' && needsRpc(tool, head) ? request.body() : null;
  return decideHttp(tools, { tool: name, head, body });
}

function answer(decision: AnyDecision, json: boolean): string {
  if ('elements' in decision) return (json ? httpJson : explainHttpDecision)(decision);
  return (json ? decisionJson : explainDecision)(decision);
}

/** Files that are named one by one belong to no gateway that could have directories of its own. */
function closedDirectories(policy: readonly string[], dir: string | undefined): string[] {
  return policy.length > 0 && dir === undefined ? [] : ownDirectories(resolveDirectory(dir));
}

/** A frame's bound (docs/protocol.md), and room for JSON that escapes everything. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

function loadTools(files: readonly string[], dir: string | undefined): ReadonlyMap<string, Tool> | undefined {
  const compiled = compilePolicies(readPolicyFolder(files, dir));
  const merged = compiled.ok ? mergePolicies(compiled.policies) : compiled;
  if (merged.ok) return merged.tools;
  for (const problem of merged.problems) if (problem.severity === 'error') reportError(formatProblem(problem));
  return undefined;
}

function answerLine(decide: Decide, line: string | undefined, json: boolean): string {
  const parsed =
    line === undefined ? { ok: false as const, message: 'line is too long or not valid UTF-8' } : parseExplained(line);
  if (parsed.ok) return answer(decide(parsed.request), json);
  // Whatever the wire would call it: here a line is a request or it is none.
  const { message } = parsed;
  if (!json) return `deny: ${visible(message, 400)} (malformed)`;
  return asciiJson({
    verdict: 'deny',
    reason: 'malformed',
    rule: null,
    token: null,
    message,
    env: [],
    envDropped: 0,
    read: null,
    rules: [],
  });
}

function decisionJson(decision: Decision): string {
  const { verdict, reason, rule, tool, env, envDropped, read, rules } = decision;
  const shared = { verdict, reason, rule: rule === null ? null : formatPlace(rule), tool };
  const detail =
    decision.verdict === 'deny'
      ? { token: decision.token, message: decision.message }
      : { token: null, cwd: decision.permit.cwd?.path ?? null, stdin: decision.permit.stdin };
  const considered = rules.map(({ place, ...considering }) => ({ ...considering, rule: formatPlace(place) }));
  return asciiJson({ ...shared, ...detail, env, envDropped, read, rules: considered });
}

function httpJson(decision: HttpDecision | RpcDecision): string {
  const { verdict, reason, rule, tool, rules, elements, headersDropped } = decision;
  const detail = decision.verdict === 'deny' ? { token: decision.token, message: decision.message } : { token: null };
  const permit = 'permit' in decision ? decision.permit : undefined;
  const sent =
    permit === undefined
      ? {}
      : {
          method: permit.method,
          path: permit.path,
          query: permit.query,
          headers: permit.headers.map(([name]) => name),
        };
  return asciiJson({
    verdict,
    reason,
    rule: rule === null ? null : formatPlace(rule),
    tool,
    ...detail,
    ...sent,
    headersDropped,
    env: [],
    envDropped: 0,
    read: null,
    rules: rules.map(({ place, ...considering }) => ({ ...considering, rule: formatPlace(place) })),
    messages: elements.map((element) => ({
      kind: element.kind,
      method: element.method,
      verdict: element.verdict,
      reason: element.reason,
      rule: element.rule === null ? null : formatPlace(element.rule),
      token: element.token,
      message: element.message,
    })),
  });
}

/** Waits for a slow reader, so that no number of requests fills the memory. */
async function printAnswer(text: string): Promise<void> {
  if (process.stdout.write(`${text}\n`)) return;
  await new Promise((resolve) => void process.stdout.once('drain', resolve));
}
