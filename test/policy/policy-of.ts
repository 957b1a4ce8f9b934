/** Policies for tests, from their parts. */
import { loadProfiles } from '../../src/engine/profile-files.ts';
import { openRequestedDirectory } from '../../src/engine/working-directory.ts';
import type { Decision } from '../../src/model/decision.ts';
import { formatProblem } from '../../src/model/problem.ts';
import { decideTool } from '../../src/policy/decide.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { type CliTool, cliTools, type Policy } from '../../src/policy/policy.ts';

export interface ToolParts {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  /** Further keys of the tool, as a policy writes them. */
  readonly [key: string]: unknown;
}

/** A policy with one tool, written as YAML (which JSON is). */
export function policyText(name: string, { allow = [], deny = [], ...rest }: ToolParts): string {
  const tool = { type: 'cli', binary: '/usr/bin/true', argv_allow_patterns: allow, argv_deny_patterns: deny, ...rest };
  return JSON.stringify({ tools: { [name]: tool } }, null, 1);
}

/** Loads a policy that must be good. */
export function goodPolicy(text: string): Policy {
  const loaded = loadPolicy({ name: 'test', file: 'test.yaml', text, profiles: loadProfiles(null) });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.policy;
}

/** The problems of a policy that must not load, as they are printed. */
export function problemsIn(text: string): string[] {
  const loaded = loadPolicy({ name: 'test', file: 'test.yaml', text, profiles: loadProfiles(null) });
  if (loaded.ok) throw new Error('the policy loads');
  return loaded.problems.map(formatProblem);
}

/** A tool called `tool`. */
export function toolOf(parts: ToolParts): CliTool {
  const tool = cliTools(goodPolicy(policyText('tool', parts)).tools).get('tool');
  if (tool === undefined) throw new Error('no tool');
  return tool;
}

export interface Call {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Decides a call of a tool with these parts, opening its directory as the engine does. */
export function decideCall(parts: ToolParts, argv: readonly string[], { env = {}, cwd }: Call = {}): Decision {
  const tools = goodPolicy(policyText('tool', parts)).tools;
  const request = { tool: 'tool', argv, env: new Map(Object.entries(env)), cwd };
  return decideTool(tools, request, openRequestedDirectory(tools.get('tool'), request));
}

/** `allow`, or the reason of the denial. */
export function verdictOf(parts: ToolParts, argv: readonly string[], call: Call = {}): string {
  return decideCall(parts, argv, call).reason ?? 'allow';
}
