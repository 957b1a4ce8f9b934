/** `carapace policy check`: loads policies as the gateway would, tests and programs included, and says what is wrong. */
import { loadPolicies } from '../engine/store-policies.ts';
import { readSnapshot } from '../engine/store.ts';
import { compareProblems, hasErrors, type Problem } from '../model/problem.ts';
import { resolveDirectory } from './directory.ts';
import { problemJson, problemLine, readPolicyFolder } from './policy-files.ts';
import { EXIT, print, printJson } from './report.ts';

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
  const { problems: found } = loadPolicies(folder, folder.profiles);
  const ofKeys = files.length > 0 || hasErrors(found) ? [] : problemsOfKeys(dir);
  const problems = [...found, ...ofKeys].toSorted(compareProblems);
  const ok = !hasErrors(problems) && !(strict && problems.length > 0);
  if (json) printJson({ ok, files: folder.files.map(({ label }) => label), problems: problems.map(problemJson) });
  else {
    for (const problem of problems) print(problemLine(problem));
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    print(summary(folder.files.length, errors, problems.length - errors));
  }
  return ok ? EXIT.ok : EXIT.no;
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
