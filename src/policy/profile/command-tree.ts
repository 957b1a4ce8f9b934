/**
 * The tree of a tool's commands. Each is made when it is first asked for, with its children, options and operands: the
 * largest tools have thousands, and a policy uses a few.
 */
import { CLASSES, type Class } from './classes.ts';
import { type FindType, ProfileMistake } from './compile-types.ts';
import { linesOf, type Notation, parseOperands, parseOptionLine } from './notation.ts';
import type { Command, OperandSpec, OptionSpec } from './profile.ts';
import type { CommandSource, OptionsSource, ProfileSource } from './profile-schema.ts';

interface Builder {
  readonly source: ProfileSource;
  readonly findType: FindType;
}

/** Where each command's children and other names are, by the path of the parent: found in one pass, for thousands. */
interface Index {
  readonly children: ReadonlyMap<string, readonly string[]>;
  /** By the path of the parent, the other words that lead to a command. */
  readonly aliases: ReadonlyMap<string, readonly (readonly [word: string, path: string])[]>;
}

function buildIndex(commands: NonNullable<ProfileSource['commands']>): Index {
  const children = new Map<string, string[]>();
  const aliases = new Map<string, [string, string][]>();
  const known = new Set<string>(['']);
  const addChild = (path: string): void => {
    if (known.has(path)) return;
    known.add(path);
    const parent = parentOf(path);
    append(children, parent, path);
    // A group need not be named for itself.
    addChild(parent);
  };
  for (const [path, { aliases: others = [] }] of Object.entries(commands)) {
    addChild(path);
    for (const alias of others) {
      const whole = alias.includes(' ') ? alias : `${parentOf(path)} ${alias}`.trimStart();
      append(aliases, parentOf(whole), [lastWord(whole), path]);
      addChild(parentOf(whole));
    }
  }
  return { children, aliases };
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf(' '), 0));
}

function lastWord(path: string): string {
  return path.slice(path.lastIndexOf(' ') + 1);
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** The tool with all its commands. Throws ProfileMistake, later also from what is compiled later. */
export function buildTree(source: ProfileSource, findType: FindType): Command {
  const { commands = {}, ...top } = source;
  const index = buildIndex(commands);
  const byPath = new Map<string, Command>();
  const tree: Tree = {
    source,
    findType,
    index,
    commandAt: (path) => {
      const known = byPath.get(path);
      if (known !== undefined) return known;
      const own = Object.hasOwn(commands, path) ? commands[path] : undefined;
      const built = buildCommand(tree, own ?? {}, path, tree.commandAt(parentOf(path)));
      byPath.set(path, built);
      return built;
    },
  };
  const root = buildCommand(tree, { ...top, class: top.class ?? 'safe' }, '', null);
  byPath.set('', root);
  return root;
}

interface Tree extends Builder {
  readonly index: Index;
  readonly commandAt: (path: string) => Command;
}

function buildCommand(tree: Tree, source: CommandSource, path: string, parent: Command | null): Command {
  let options: ReadonlyMap<string, OptionSpec> | undefined;
  let operands: OperandSpec | undefined;
  let children: ReadonlyMap<string, Command> | undefined;
  const { aliases = [] } = source;
  return {
    path: path === '' ? [] : path.split(' '),
    names: path === '' ? [] : [lastWord(path), ...aliases.filter((alias) => !alias.includes(' '))],
    otherPaths: aliases.filter((alias) => alias.includes(' ')).map((alias) => alias.split(' ')),
    parent,
    class: source.class ?? null,
    optionsEnd: source['options-end'] ?? null,
    afterDashes: source['after-dashes'] ?? 'operands',
    readsStdin: source.stdin === 'reads',
    executesDirectory: source.cwd === 'executes' || tree.source.cwd === 'executes',
    get children() {
      return (children ??= buildChildren(tree, path));
    },
    get options() {
      return (options ??= buildOptions(tree, source));
    },
    get operands() {
      return (operands ??= buildOperands(tree, source));
    },
  };
}

function buildChildren({ index, commandAt }: Tree, path: string): Map<string, Command> {
  const children = new Map<string, Command>();
  for (const child of index.children.get(path) ?? []) children.set(lastWord(child), commandAt(child));
  for (const [word, target] of index.aliases.get(path) ?? []) {
    const command = commandAt(target);
    if ((children.get(word) ?? command) !== command)
      throw new ProfileMistake(`'${word}' is another name of '${target}', and a command of its own`);
    children.set(word, command);
  }
  return children;
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
