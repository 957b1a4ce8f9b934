/**
 * From a profile's text to a profile. Commands are compiled when they are first asked for: the largest tools have
 * thousands of them, and a policy uses a few.
 */
import { createHash } from 'node:crypto';
import type { Problem } from '../../model/problem.ts';
import { parsePolicyDocument } from '../document.ts';
import { errorAt, problemsOf } from '../problems.ts';
import { type GroupedSource, groupCommands } from './command-groups.ts';
import { buildTree } from './command-tree.ts';
import { compileTypes, ProfileMistake } from './compile-types.ts';
import { DIALECTS, type Dialect } from './dialects.ts';
import { OPERANDS } from './overrides.ts';
import { type Command, commandsBelow, type Profile } from './profile.ts';
import { profileSchema, type ProfileSource } from './profile-schema.ts';
import type { ValueType } from './value-type.ts';

/** A profile file, read. */
export interface ProfileFile {
  /** The file's name without its extension. */
  readonly name: string;
  /** As places and messages shall name it. */
  readonly file: string;
  readonly text: string;
}

export type LoadedProfile =
  | { readonly ok: true; readonly profile: Profile; readonly source: GroupedSource }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks and compiles a profile that somebody wrote, all of it at once. Never throws for what the file says. */
export function loadProfile({ name, file, text }: ProfileFile): LoadedProfile {
  const document = parsePolicyDocument(text, file);
  if (document.value === undefined) return { ok: false, problems: document.problems };
  const parsed = profileSchema.safeParse(document.value);
  if (!parsed.success) {
    const keys = Object.keys(profileSchema.shape);
    return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, document, keys)) };
  }
  const source = groupCommands(parsed.data);
  const problems: Problem[] = [...document.problems];
  if (parsed.data.tool !== name)
    problems.push(errorAt(document, ['tool'], `is '${parsed.data.tool}', but the file is named ${name}`));
  const attempt = (path: readonly string[], work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProfileMistake)) throw error;
      problems.push(errorAt(document, path, error.message));
    }
  };
  let profile: Profile | undefined;
  let commands: Iterable<Command> = [];
  let names: ReadonlySet<string> | undefined;
  attempt([], () => {
    profile = buildProfile(source, { name, file, digest: digestOf(text) });
    commands = commandsBelow(profile.root);
  });
  for (const command of commands) {
    const path = command.path.length === 0 ? ['options'] : ['commands', command.path.join(' ')];
    attempt(path, () => {
      checkCommand(command, () => (names ??= namesOf(commands)));
    });
  }
  return profile === undefined || problems.length > 0 ? { ok: false, problems } : { ok: true, profile, source };
}

/** Everything of a command is compiled, and what its options override is an option somewhere. Throws ProfileMistake. */
function checkCommand({ options, operands }: Command, known: () => ReadonlySet<string>): void {
  for (const { names, overrides, types } of options.values()) {
    types.forEach(checkType);
    const unknown = overrides.find((name) => name !== OPERANDS && !known().has(name));
    if (unknown !== undefined)
      throw new ProfileMistake(`option ${names.join(', ')} overrides ${unknown}, which there is not`);
  }
  [...operands.types, ...(operands.rest === null ? [] : [operands.rest])].forEach(checkType);
}

/** Compiles the shapes of a type, which are otherwise compiled when they are first asked for. Throws ProfileMistake. */
function checkType(type: ValueType): void {
  if (type.kind === 'shapes') void type.shapes;
  if (type.kind === 'list') checkType(type.of);
}

function namesOf(commands: Iterable<Command>): Set<string> {
  return new Set([...commands].flatMap(({ options }) => [...options.keys()]));
}

/** Builds a profile of data that the schema has accepted before. Throws ProfileMistake, later also from its commands. */
export function buildProfile(
  source: GroupedSource,
  { name, file, digest }: Pick<Profile, 'name' | 'file' | 'digest'>,
): Profile {
  const { top, executesDirectory } = source;
  return {
    name,
    file,
    digest,
    versions: top.versions,
    parser: typeof top.parser === 'string' ? top.parser : top.parser.kind,
    dialect: dialectOf(top.parser),
    root: buildTree(source, compileTypes(top.types ?? {})),
    executesDirectory,
    neutralise: new Map(Object.entries(top.neutralise?.env ?? {})),
  };
}

/** SHA-256 (hex) of a profile's text. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function dialectOf(parser: ProfileSource['parser']): Dialect {
  if (typeof parser === 'string') return DIALECTS[parser];
  const {
    kind,
    'short-equals': shortEquals,
    'boolean-values': booleanValues,
    'dash-values': dashValues,
    ...same
  } = parser;
  // A trait that is left out is that of the kind.
  const own = Object.entries({ ...same, shortEquals, booleanValues, dashValues }).filter(
    ([, trait]) => trait !== undefined,
  );
  return { ...DIALECTS[kind], ...Object.fromEntries(own) };
}
