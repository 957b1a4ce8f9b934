/**
 * From a profile's text to a profile. Commands are compiled when they are first asked for: the largest tools have
 * thousands of them, and a policy uses a few.
 */
import { createHash } from 'node:crypto';
import type { Problem } from '../../model/problem.ts';
import { parsePolicyDocument } from '../document.ts';
import { errorAt, problemsOf } from '../problems.ts';
import { CLASSES, type Class } from './classes.ts';
import { compileTypes, ProfileMistake, type FindType } from './compile-types.ts';
import { DIALECTS, type Dialect } from './dialects.ts';
import { linesOf, type Notation, parseOperands, parseOptionLine } from './notation.ts';
import { commandsBelow, type Command, type OperandSpec, type OptionSpec, type Profile } from './profile.ts';
import { type CommandSource, type OptionsSource, profileSchema, type ProfileSource } from './profile-schema.ts';

/** A profile file, read. */
export interface ProfileFile {
  /** The file's name without its extension. */
  readonly name: string;
  /** As places and messages shall name it. */
  readonly file: string;
  readonly text: string;
}

export type LoadedProfile =
  | { readonly ok: true; readonly profile: Profile; readonly source: ProfileSource }
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
  const problems: Problem[] = [...document.problems];
  const attempt = (path: readonly string[], work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProfileMistake)) throw error;
      problems.push(errorAt(document, path, error.message));
    }
  };
  let profile: Profile | undefined;
  attempt([], () => (profile = buildProfile(parsed.data, { name, file, digest: digestOf(text) })));
  for (const command of profile === undefined ? [] : commandsBelow(profile.root)) {
    const path = command.path.length === 0 ? [] : ['commands', command.path.join(' ')];
    attempt(path, () => void [command.options, command.operands]);
  }
  return profile === undefined || problems.length > 0
    ? { ok: false, problems }
    : { ok: true, profile, source: parsed.data };
}

/** Builds a profile of data that the schema has accepted before. Throws ProfileMistake, later also from its commands. */
export function buildProfile(
  source: ProfileSource,
  { name, file, digest }: Pick<Profile, 'name' | 'file' | 'digest'>,
): Profile {
  const builder = { source, findType: compileTypes(source.types ?? {}) };
  return {
    name,
    file,
    digest,
    versions: source.versions,
    parser: typeof source.parser === 'string' ? source.parser : source.parser.kind,
    dialect: dialectOf(source.parser),
    root: buildTree(builder),
    executesDirectory: [source, ...Object.values(source.commands ?? {})].some(({ cwd }) => cwd === 'executes'),
    neutralise: new Map(Object.entries(source.neutralise?.env ?? {})),
  };
}

