/**
 * The decision: one request against one client's tools. Read this file to know what Carapace allows.
 *
 * Invariants: what no rule allows is denied. A matching deny beats any allow, and the order of rules means nothing. Only
 * this file makes decisions and permits; it does no I/O, reads no clock and keeps nothing between two calls.
 */
import type { Allow, ConsideredRule, Decision, Deny } from '../model/decision.ts';
import type { Permit } from '../model/permit.ts';
import type { DenyReason } from '../model/reason.ts';
import type { ToolRequest } from '../model/request.ts';
import { visible } from '../model/visible.ts';
import { type BuiltEnvironment, buildEnvironment } from './environment.ts';
import { parse, type ParsedArgv } from './grammar.ts';
import { type AllowMatch, matchAllow } from './match-allow.ts';
import { type DenyMatch, matchDeny } from './match-deny.ts';
import type { AllowRule, CliTool, DenyRule } from './policy.ts';
import { judgeDirectory, type WorkingDirectory } from './working-directory.ts';

interface Considering {
  readonly request: ToolRequest;
  readonly rules: readonly ConsideredRule[];
  readonly environment: Pick<BuiltEnvironment, 'passed' | 'dropped'>;
}

/**
 * Decides a request. `tools` are those of the client's key; `directory` is what the engine found at `directoryToOpen`.
 * A tool that another client has and one that nobody has are denied alike. Never throws.
 */
export function decideTool(
  tools: ReadonlyMap<string, CliTool>,
  request: ToolRequest,
  directory: WorkingDirectory,
): Decision {
  const tool = tools.get(request.tool);
  if (tool === undefined) return denyUnknown(request);
  const environment = buildEnvironment(tool, request.env);
  const bad = unrepresentable(request);
  if (bad !== undefined) {
    const message = 'an argument or variable holds NUL or a lone surrogate';
    return deny({ request, rules: [], environment }, { reason: 'character-refused', token: bad, message });
  }

  const argv = parse(request.argv, tool.grammar);
  const denies = tool.deny.map((rule) => ({ rule, match: matchDeny(rule.compiled, argv) }));
  const allows = tool.allow.map((rule) => ({ rule, match: matchAllow(rule.compiled, argv) }));
  const considering = { request, rules: [...denies.map(consideredDeny), ...allows.map(consideredAllow)], environment };

  for (const { rule, match } of denies) if (match.matched) return denyByRule(considering, rule, match.token);
  const allowed = allows.find(({ match }) => match.matched);
  if (allowed === undefined)
    return deny(
      considering,
      nearestRefusal(
        allows.map(({ match }) => match),
        request,
      ),
    );
  const judged = judgeDirectory(tool, request, directory);
  if (!judged.ok) return deny(considering, { reason: 'cwd-refused', token: judged.token, message: judged.message });

  const permit: Permit = {
    kind: 'cli',
    tool: tool.name,
    binary: tool.binary,
    argv: request.argv,
    env: environment.env,
    cwd: judged.cwd,
    stdin: stdinOf(tool, argv),
    limits: tool.limits,
  };
  return { verdict: 'allow', reason: null, rule: allowed.rule.place, permit, ...considered(considering) };
}

function stdinOf(tool: CliTool, argv: ParsedArgv): 'none' | 'stream' {
  if (typeof tool.stdin === 'string') return tool.stdin;
  return tool.stdin.some((rule) => matchAllow(rule.compiled, argv).matched) ? 'stream' : 'none';
}

/** An argument, name or value that no program could be given as it is. */
function unrepresentable(request: ToolRequest): string | undefined {
  const variables = [...request.env].flat();
  return [...request.argv, ...variables].find((text) => text.includes('\0') || !text.isWellFormed());
}

interface Fault {
  readonly reason: DenyReason;
  readonly token: string | null;
  readonly message: string;
}

/** Of all rules the one that came furthest says best what is wrong; of equals, one that names more than `no-rule`. */
function nearestRefusal(matches: readonly AllowMatch[], request: ToolRequest): Fault {
  const refusals = matches.filter((match) => !match.matched);
  const furthest = refusals.reduce((most, { reached }) => Math.max(most, reached), 0);
  const nearest = refusals.filter(({ reached }) => reached === furthest);
  const told = nearest.find(({ reason }) => reason !== 'no-rule') ?? nearest[0];
  return told ?? { reason: 'no-rule', token: request.argv[0] ?? null, message: 'no rule allows these arguments' };
}

function denyByRule(considering: Considering, rule: DenyRule, token: string | null): Deny {
  const option = token?.startsWith('-') === true ? visible(token.split('=', 1)[0] ?? '', 80) : undefined;
  const message = option === undefined ? 'these arguments are denied' : `option ${option} is denied`;
  return { ...deny(considering, { reason: 'rule-denies', token, message }), rule: rule.place };
}

function denyUnknown(request: ToolRequest): Deny {
  const environment = { passed: [], dropped: request.env.size };
  const message = 'there is no such tool for this client';
  return deny({ request, rules: [], environment }, { reason: 'no-such-tool', token: request.tool, message });
}

function deny(considering: Considering, { reason, token, message }: Fault): Deny {
  return { verdict: 'deny', reason, rule: null, token, message, ...considered(considering) };
}

function considered({
  request,
  rules,
  environment,
}: Considering): Pick<Allow, 'tool' | 'rules' | 'env' | 'envDropped'> {
  return { tool: request.tool, rules, env: environment.passed, envDropped: environment.dropped };
}

function consideredDeny({ rule, match }: { rule: DenyRule; match: DenyMatch }): ConsideredRule {
  const { pattern, place } = rule;
  return match.matched
    ? { kind: 'deny', pattern, place, matched: true }
    : { kind: 'deny', pattern, place, matched: false, why: match.why };
}

function consideredAllow({ rule, match }: { rule: AllowRule; match: AllowMatch }): ConsideredRule {
  const { pattern, place } = rule;
  return match.matched
    ? { kind: 'allow', pattern, place, matched: true }
    : { kind: 'allow', pattern, place, matched: false, why: match.why };
}
