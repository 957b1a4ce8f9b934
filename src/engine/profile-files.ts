/**
 * Where profiles are read: those that come with Carapace, each when a policy first uses it, and the operator's own in
 * `policies/profiles/`, which win over those of the same name.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { messageOf } from '../model/error.ts';
import type { Problem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import type { FoundProfile, Profiles } from '../policy/load.ts';
import { readBuilt } from '../policy/profile/built-profile.ts';
import { buildProfile, loadProfile } from '../policy/profile/load-profile.ts';
import type { Folder } from './store-folder.ts';

const ENDING = '.yaml';
const BUILT_IN = new URL('../profiles/', import.meta.url);
const builtIn = new Map<string, FoundProfile | undefined>();

/** True for a file of `policies/profiles/` that holds a profile: `NAME.yaml`. */
export function isProfileFile(name: string): boolean {
  return /^[a-z][a-z0-9._-]{0,63}\.yaml$/.test(name);
}

/** The operator's profiles, all read, and those that come with Carapace behind them. */
export interface LoadedProfiles extends Profiles {
  readonly problems: readonly Problem[];
}

/** Reads the operator's profiles of a folder; null: there are none. Never throws. */
export function loadProfiles(folder: Folder | null): LoadedProfiles {
  const own = new Map<string, FoundProfile>();
  for (const { name, label, text } of folder?.files ?? []) {
    const profile = name.slice(0, -ENDING.length);
    // One that cannot be read is still in the place of the one that comes with Carapace; the folder's problems say why.
    own.set(profile, text === null ? { ok: false, problems: [] } : loadOwn(profile, label, text));
  }
  const problems = [...own.values()].flatMap((found) => (found.ok ? [] : found.problems));
  return {
    problems: [...(folder?.missing === true ? [] : (folder?.problems ?? [])), ...problems],
    find: (name) => own.get(name) ?? findBuiltIn(name),
  };
}

/** Names of the profiles that come with Carapace, sorted. */
export function builtInProfileNames(): string[] {
  return readdirSync(BUILT_IN)
    .map((name) => name.replace(/\.(?:jsonl|yaml)$/, ''))
    .sort();
}

/** Calls of a tool that are known as attacks, as the build collected them; none in a checkout that is not built. */
export function knownAttacks(name: string): string[][] {
  const file = new URL(`../attacks/${name}.json`, import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[][]) : [];
}

function loadOwn(name: string, file: string, text: string): FoundProfile {
  try {
    return loadProfile({ name, file, text });
  } catch (error) {
    // fail safe: a defect of ours while loading is one more reason not to use the file.
    return { ok: false, problems: [{ ...defect(error), place: { file, line: 1, column: 1 } }] };
  }
}

function findBuiltIn(name: string): FoundProfile | undefined {
  if (!builtIn.has(name)) builtIn.set(name, readBuiltIn(name));
  return builtIn.get(name);
}

/** As the build left it: checked, and quick to read. In a checkout that is not built, the file that it is made from. */
function readBuiltIn(name: string): FoundProfile | undefined {
  const built = new URL(`${name}.jsonl`, BUILT_IN);
  const written = new URL(`${name}${ENDING}`, BUILT_IN);
  const file = `built-in profile ${name}`;
  try {
    if (existsSync(built)) {
      const { digest, source } = readBuilt(readFileSync(built, 'utf8'));
      return { ok: true, profile: buildProfile(source, { name, file, digest }) };
    }
    return existsSync(written) ? loadProfile({ name, file, text: readFileSync(written, 'utf8') }) : undefined;
  } catch (error) {
    return { ok: false, problems: [{ ...defect(error), place: { file, line: 1, column: 1 } }] };
  }
}

function defect(error: unknown): Omit<Problem, 'place'> {
  return { severity: 'error', path: '', message: `cannot be loaded: ${visible(messageOf(error))}` };
}