/** SHA-256 (hex) of a profile's text. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function dialectOf(parser: ProfileSource['parser']): Dialect {
  if (typeof parser === 'string') return DIALECTS[parser];
  const kind: Dialect = DIALECTS[parser.kind];
  return {
    ...kind,
    long: parser.long ?? kind.long,
    clusters: parser.clusters ?? kind.clusters,
    shortEquals: parser['short-equals'] ?? kind.shortEquals,
    equals: parser.equals ?? kind.equals,
    booleanValues: parser['boolean-values'] ?? kind.booleanValues,
    dashValues: parser['dash-values'] ?? kind.dashValues,
    permute: parser.permute ?? kind.permute,
    dashes: parser.dashes ?? kind.dashes,
    inherit: parser.inherit ?? kind.inherit,
    find: parser.find ?? kind.find,
  };
}

interface Builder {
  readonly source: ProfileSource;
  readonly findType: FindType;
}

type Node = Command & {
  readonly children: Map<string, Command>;
  readonly names: string[];
  readonly otherPaths: string[][];
};

function buildTree(builder: Builder): Command {
  const { commands = {}, ...top } = builder.source;
  const root = buildCommand(builder, { ...top, class: top.class ?? 'safe' }, [], null);
  const byPath = new Map<string, Node>([['', root]]);
  const nodeAt = (path: readonly string[]): Node => {
    const key = path.join(' ');
    const known = byPath.get(key);
    if (known !== undefined) return known;
    const parent = nodeAt(path.slice(0, -1));
    const source = Object.hasOwn(commands, key) ? commands[key] : undefined;
    const node = buildCommand(builder, source ?? {}, path, parent);
    byPath.set(key, node);
    parent.children.set(path.at(-1) ?? '', node);
    return node;
  };
  for (const path of Object.keys(commands)) nodeAt(path.split(' '));
  for (const [path, { aliases = [] }] of Object.entries(commands)) {
    for (const alias of aliases) addAlias(nodeAt, path.split(' '), alias);
  }
  return root;
}

function addAlias(nodeAt: (path: readonly string[]) => Node, path: readonly string[], alias: string): void {
  const words = alias.includes(' ') ? alias.split(' ') : [...path.slice(0, -1), alias];
  const parent = nodeAt(words.slice(0, -1));
  const last = words.at(-1) ?? '';
  const target = nodeAt(path);
  const other = parent.children.get(last);
  if (other !== undefined && other !== target)
    throw new ProfileMistake(`alias '${alias}' of '${path.join(' ')}' is a command already`);
  parent.children.set(last, target);
  if (alias.includes(' ')) target.otherPaths.push(words);
  else target.names.push(last);
}

function buildCommand(builder: Builder, source: CommandSource, path: readonly string[], parent: Command | null): Node {
  let options: ReadonlyMap<string, OptionSpec> | undefined;
  let operands: OperandSpec | undefined;
  return {
    path,
    names: path.slice(-1),
    otherPaths: [],
    parent,
    children: new Map(),
    class: source.class ?? null,
    optionsEnd: source['options-end'] ?? null,
    afterDashes: source['after-dashes'] ?? 'operands',
    readsStdin: source.stdin === 'reads',
    executesDirectory: source.cwd === 'executes' || builder.source.cwd === 'executes',
    get options() {
      return (options ??= buildOptions(builder, source));
    },
    get operands() {
      return (operands ??= buildOperands(builder, source));
    },
  };
}

function buildOptions({ source: { sets = {} }, findType }: Builder, source: CommandSource): Map<string, OptionSpec> {
  const options = new Map<string, OptionSpec>();
  const addAll = (added: OptionsSource, from: string): void => {
    for (const each of CLASSES)
      for (const line of linesOf(added[each] ?? '')) addOption(options, buildOption(line, each, findType), from);
  };
  addAll(source.options ?? {}, 'options');
  for (const name of source.include ?? []) {
    const set = Object.hasOwn(sets, name) ? sets[name] : undefined;
    if (set === undefined) throw new ProfileMistake(`include: there is no set '${name}'`);
    addAll(set, `set '${name}'`);
  }
  return options;
}

function addOption(options: Map<string, OptionSpec>, option: OptionSpec, from: string): void {
  for (const name of option.names) {
    if (options.has(name)) throw new ProfileMistake(`${from}: option ${name} stands twice`);
    options.set(name, option);
  }
}

function buildOption(line: string, optionClass: Class, findType: FindType): OptionSpec {
  const { names, arity, types, flags, overrides } = unwrap(parseOptionLine(line), `option '${line}'`);
  return {
    names,
    arity,
    types: types.map(findType),
    class: optionClass,
    repeats: flags.has('repeats'),
    negatable: flags.has('negatable'),
    stdin: flags.has('stdin'),
    overrides,
  };
}

function buildOperands({ findType }: Builder, { operands }: CommandSource): OperandSpec {
  if (operands === undefined) return { types: [], rest: null };
  const { types, rest } = unwrap(parseOperands(operands), `operands '${operands}'`);
  return { types: types.map(findType), rest: rest === null ? null : findType(rest) };
}

function unwrap<Value>(notation: Notation<Value>, what: string): Value {
  if (notation.ok) return notation.value;
  throw new ProfileMistake(`${what}: ${notation.message}`);
}
