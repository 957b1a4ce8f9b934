/**
 * `carapace policy learn`: proposes the narrowest patterns that would allow what was denied. A tool with few allow
 * patterns, or none, denies what it does not know and records it: that is all there is to a learning mode.
 */
import { decideRequest } from '../engine/decide-request.ts';
import { CarapaceError } from '../model/error.ts';
import { formatProblem, hasErrors } from '../model/problem.ts';
import type { CliTool } from '../policy/policy.ts';
import { type Decide, proposePatterns } from '../policy/learn/propose.ts';
import { parseAuditOptions } from './audit-query.ts';
import { type Directory, ownDirectories, resolveDirectory } from './directory.ts';
import { type DeniedCall, type DeniedCalls, readDeniedCalls, readRequests } from './learn-calls.ts';
import { learnedJson, learnedText, type LearnedTool, type UnknownTool } from './learn-text.ts';
import { findTools, type FindTool } from './learn-tools.ts';
import { compilePolicies, readPolicyFolder } from './policy-files.ts';
import { EXIT, print, printJson, reportError, reportWarning } from './report.ts';

export interface PolicyLearnOptions {
  /** Policy files whose tools are taken together, as for one key. Default: all of the directory, each client by its own. */
  readonly policy?: readonly string[];
  readonly dir?: string;
  readonly tool?: string;
  readonly client?: string;
  /** As `carapace audit` takes it. */
  readonly since?: string;
  /** Read requests from stdin, one a line, in the place of the audit log. */
  readonly stdin?: boolean;
  readonly json?: boolean;
}

/**
 * Runs the command: 0, whatever was found; 65 where a policy does not load. Nothing is written.
 *
 * @throws CarapaceError `usage`, `bad-data` for a file that cannot be read, `unreachable` where there is no audit log,
 * `configuration` where there is no directory
 */
export async function run(options: PolicyLearnOptions): Promise<number> {
  const { policy = [], dir } = options;
  checkUsage(options);
  const isAlone = options.stdin === true && policy.length > 0 && dir === undefined;
  const directory = isAlone ? null : resolveDirectory(dir);
  const compiled = compilePolicies(readPolicyFolder(policy, dir));
  const found = compiled.ok ? findTools(compiled.policies, policy.length > 0 ? null : directory) : compiled;
  if (!found.ok) {
    for (const problem of found.problems) if (hasErrors([problem])) reportError(formatProblem(problem));
    return EXIT.badData;
  }
  const denied = await deniedCalls(options, directory);
  const learnt = learn(denied.calls, found.find, directory);
  warnOfSkipped(denied);
  printLearnt(learnt, options.json === true);
  return EXIT.ok;
}

function checkUsage({ stdin, client, since }: PolicyLearnOptions): void {
  if (stdin !== true || (client === undefined && since === undefined)) return;
  const message = 'policy learn: --client and --since choose audit records, and --stdin reads none';
  throw new CarapaceError('usage', message, { hint: 'leave out either --stdin or the others' });
}

function deniedCalls(options: PolicyLearnOptions, directory: Directory | null): Promise<DeniedCalls> {
  if (options.stdin === true || directory === null) return readRequests(process.stdin, options.tool);
  const { stdin: _stdin, policy: _policy, ...wanted } = options;
  const { filter } = parseAuditOptions({ ...wanted, result: 'deny' }, Date.now());
  return readDeniedCalls(directory.auditFile, filter);
}

interface Learnt {
  readonly tools: readonly LearnedTool[];
  readonly unknown: readonly UnknownTool[];
}

function learn(calls: readonly DeniedCall[], find: FindTool, directory: Directory | null): Learnt {
  const byTool = new Map<CliTool, DeniedCall[]>();
  const unknown = new Map<string, number>();
  for (const call of calls) {
    const tool = find(call);
    if (tool === undefined) unknown.set(call.tool, (unknown.get(call.tool) ?? 0) + call.times);
    else byTool.set(tool, [...(byTool.get(tool) ?? []), call]);
  }
  const closed = directory === null ? [] : ownDirectories(directory);
  const decide: Decide = (tool, { argv, cwd }) =>
    decideRequest(new Map([[tool.name, tool]]), { tool: tool.name, argv, env: new Map(), cwd }, closed);
  return {
    tools: Array.from(byTool, ([tool, its]) => ({ tool, learned: proposePatterns(tool, its, decide) })),
    unknown: Array.from(unknown, ([tool, times]) => ({ tool, times })),
  };
}

function printLearnt({ tools, unknown }: Learnt, json: boolean): void {
  if (json) printJson(learnedJson(tools, unknown));
  else if (tools.length + unknown.length === 0) process.stderr.write('carapace: no denied call matches\n');
  else print(learnedText(tools, unknown));
}

function warnOfSkipped({ withoutArguments, counted, malformed }: DeniedCalls): void {
  if (withoutArguments > 0)
    reportWarning(
      `audit log: ${withoutArguments} of the denied calls are recorded without all of their arguments`,
      'nothing is learned of what is too long, or of tools with audit.log_argv: false',
    );
  if (counted > 0)
    reportWarning(
      `audit log: ${counted} denials were counted and not recorded, because there were too many at once`,
      'let the client try again, more slowly',
    );
  if (malformed > 0) reportWarning(`standard input: ${malformed} of the lines are no requests`);
}
