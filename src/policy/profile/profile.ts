/**
 * What is known of one tool's command line: compiled from a profile file, and never changed. docs/writing-profiles.md
 * says how such a file is written.
 */
import type { Class } from './classes.ts';
import type { Dialect } from './dialects.ts';
import type { ValueType } from './value-type.ts';

/** One option of a command. */
export interface OptionSpec {
  /** All its names with their dashes, the one that messages use last. `-<number>` stands for `-20` and the like. */
  readonly names: readonly string[];
  /**
   * `switch`: takes no value. `required`: as many as there are `types`, attached or as the next arguments. `optional`: an
   * attached one or none. `many`: all arguments up to the next option, or where the dialect says that they end.
   */
  readonly arity: 'switch' | 'required' | 'optional' | 'many';
  /** One for each value; of `many` the one for all of them; none for a switch. */
  readonly types: readonly ValueType[];
  readonly class: Class;
  /** True: giving it several times is normal, and a closing `*` lets it through as often as it stands. */
  readonly repeats: boolean;
  /** True: `--no-NAME` is it as well. */
  readonly negatable: boolean;
  /** True: it makes the tool read its standard input. */
  readonly stdin: boolean;
  /** Names of options that it overrides, or `operands`: where a pattern spells one of them, no closing `*` lets this one through. */
  readonly overrides: readonly string[];
}

/** The operands of a command, in order. */
export interface OperandSpec {
  readonly types: readonly ValueType[];
  /** The type of all further operands; null where there are none. */
  readonly rest: ValueType | null;
}

/** The tool itself, or one of its subcommands. */
export interface Command {
  /** Its canonical words, without the tool's name: `['pr', 'list']`. */
  readonly path: readonly string[];
  /** All that its last word may be: the canonical one first. */
  readonly names: readonly string[];
  /** Other whole paths that lead to it. */
  readonly otherPaths: readonly (readonly string[])[];
  readonly parent: Command | null;
  readonly children: Children;
  /** Null for a group, which cannot be run on its own. */
  readonly class: Class | null;
  readonly operands: OperandSpec;
  /** Its own options, by each of their names. */
  readonly options: ReadonlyMap<string, OptionSpec>;
  /** Options end after so many operands; null: they do not. */
  readonly optionsEnd: number | null;
  /** `program`: what follows `--` is the command line of another program. */
  readonly afterDashes: 'operands' | 'program';
  /** True: it does nothing without reading its standard input. */
  readonly readsStdin: boolean;
  /** True: it runs code, or follows configuration, that it finds in its working directory. */
  readonly executesDirectory: boolean;
}

/** The commands below another, by each of their names. One is made when it is first asked for. */
export interface Children {
  /** How many names there are. */
  readonly size: number;
  readonly get: (word: string) => Command | undefined;
  readonly keys: () => Iterable<string>;
  /** For each name its command, which makes them all. */
  readonly values: () => Iterable<Command>;
}

export interface Profile {
  /** What policies refer to it by. */
  readonly name: string;
  /** Where it was read; for messages. */
  readonly file: string;
  /** SHA-256 (hex) of its text. */
  readonly digest: string;
  /** The tool's versions that it was written for. */
  readonly versions: string;
  /** The kind of its parser, as the profile names it; `dialect` has what it does, overridden traits included. */
  readonly parser: string;
  readonly dialect: Dialect;
  readonly root: Command;
  /** True where any of its commands runs code of the working directory. */
  readonly executesDirectory: boolean;
  /** Variables that the tool always gets, so that it runs less of what it finds. What a policy injects wins. */
  readonly neutralise: ReadonlyMap<string, string>;
}

/** The option of this name at this command, or above it where the parser knows those as well. Undefined: no such option. */
export function findOption(
  command: Command,
  name: string,
  { inherit }: Pick<Dialect, 'inherit'>,
): OptionSpec | undefined {
  for (let at: Command | null = command; at !== null; at = inherit ? at.parent : null) {
    const option = at.options.get(name);
    if (option !== undefined) return option;
  }
  return undefined;
}

/** Every option that may be given at this command, each once. */
export function optionsAt(command: Command, { inherit }: Pick<Dialect, 'inherit'>): Set<OptionSpec> {
  const options = new Set<OptionSpec>();
  for (let at: Command | null = command; at !== null; at = inherit ? at.parent : null) {
    for (const [name, option] of at.options) if (findOption(command, name, { inherit }) === option) options.add(option);
  }
  return options;
}

/** A command and all below it, each once, in the order of the profile. */
export function commandsBelow(command: Command): Set<Command> {
  const found = new Set<Command>([command]);
  for (const child of command.children.values())
    if (!found.has(child)) for (const each of commandsBelow(child)) found.add(each);
  return found;
}
