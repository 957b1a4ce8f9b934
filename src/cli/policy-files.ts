/** The policy files that a command was given, or all of the gateway's directory. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isProfileFile, loadProfiles } from '../engine/profile-files.ts';
import { type Folder, type FolderFile, readFolder } from '../engine/store-folder.ts';
import { isPolicyFile } from '../engine/store-policies.ts';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { formatProblem, hasErrors, type Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { compilePolicy } from '../policy/load.ts';
import type { Policy } from '../policy/policy.ts';
import { resolveDirectory } from './directory.ts';
import { paintFor } from './report.ts';

const ENDING = '.yaml';

/**
 * Reads `files`, or where there are none, `policies/` of the directory, as the gateway does.
 *
 * @throws CarapaceError `bad-data` for a file that cannot be read, `configuration` where there is no directory
 */
export function readPolicyFolder(files: readonly string[], dir: string | undefined): PolicyFolder {
  const [first] = files;
  if (first === undefined) {
    const { policiesDirectory } = resolveDirectory(dir);
    return { ...readFolder(policiesDirectory, isPolicyFile), profiles: readProfileFolder(policiesDirectory) };
  }
  const profiles = readProfileFolder(dirname(first));
  return {
    label: 'policies',
    files: files.map(readFile),
    others: [],
    problems: [],
    missing: false,
    digest: '',
    profiles,
  };
}

/** A folder of policies, and the operator's own profiles in it. */
export interface PolicyFolder extends Folder {
  readonly profiles: Folder;
}

/** Reads the operator's own profiles, which lie beside the policies. Never throws: what is wrong is in the folder. */
export function readProfileFolder(policiesDirectory: string): Folder {
  return readFolder(join(policiesDirectory, 'profiles'), isProfileFile);
}

function readFile(path: string): FolderFile {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    const digest = createHash('sha256').update(text).digest('hex');
    return { name: basename(path, ENDING) + ENDING, label: path, text, digest };
  } catch (thrown) {
    const why =
      thrown instanceof TypeError ? 'is not UTF-8' : `cannot be read: ${errnoOf(thrown) ?? messageOf(thrown)}`;
    throw new CarapaceError('bad-data', `policy: ${quoted(path, 4096)} ${why}`, {
      hint: 'name a policy file by its path; where none is named, all of the directory are read',
    });
  }
}

/** Policies without their tests having been run, or what is wrong with any of them. */
export type CompiledPolicies =
  | { readonly ok: true; readonly policies: readonly Policy[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Compiles every file of a folder: all or none. */
export function compilePolicies(folder: PolicyFolder): CompiledPolicies {
  const profiles = loadProfiles(folder.profiles);
  const problems: Problem[] = [...folder.problems, ...profiles.problems];
  const policies: Policy[] = [];
  for (const { name, label, text } of folder.files) {
    if (text === null) continue;
    const compiled = compilePolicy({ name: name.slice(0, -ENDING.length), file: label, text, profiles });
    if (compiled.ok) policies.push(compiled.policy);
    else problems.push(...compiled.problems);
  }
  return hasErrors(problems) ? { ok: false, problems } : { ok: true, policies };
}

/** A problem on one line, its place first, so that terminals and editors can jump there. */
export function problemLine(problem: Problem): string {
  const line = formatProblem(problem);
  if (problem.severity === 'error') return line;
  return `${line} ${paintFor(process.stdout, 'yellow', '(warning)')}`;
}

/** A problem as `--json` prints it. */
export function problemJson({ severity, place, path, message }: Problem): Record<string, unknown> {
  return { severity, file: place.file, line: place.line, column: place.column, path, message };
}
