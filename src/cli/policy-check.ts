/**
 * `carapace policy check`: loads policies as the gateway would, tests and programs included, and says what is wrong, and
 * which profile each tool is read with.
 */
import { loadProfiles } from '../engine/profile-files.ts';
import { loadPolicies } from '../engine/store-policies.ts';
import { readSnapshot } from '../engine/store.ts';
import { compareProblems, hasErrors, type Problem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import { lintReach } from '../policy/lint.ts';
import { compilePolicy } from '../policy/load.ts';
import { type CliTool, cliTools } from '../policy/policy.ts';
import { resolveDirectory } from './directory.ts';
import { type PolicyFolder, problemJson, problemLine, readPolicyFolder } from './policy-files.ts';
import { EXIT, paintFor, print, printJson } from './report.ts';

export interface PolicyCheckOptions {
  /** Empty: all of the directory. */
  readonly files: readonly string[];
  readonly dir?: string;
  /** Fail on warnings too. */
  readonly strict?: boolean;
  readonly json?: boolean;
}

/**
 * Runs the command: 0 where every policy loads, else 1. All of a directory is checked with the keys that use it.
 *
 * @throws CarapaceError `bad-data` for a file that cannot be read, `configuration` where there is no directory
 */
export async function run({ files, dir, strict = false, json = false }: PolicyCheckOptions): Promise<number> {
  const folder = readPolicyFolder(files, dir);
  const { problems: found, set } = loadPolicies(folder, folder.profiles);
  const ofReach = set === undefined ? [] : [...set.policies.values()].flatMap(lintReach);
  const ofKeys = files.length > 0 || hasErrors(found) ? [] : problemsOfKeys(dir);
  const problems = [...found, ...ofReach, ...ofKeys].toSorted(compareProblems);
  const ok = !hasErrors(problems) && !(strict && problems.length > 0);
  const uses = profileUses(folder);
  if (json) {
    const files = folder.files.map(({ label }) => label);
    printJson({ ok, files, problems: problems.map(problemJson), profiles: uses.map(useJson) });
  } else printText(folder.files.length, problems, uses);
  return ok ? EXIT.ok : EXIT.no;
}

function printText(files: number, problems: readonly Problem[], uses: readonly ProfileUse[]): void {
  for (const use of uses) print(paintFor(process.stdout, 'dim', useLine(use)));
  for (const problem of problems) print(problemLine(problem));
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  print(summary(files, errors, problems.length - errors));
}

/** Keys that are of no use, such as one whose two policies both have a tool. Asked where the policies have no error of their own. */
function problemsOfKeys(dir: string | undefined): Problem[] {
  return readSnapshot(resolveDirectory(dir)).problems.filter(({ severity }) => severity === 'error');
}

function summary(files: number, errors: number, warnings: number): string {
  const found = [counted(errors, 'error'), counted(warnings, 'warning')].filter((count) => !count.startsWith('0 '));
  const checked = `${files} ${files === 1 ? 'policy' : 'policies'} checked`;
  return `${checked}: ${found.length === 0 ? 'nothing wrong' : found.join(', ')}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A tool, and whether its profile is the operator's own. */
interface ProfileUse {
  readonly tool: CliTool;
  readonly own: boolean;
}

/** Of every policy that can be read; its tests may fail, and then the profile is often why. */
function profileUses({ files, profiles: folder }: PolicyFolder): ProfileUse[] {
  const profiles = loadProfiles(folder);
  const own = new Set(folder.files.map(({ name }) => name));
  return files.flatMap(({ name, label, text }) => {
    const compiled = text === null ? undefined : compilePolicy({ name, file: label, text, profiles });
    if (compiled?.ok !== true) return [];
    return Array.from(cliTools(compiled.policy.tools).values(), (tool) => ({
      tool,
      own: own.has(`${tool.profile?.profile.name ?? ''}.yaml`),
    }));
  });
}

/** Not a warning: what a reader of the policy has to know to read its patterns. */
function useLine(use: ProfileUse): string {
  const { file, line, column } = use.tool.place;
  return `${visible(file, 4096)}:${line}:${column}: tools.${use.tool.name}: ${useText(use)}`;
}

function useText({ tool, own }: ProfileUse): string {
  const profile = tool.profile?.profile;
  if (profile === undefined) {
    const said = tool.profileNamed ? " ('profile: none')" : '';
    return `no profile${said}: nothing is known of its options, and arguments are matched word by word`;
  }
  const from = own ? visible(profile.file, 4096) : 'built in';
  const gained = tool.profileNamed ? '' : `, by the tool's name: the policy says no 'profile'`;
  return `profile ${profile.name} (${from}, read for ${visible(profile.versions)})${gained}`;
}

function useJson({ tool, own }: ProfileUse): Record<string, unknown> {
  const { name: toolName, place, profile: used, profileNamed } = tool;
  const { name, versions, file } = used?.profile ?? {};
  const profile = used === null ? null : { name, versions, builtIn: !own, ...(own ? { file } : {}) };
  return { file: place.file, line: place.line, column: place.column, tool: toolName, profile, named: profileNamed };
}
