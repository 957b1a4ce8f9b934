/**
 * From a policy file's text to a policy. Everything is checked and compiled here, once; all problems are reported
 * together, each with its place. Reading the file is the caller's work.
 */
import { createHash } from 'node:crypto';
import { compareProblems, hasErrors, type Problem } from '../model/problem.ts';
import { isToolName } from '../model/request.ts';
import { quoted } from '../model/visible.ts';
import { compileTool } from './compile-tool.ts';
import { parsePolicyDocument, type PolicyDocument } from './document.ts';
import { lintPolicy } from './lint.ts';
import type { CliTool, Policy } from './policy.ts';
import { runPolicyTests } from './policy-tests.ts';
import { errorAtKey, problemsOf } from './problems.ts';
import { knownKeysAt, policySchema } from './schema.ts';

/** A policy file, read. */
export interface PolicyFile {
  /** The file's name without `.yaml`. */
  readonly name: string;
  /** As places and messages shall name it. */
  readonly file: string;
  readonly text: string;
  /** Name of the OS user that the tools run as: their USER and LOGNAME. Default: `carapace`. */
  readonly user?: string;
}

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
export function compilePolicy({ name, file, text, user = 'carapace' }: PolicyFile): LoadedPolicy {
  const document = parsePolicyDocument(text, file);
  const problems = [...document.problems];
  if (document.value === undefined) return { ok: false, problems: problems.sort(compareProblems) };
  problems.push(...toolNameProblems(document));
  const parsed = policySchema.safeParse(document.value);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, document, knownKeysAt(issue.path))));
    return { ok: false, problems: problems.sort(compareProblems) };
  }

  const tools = new Map<string, CliTool>();
  for (const [toolName, tool] of Object.entries(parsed.data.tools)) {
    tools.set(toolName, compileTool(toolName, tool, document, user));
  }
  problems.push(...lintPolicy(tools, parsed.data, document));
  problems.sort(compareProblems);
  if (hasErrors(problems)) return { ok: false, problems };
  const digest = createHash('sha256').update(text).digest('hex');
  return { ok: true, policy: { name, file, digest, tools, warnings: problems } };
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
