/**
 * From a policy file's text to a policy. Everything is checked and compiled here, once; all problems are reported
 * together, each with its place. Reading the file is the caller's work.
 */
import { createHash } from 'node:crypto';
import { compareProblems, hasErrors, type Problem } from '../model/problem.ts';
import { isToolName } from '../model/request.ts';
import { quoted } from '../model/visible.ts';
import { compileTool } from './compile-tool.ts';
import { compileHttpTool } from './http/compile-http.ts';
import { lintHttpTool } from './http/lint-http.ts';
import { parsePolicyDocument, type PolicyDocument } from './document.ts';
import { lintPolicy } from './lint.ts';
import { cliTools, type Policy, type Tool } from './policy.ts';
import { runPolicyTests } from './policy-tests.ts';
import { compileOptions, NO_RULES, type OptionRules } from './profile/option-rules.ts';
import type { Profile } from './profile/profile.ts';
import { errorAt, errorAtKey, problemsOf } from './problems.ts';
import { type CliToolSource, knownKeysAt, policySchema } from './schema.ts';

/** A policy file, read. */
export interface PolicyFile {
  /** The file's name without `.yaml`. */
  readonly name: string;
  /** As places and messages shall name it. */
  readonly file: string;
  readonly text: string;
  /** Name of the OS user that the tools run as: their USER and LOGNAME. Default: `carapace`. */
  readonly user?: string;
  readonly profiles: Profiles;
}

/** The profiles that a policy may refer to. */
export interface Profiles {
  /** Undefined: there is none of that name. Problems: there is one, and it cannot be used. Never throws. */
  readonly find: (name: string) => FoundProfile | undefined;
}

export type FoundProfile =
  | { readonly ok: true; readonly profile: Profile }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export type LoadedPolicy =
  | { readonly ok: true; readonly policy: Policy }
  /** Errors, and the warnings found beside them, by position. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Compiles a policy and runs its `tests`: one that fails is an error like any other. Never throws for what a file says. */
export function loadPolicy(source: PolicyFile): LoadedPolicy {
  const compiled = compilePolicy(source);
  if (!compiled.ok) return compiled;
  const failures = runPolicyTests(compiled.policy).flatMap(({ problem }) => problem ?? []);
  if (failures.length === 0) return compiled;
  return { ok: false, problems: [...compiled.policy.warnings, ...failures].sort(compareProblems) };
}

/** The same without running its `tests`, for those who run them to see each. Never throws for what a file says. */
export function compilePolicy({ name, file, text, user = 'carapace', profiles }: PolicyFile): LoadedPolicy {
  const document = parsePolicyDocument(text, file);
  const problems = [...document.problems];
  if (document.value === undefined) return { ok: false, problems: problems.sort(compareProblems) };
  problems.push(...toolNameProblems(document));
  const parsed = policySchema.safeParse(document.value);
  if (!parsed.success) {
    problems.push(
      ...parsed.error.issues.flatMap((issue) => problemsOf(issue, document, knownKeysAt(issue.path, document.value))),
    );
    return { ok: false, problems: problems.sort(compareProblems) };
  }

  const tools = new Map<string, Tool>();
  for (const [toolName, tool] of Object.entries(parsed.data.tools)) {
    if (tool.type === 'http') {
      const compiled = compileHttpTool(toolName, tool, document);
      problems.push(...lintHttpTool(compiled, tool, document));
      tools.set(toolName, compiled);
      continue;
    }
    const profile = profileOf(toolName, tool, document, profiles);
    const options = optionsOf(toolName, tool, document, profile.profile);
    problems.push(...profile.problems, ...options.problems);
    const context = { document, user, profile: profile.profile, options: options.rules };
    tools.set(toolName, compileTool(toolName, tool, context));
  }
  problems.push(...lintPolicy(cliTools(tools), parsed.data, document));
  problems.sort(compareProblems);
  if (hasErrors(problems)) return { ok: false, problems };
  const digest = createHash('sha256').update(text).digest('hex');
  return { ok: true, policy: { name, file, digest, tools, warnings: problems } };
}

interface FoundProfileOf {
  readonly profile: Profile | null;
  readonly problems: readonly Problem[];
}

function profileOf(name: string, source: CliToolSource, document: PolicyDocument, profiles: Profiles): FoundProfileOf {
  const wanted = source.profile ?? name;
  if (wanted === 'none') return { profile: null, problems: [] };
  const found = profiles.find(wanted);
  if (found === undefined && source.profile === undefined) return { profile: null, problems: [] };
  if (found?.ok === true) return { profile: found.profile, problems: [] };
  const message =
    found === undefined
      ? `there is no profile ${quoted(wanted, 80)}; 'carapace policy profiles' lists those there are`
      : `profile ${quoted(wanted, 80)} cannot be used: ${found.problems[0]?.message ?? 'it cannot be read'}`;
  const problem = errorAt(document, ['tools', name, 'profile'], message);
  return { profile: null, problems: [problem] };
}

interface FoundOptions {
  readonly rules: OptionRules;
  readonly problems: readonly Problem[];
}

function optionsOf(
  name: string,
  source: CliToolSource,
  document: PolicyDocument,
  profile: Profile | null,
): FoundOptions {
  const compiled = compileOptions(source.options ?? {}, profile);
  if (compiled.ok) return { rules: compiled.rules, problems: [] };
  const problems = compiled.problems.map((problem) =>
    errorAt(document, ['tools', name, 'options', problem.name], problem.message),
  );
  return { rules: NO_RULES, problems };
}

/** Asked of the file itself and not of what the schema made of it, so that no name is skipped on the way. */
function toolNameProblems(document: PolicyDocument): Problem[] {
  return document
    .keysOf('tools')
    .filter((name) => !isToolName(name))
    .map((name) =>
      errorAtKey(
        document,
        ['tools', name],
        `${quoted(name, 80)} is no name for a tool; expected a-z, then at most 63 of a-z 0-9 . _ -, and no built-in word`,
      ),
    );
}
