/**
 * The decision: one request against one client's tools. Read this file to know what Carapace allows.
 *
 * Invariants: what no rule allows is denied. A matching deny beats any allow, and the order of rules means nothing. Only
 * this file makes decisions and permits; it does no I/O, reads no clock and keeps nothing between two calls.
 */
import type { Allow, Decision, Deny, FileClaim } from '../model/decision.ts';
import type { Permit } from '../model/permit.ts';
import type { DenyReason } from '../model/reason.ts';
import type { ToolRequest } from '../model/request.ts';
import { quoted, visible } from '../model/visible.ts';
import { considerGeneric } from './consider-generic.ts';
import type { Considered } from './considered.ts';
import type { ContentRule } from './content/content-rule.ts';
import { findContent, scannerOf } from './content/content-rules.ts';
import { type BuiltEnvironment, buildEnvironment } from './environment.ts';
import { isInside } from './paths.ts';
import type { CliTool, Tool } from './policy.ts';
import { considerProfile } from './profile/consider.ts';
import { isKernels, type Places } from './profile/file-claim.ts';
import { judgeDirectory, type WorkingDirectory } from './working-directory.ts';

interface Considering extends Pick<Considered, 'rules' | 'read'> {
  readonly request: ToolRequest;
  readonly environment: Pick<BuiltEnvironment, 'passed' | 'dropped'>;
}

/**
 * Decides a request. `tools` are those of the client's key; `directory` is what the engine found at `directoryToOpen`.
 * A tool that another client has and one that nobody has are denied alike. An allow with `claims` may not run before
 * `confirmFiles` has seen what lies there. Never throws.
 */
export function decideTool(
  tools: ReadonlyMap<string, Tool>,
  request: ToolRequest,
  directory: WorkingDirectory,
): Decision {
  const tool = tools.get(request.tool);
  if (tool === undefined) return denyUnknown(request);
  if (tool.type !== 'cli') return denyForwarded(request);
  const environment = buildEnvironment(tool, request.env);
  const bad = unrepresentable(request);
  if (bad !== undefined) {
    const message = 'an argument or variable holds NUL or a lone surrogate';
    const nothing = { request, rules: [], read: null, environment };
    return deny(nothing, { reason: 'character-refused', token: bad, message });
  }

  const found = consider(tool, request.argv, directory);
  const considering = { request, rules: found.rules, read: found.read, environment };
  if (found.denied !== null) return denyByRule(considering, found.denied);
  if (found.allowed === null) return deny(considering, found.refusal ?? noRule(request));
  const judged = judgeDirectory(tool, request, directory, found.executesDirectory);
  if (!judged.ok) return deny(considering, { reason: 'cwd-refused', token: judged.token, message: judged.message });
  const content = contentProblem(tool.content.input, request.argv, environment);
  if (content !== null) return deny(considering, { reason: 'content-refused', token: null, message: content });

  const permit: Permit = {
    kind: 'cli',
    tool: tool.name,
    binary: tool.binary,
    argv: request.argv,
    env: environment.env,
    secrets: tool.secrets,
    content: { output: scannerOf(tool.content.output), input: scannerOf(tool.content.input) },
    runAs: tool.runAs,
    cwd: judged.cwd,
    stdin: found.stdin,
    limits: tool.limits,
  };
  const { place, claims } = found.allowed;
  return { verdict: 'allow', reason: null, rule: place, permit, claims, ...considered(considering) };
}

/** What really lies at the two paths of a claim: null where nothing can be found out. */
export interface SeenFile {
  /** The real path of the file; of one that is not there yet, of its nearest directory, with the rest behind it. */
  readonly path: string | null;
  readonly root: string | null;
}

/**
 * Confirms an allow by what the engine sees at its claims, or denies it: a file has to lie in its directory by its real
 * path, and neither in one of `closed` (the gateway's own) nor among the kernel's files. Never throws.
 */
export function confirmFiles(
  decision: Allow,
  look: (claim: FileClaim) => SeenFile,
  closed: readonly string[],
): Decision {
  const holds = (claim: FileClaim): boolean => isGood(look(claim), closed);
  const refused = decision.claims.find((ways) => !ways.some((way) => way.every(holds)));
  const bad = refused?.flat().find((claim) => !holds(claim));
  return bad === undefined ? decision : denyFile(decision, bad, look(bad));
}

