/**
 * Policies, from `policies/*.yaml`: all of them or none, so that no half of a change is ever in force.
 */
import { isPolicyName } from '../identity/forced-command.ts';
import { messageOf } from '../model/error.ts';
import type { Problem } from '../model/problem.ts';
import { hasErrors } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import type { PolicyFile } from '../policy/load.ts';
import { loadPolicy } from '../policy/load.ts';
import { type CliTool, cliTools, type Policy } from '../policy/policy.ts';
import { userInfo } from 'node:os';
import { inspectBinary } from './binary.ts';
import { loadProfiles } from './profile-files.ts';
import type { Folder } from './store-folder.ts';

/** The policies of one moment, all good. */
export interface PolicySet {
  /** By name. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** Digest and label of each file, as `sha256sum` prints them. */
  readonly digests: readonly string[];
}

export interface LoadedPolicies {
  /** Undefined where anything is wrong with any of them. */
  readonly set: PolicySet | undefined;
  /** Errors and warnings of all files. */
  readonly problems: readonly Problem[];
}

const ENDING = '.yaml';

/** True for a file of `policies/` that holds a policy: `NAME.yaml`. */
export function isPolicyFile(name: string): boolean {
  return name.endsWith(ENDING) && isPolicyName(name.slice(0, -ENDING.length));
}

/**
 * Loads policies with the operator's own profiles, runs the tests that they hold, and looks at the programs that they name. Programs that are missing are
 * a warning (they may come), and so are interpreters; one that others could replace is an error. Never throws.
 */
export function loadPolicies(folder: Folder, ownProfiles: Folder | null): LoadedPolicies {
  const profiles = loadProfiles(ownProfiles);
  const problems: Problem[] = [...folder.problems, ...problemsOfNames(folder), ...profiles.problems];
  const policies = new Map<string, Policy>();
  const user = ownUserName();
  for (const file of folder.files) {
    if (file.text === null) continue;
    const name = file.name.slice(0, -ENDING.length);
    const loaded = loadOne({ name, file: file.label, text: file.text, user, profiles });
    problems.push(...loaded.problems);
    if (loaded.policy !== undefined) policies.set(name, loaded.policy);
  }
  if (hasErrors(problems)) return { set: undefined, problems };
  const digests = folder.files.map((file) => `${file.digest}  ${file.label}`);
  return { set: { policies, digests: [...digests, ...profileDigests(policies)] }, problems };
}

/** What is known of tools decides with the policies: each profile in use counts. */
function profileDigests(policies: ReadonlyMap<string, Policy>): string[] {
  const used = [...policies.values()].flatMap(({ tools }) =>
    [...cliTools(tools).values()].flatMap(({ profile }) => profile?.profile ?? []),
  );
  return Array.from(new Set(used), ({ digest, file }) => `${digest}  ${file}`).sort();
}

function loadOne(source: PolicyFile): { readonly policy?: Policy; readonly problems: readonly Problem[] } {
  try {
    const loaded = loadPolicy(source);
    if (!loaded.ok) return loaded;
    const { policy } = loaded;
    return {
      policy,
      problems: [...policy.warnings, ...[...cliTools(policy.tools).values()].flatMap(problemsOfBinary)],
    };
  } catch (error) {
    // fail safe: a defect of ours while loading is one more reason not to use the file.
    return { problems: [problem(source.file, `cannot be loaded: ${visible(messageOf(error))}`, 'error')] };
  }
}

function problemsOfBinary(tool: CliTool): Problem[] {
  const found = inspectBinary(tool.binary, { uid: process.getuid?.() ?? 0 });
  if (found.kind === 'ok') return [];
  const severity = found.kind === 'insecure' ? 'error' : 'warning';
  const what =
    found.kind === 'interpreter'
      ? `is ${found.name}, which runs whatever its arguments say: whoever may use it may do anything`
      : found.why;
  const message = `${visible(tool.binary, 4096)}: ${what}`;
  return [{ severity, place: tool.binaryPlace, path: `tools.${tool.name}.binary`, message }];
}

function problemsOfNames(folder: Folder): Problem[] {
  if (folder.missing)
    return [problem(folder.label, 'does not exist; make the directory and put policies in it', 'error')];
  const misnamed = folder.others.filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'));
  return misnamed.map((name) =>
    problem(`${folder.label}/${name}`, 'is not read: expected a name of the form NAME.yaml', 'warning'),
  );
}

/** Tools run as the gateway's own user in this version; a user without an entry in passwd(5) has no name. */
function ownUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'carapace';
  }
}

function problem(file: string, message: string, severity: Problem['severity']): Problem {
  return { severity, place: { file, line: 1, column: 1 }, path: '', message };
}
