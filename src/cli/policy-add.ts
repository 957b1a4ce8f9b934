/** `carapace policy add`: copies a preset into the directory, fitted to this host, and says what to look at next. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadProfiles } from '../engine/profile-files.ts';
import { checkTrustedDirectory, writeFileAtomically } from '../engine/safe-file.ts';
import { type Folder, readFolder } from '../engine/store-folder.ts';
import { isPolicyFile, loadPolicies } from '../engine/store-policies.ts';
import { isPolicyName } from '../identity/forced-command.ts';
import { CarapaceError, errnoOf } from '../model/error.ts';
import { formatProblem, type Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { compilePolicy } from '../policy/load.ts';
import { cliTools, httpTools, type Policy } from '../policy/policy.ts';
import { findPlaceholders, nameSchema, replaceBinary } from '../policy/preset.ts';
import { type Directory, resolveDirectory } from './directory.ts';
import { findProgram, programDirectories } from './find-program.ts';
import { type Added, addedJson, addedText, presetJson, presetTable } from './policy-add-text.ts';
import { readProfileFolder } from './policy-files.ts';
import { type Preset, presetNames, readPreset, SCHEMA_URL } from './presets.ts';
import { EXIT, print, printJson } from './report.ts';
import { openStoreOf } from './secret-store.ts';

export interface PolicyAddOptions {
  /** Default: none is added, and all are listed. */
  readonly name?: string;
  readonly dir?: string;
  /** The policy's name here; default: the preset's. */
  readonly as?: string;
  /** Write over a policy of that name. */
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Readable by everybody, as the gateway's user need not be the one who runs this command. There is no secret in it. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Runs the command. Everything is checked before anything is written: what the gateway would refuse is not.
 *
 * @throws CarapaceError `no-such-preset`, `policy-exists`, `usage` for a bad name, `bad-data` where the gateway would
 * refuse the policy, `configuration` where there is no directory or it is not to be trusted
 */
export async function run({ name, dir, as, force = false, json = false }: PolicyAddOptions): Promise<number> {
  if (name === undefined) return listPresets(json);
  const preset = readPreset(name);
  const directory = resolveDirectory(dir);
  const target = as ?? name;
  const path = pathOf(directory, target, force);
  const { text, programs, servers } = fit(preset, directory);
  const label = `${basename(directory.policiesDirectory)}/${target}.yaml`;
  const problems = check(directory, { name: `${target}.yaml`, label, text });
  write(directory, path, text, force);
  const placeholders = findPlaceholders(text, label);
  const stored = storedSecrets(directory);
  const added: Added = { preset, name: target, path, label, dir, programs, servers, placeholders, stored, problems };
  if (json) printJson(addedJson(added));
  else print(addedText(added));
  return EXIT.ok;
}

function listPresets(json: boolean): number {
  const presets = presetNames().map(readPreset);
  if (json) printJson({ presets: presets.map(presetJson) });
  else print(presetTable(presets));
  return EXIT.ok;
}

function pathOf(directory: Directory, name: string, force: boolean): string {
  if (!isPolicyName(name)) {
    throw new CarapaceError('usage', `--as: ${quoted(name)} is no name of the form [A-Za-z0-9][A-Za-z0-9._-]{0,63}`);
  }
  const path = join(directory.policiesDirectory, `${name}.yaml`);
  if (force || !existsSync(path)) return path;
  throw new CarapaceError('policy-exists', `policy: ${quoted(path, 4096)} exists already`, {
    hint: '--as NAME adds it under another name; --force replaces what is there',
  });
}

/** The preset's text with the programs of this host in it, and the tools that it has. */
function fit(preset: Preset, directory: Directory): { readonly text: string } & Pick<Added, 'programs' | 'servers'> {
  const profiles = loadProfiles(readProfileFolder(directory.policiesDirectory));
  const file = `preset ${preset.name}`;
  const compiled = compilePolicy({ name: preset.name, file, text: preset.text, profiles });
  if (!compiled.ok) throw refused(preset.name, compiled.problems);
  const directories = programDirectories();
  const programs = Array.from(cliTools(compiled.policy.tools).values(), (tool) => ({
    tool,
    found: findProgram(basename(tool.binary), directories),
  }));
  const fitted = programs.reduce(
    (text, { tool, found }) => replaceBinary(text, tool.binaryPlace, tool.binary, found.path ?? tool.binary),
    preset.text,
  );
  const servers = [...httpTools(compiled.policy.tools).values()];
  const beside = existsSync(join(directory.policiesDirectory, 'policy.schema.json'));
  return { text: beside ? fitted : nameSchema(fitted, SCHEMA_URL), programs, servers };
}

/** Loads all of the directory with the new file in it, as the gateway will. Returns what is to be said of any file. */
function check(
  directory: Directory,
  file: { readonly name: string; readonly label: string; readonly text: string },
): readonly Problem[] {
  const digest = createHash('sha256').update(file.text).digest('hex');
  const folder = readFolder(directory.policiesDirectory, isPolicyFile);
  const others = folder.files.filter(({ name }) => name !== file.name);
  const whole: Folder = { ...folder, missing: false, files: [...others, { ...file, digest }] };
  const { problems, set } = loadPolicies(whole, readProfileFolder(directory.policiesDirectory));
  const own = problems.filter(({ place }) => place.file === file.label);
  if (own.some(({ severity }) => severity === 'error')) throw refused(file.label, own);
  const elsewhere = problems.filter(({ severity, place }) => severity === 'error' && place.file !== file.label);
  return [...own, ...toolsElsewhere([...(set?.policies.values() ?? [])], file.label), ...elsewhere];
}

/** Tools that another policy has too: no key can have both policies. */
function toolsElsewhere(policies: readonly Policy[], file: string): Problem[] {
  const added = policies.find((policy) => policy.file === file);
  const others = policies.filter((policy) => policy !== added);
  return Array.from(added?.tools.values() ?? []).flatMap(({ name, place }) =>
    others.flatMap((policy): Problem[] => {
      const other = policy.tools.get(name);
      if (other === undefined) return [];
      const message = `${other.place.file}:${other.place.line} defines it too; no key can have both policies`;
      return [{ severity: 'warning', place, path: `tools.${name}`, message }];
    }),
  );
}

/** Whoever runs this may write policies, and yet not look into the state directory: no reason to fail. */
function storedSecrets(directory: Directory): ReadonlySet<string> | null {
  try {
    return new Set(
      openStoreOf(directory)
        .list()
        .map(({ name }) => name),
    );
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return null;
    throw error;
  }
}

function refused(name: string, problems: readonly Problem[]): CarapaceError {
  const lines = problems.filter(({ severity }) => severity === 'error').map(formatProblem);
  return new CarapaceError(
    'bad-data',
    [`policy: ${quoted(name)} would not load, and was not written`, ...lines].join('\n'),
    {
      hint: 'mend what it names on this host, and try again',
    },
  );
}

function write({ policiesDirectory }: Directory, path: string, text: string, force: boolean): void {
  const made = mkdirSync(policiesDirectory, { recursive: true });
  if (made !== undefined) chmodSync(policiesDirectory, DIRECTORY_MODE);
  checkTrustedDirectory(policiesDirectory);
  writeFileAtomically(path, text, { mode: FILE_MODE, replace: force });
}