function denyFile(decision: Allow, { value, root }: FileClaim, seen: SeenFile): Deny {
  const { tool, read, env, envDropped } = decision;
  const why = `${quoted(value, 80)} leads to ${quoted(seen.path ?? 'nothing that can be seen', 400)}, and should lie below ${quoted(seen.root ?? root, 400)}`;
  // What matched as text does not match where it leads: for the operator, who sees the rules.
  const rules = decision.rules.map((rule) =>
    rule.matched && rule.kind === 'allow' ? { ...rule, matched: false, why } : rule,
  );
  const message = `file ${quoted(value, 80)} is not allowed`;
  const shared = { tool, rules, read, env, envDropped };
  return { verdict: 'deny', reason: 'path-refused', rule: null, token: value, message, ...shared };
}

function isGood({ path, root }: SeenFile, closed: readonly string[]): boolean {
  return (
    path !== null &&
    root !== null &&
    isInside(root, path) &&
    !isKernels(path) &&
    !closed.some((own) => isInside(own, path))
  );
}

function consider(tool: CliTool, argv: readonly string[], directory: WorkingDirectory): Considered {
  if (tool.profile === null) return considerGeneric(tool, argv);
  const places: Places =
    directory.kind === 'opened'
      ? { directory: directory.directory.path, allowed: directory.allowed }
      : { directory: null, allowed: [] };
  return considerProfile(tool.profile, argv, places, tool.stdin === 'stream' ? 'stream' : 'none');
}

/** An argument, name or value that no program could be given as it is. */
function unrepresentable(request: ToolRequest): string | undefined {
  const variables = [...request.env].flat();
  return [...request.argv, ...variables].find((text) => text.includes('\0') || !text.isWellFormed());
}

/**
 * What arguments or variables hold that may not be sent, or null. There is nothing to replace in them: the call is refused
 * whatever the action of the rule, and without a token, which would be what nobody may see.
 */
function contentProblem(
  rules: readonly ContentRule[],
  argv: readonly string[],
  { env, passed }: BuiltEnvironment,
): string | null {
  if (rules.length === 0) return null;
  const argument = firstContent(rules, argv);
  if (argument !== null) return `an argument holds what may not be sent: ${argument}`;
  // Only what passes: a variable that is dropped is not sent.
  const variables = passed.flatMap((name) => [name, env.get(name) ?? '']);
  const variable = firstContent(rules, variables);
  return variable === null ? null : `a variable holds what may not be sent: ${variable}`;
}

/** The name of the rule that finds something first. */
function firstContent(rules: readonly ContentRule[], texts: readonly string[]): string | null {
  for (const text of texts) {
    const found = findContent(rules, text);
    if (found !== null) return found.name;
  }
  return null;
}

interface Fault {
  readonly reason: DenyReason;
  readonly token: string | null;
  readonly message: string;
}

function noRule({ argv }: ToolRequest): Fault {
  return { reason: 'no-rule', token: argv[0] ?? null, message: 'no rule allows these arguments' };
}

function denyByRule(considering: Considering, { place, token }: NonNullable<Considered['denied']>): Deny {
  const option = token?.startsWith('-') === true ? visible(token.split('=', 1)[0] ?? '', 80) : undefined;
  const message = option === undefined ? 'these arguments are denied' : `option ${option} is denied`;
  return { ...deny(considering, { reason: 'rule-denies', token, message }), rule: place };
}

function denyUnknown(request: ToolRequest): Deny {
  const environment = { passed: [], dropped: request.env.size };
  const message = 'there is no such tool for this client';
  const nothing = { request, rules: [], read: null, environment };
  return deny(nothing, { reason: 'no-such-tool', token: request.tool, message });
}

/** Whoever has the tool may know what it is. */
function denyForwarded(request: ToolRequest): Deny {
  const environment = { passed: [], dropped: request.env.size };
  const message = 'this tool is a server and takes no arguments; reach it by forwarding (ssh -L)';
  return deny({ request, rules: [], read: null, environment }, { reason: 'no-rule', token: null, message });
}

function deny(considering: Considering, fault: Fault): Deny {
  return {
    verdict: 'deny',
    reason: fault.reason,
    rule: null,
    token: fault.token,
    // Put together when it is read, which it is not where a policy's tests are run.
    get message() {
      return fault.message;
    },
    ...considered(considering),
  };
}

function considered({
  request,
  rules,
  read,
  environment,
}: Considering): Pick<Allow, 'tool' | 'rules' | 'read' | 'env' | 'envDropped'> {
  return { tool: request.tool, rules, read, env: environment.passed, envDropped: environment.dropped };
}
