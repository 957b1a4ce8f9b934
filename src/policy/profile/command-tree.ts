/**
 * The tree of a tool's commands. Each is made when it is first asked for, with its children, options and operands: the
 * largest tools have thousands, and a policy uses a few.
 */
import { CLASSES, type Class } from './classes.ts';
import { CommandIndex, type GroupedSource, lastWord, parentOf } from './command-groups.ts';
import { type FindType, ProfileMistake } from './compile-types.ts';
import { linesOf, type Notation, parseOperands, parseOptionLine } from './notation.ts';
import type { Children, Command, OperandSpec, OptionSpec } from './profile.ts';
import type { CommandSource, OptionsSource } from './profile-schema.ts';

interface Tree {
  readonly top: GroupedSource['top'];
  readonly findType: FindType;
  readonly index: CommandIndex;
  readonly commandAt: (path: string) => Command;
}

/** The tool with all its commands. Throws ProfileMistake, later also from what is compiled later. */
export function buildTree(source: GroupedSource, findType: FindType): Command {
  const { top } = source;
  const index = new CommandIndex(source);
  const byPath = new Map<string, Command>();
  const tree: Tree = {
    top,
    findType,
    index,
    commandAt: (path) => {
      const known = byPath.get(path);
      if (known !== undefined) return known;
      const built = buildCommand(tree, index.commandAt(path) ?? {}, path, tree.commandAt(parentOf(path)));
      byPath.set(path, built);
      return built;
    },
  };
  const root = buildCommand(tree, { ...top, class: top.class ?? 'safe' }, '', null);
  byPath.set('', root);
  return root;
}

function buildCommand(tree: Tree, source: CommandSource, path: string, parent: Command | null): Command {
  let options: ReadonlyMap<string, OptionSpec> | undefined;
  let operands: OperandSpec | undefined;
  let children: Children | undefined;
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
    executesDirectory: source.cwd === 'executes' || tree.top.cwd === 'executes',
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

function buildChildren({ index, commandAt }: Tree, path: string): Children {
  const paths = new Map<string, string>();
  for (const child of index.childrenOf(path)) paths.set(lastWord(child), child);
  for (const [word, target] of index.aliasesOf(path)) {
    if ((paths.get(word) ?? target) !== target)
      throw new ProfileMistake(`'${word}' is another name of '${target}', and a command of its own`);
    paths.set(word, target);
  }
  return {
    size: paths.size,
    get: (word) => {
      const child = paths.get(word);
      return child === undefined ? undefined : commandAt(child);
    },
    keys: () => paths.keys(),
    values: () => Array.from(paths.values(), commandAt),
  };
}

function buildOptions({ top: { sets = {} }, findType }: Tree, source: CommandSource): Map<string, OptionSpec> {
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

function buildOperands({ findType }: Tree, { operands }: CommandSource): OperandSpec {
  if (operands === undefined) return { types: [], rest: null };
  const { types, rest } = unwrap(parseOperands(operands), `operands '${operands}'`);
  return { types: types.map(findType), rest: rest === null ? null : findType(rest) };
}

function unwrap<Value>(notation: Notation<Value>, what: string): Value {
  if (notation.ok) return notation.value;
  throw new ProfileMistake(`${what}: ${notation.message}`);
}
