/** `carapace policy profiles`: what is known of tools' options. All profiles in tables, or one of them as a tree. */
import { builtInProfileNames, loadProfiles } from '../engine/profile-files.ts';
import { CarapaceError } from '../model/error.ts';
import { didYouMean, formatProblem, type Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { countProfile } from '../policy/profile/count.ts';
import type { Profile } from '../policy/profile/profile.ts';
import { resolveDirectory } from './directory.ts';
import { readProfileFolder } from './policy-files.ts';
import { commandJson, type GoodProfile, profileJson, profileTables, profileTree } from './profile-text.ts';
import { EXIT, print, printJson, reportError } from './report.ts';

export interface PolicyProfilesOptions {
  /** Default: all of them. */
  readonly name?: string;
  /** Where the operator's own profiles are. Default: as for every command, and none where there is no directory. */
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Runs the command: 0, or 65 where a profile that was to be shown cannot be used.
 *
 * @throws CarapaceError `no-such-profile`; `configuration` where `dir` is no directory
 */
export async function run({ name, dir, json = false }: PolicyProfilesOptions): Promise<number> {
  const known = findProfiles(dir);
  if (name !== undefined) return showOne(known, name, json);
  const profiles = [...known.values()];
  const good = profiles.flatMap(goodOf);
  if (json) printJson({ profiles: good.map(profileJson), problems: profiles.flatMap(problemsOf).map(formatProblem) });
  else print(profileTables(good));
  return reportProblems(profiles.flatMap(problemsOf));
}

/** A profile that policies may name. */
interface Known {
  readonly name: string;
  /** The operator's own file; null: it comes with Carapace. */
  readonly file: string | null;
  /** True: the operator's own stands in the place of one that comes with Carapace. */
  readonly overrides: boolean;
  readonly found:
    | { readonly ok: true; readonly profile: Profile }
    | { readonly ok: false; readonly problems: readonly Problem[] };
}

function findProfiles(dir: string | undefined): ReadonlyMap<string, Known> {
  const directory = policiesDirectory(dir);
  const folder = directory === undefined ? null : readProfileFolder(directory);
  const loaded = loadProfiles(folder);
  const own = new Map(folder?.files.map(({ name, label }) => [name.replace(/\.yaml$/, ''), label]));
  const builtIn = new Set(builtInProfileNames());
  const names = [...new Set([...builtIn, ...own.keys()])].toSorted();
  const problems = folder?.missing === true ? [] : (folder?.problems ?? []);
  return new Map(
    names.map((name): [string, Known] => {
      // An own file that could not be read has its problem in the folder, and is not replaced by the built-in one.
      const unread = problems.filter(({ place }) => place.file === own.get(name));
      const found = unread.length > 0 ? undefined : loaded.find(name);
      const file = own.get(name) ?? null;
      return [
        name,
        { name, file, overrides: file !== null && builtIn.has(name), found: found ?? { ok: false, problems: unread } },
      ];
    }),
  );
}

/** Undefined where there is none and none was named: the built-in profiles are worth a look before one is made. */
function policiesDirectory(dir: string | undefined): string | undefined {
  try {
    return resolveDirectory(dir).policiesDirectory;
  } catch (thrown) {
    if (dir === undefined && thrown instanceof CarapaceError) return undefined;
    throw thrown;
  }
}

function goodOf({ file, overrides, found }: Known): GoodProfile[] {
  return found.ok ? [{ file, overrides, profile: found.profile, counts: countProfile(found.profile) }] : [];
}

function problemsOf({ found }: Known): readonly Problem[] {
  return found.ok ? [] : found.problems;
}

function showOne(known: ReadonlyMap<string, Known>, name: string, json: boolean): number {
  const wanted = known.get(name);
  if (wanted === undefined) {
    const message = `profile: ${quoted(name)} does not exist${didYouMean(name, known.keys())}`;
    throw new CarapaceError('no-such-profile', message, { hint: 'run: carapace policy profiles' });
  }
  for (const good of goodOf(wanted)) {
    if (json) printJson({ ...profileJson(good), commands: commandJson(good.profile) });
    else print(profileTree(good));
  }
  return reportProblems(problemsOf(wanted));
}

function reportProblems(problems: readonly Problem[]): number {
  for (const problem of problems) reportError(formatProblem(problem));
  return problems.length === 0 ? EXIT.ok : EXIT.badData;
}
