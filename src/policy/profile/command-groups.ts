/**
 * A profile's commands by groups: one for each first word of their paths. The largest tools have thousands of commands in
 * a hundred groups, and a policy uses a few: what is in a group is read and ordered when something in it is asked for.
 */
import type { ProfileSource } from './profile-schema.ts';

type Commands = NonNullable<ProfileSource['commands']>;

/** A word that leads to a command of another name, with that command's path. */
type Alias = readonly [word: string, target: string];

/** What a profile says, its commands in groups. */
export interface GroupedSource {
  readonly top: Omit<ProfileSource, 'commands'>;
  /** True where any of its commands runs code of the working directory. */
  readonly executesDirectory: boolean;
  /** The paths of one word, in the order of the profile. A group need not be named for itself. */
  readonly groups: readonly string[];
  /** Of the tool itself. */
  readonly aliases: readonly Alias[];
  /** The commands of a group, and beside them those of other groups that have another path in this one. */
  readonly commandsOf: (group: string) => Commands;
}

/** Puts the commands of a profile in groups. */
export function groupCommands({ commands = {}, ...top }: ProfileSource): GroupedSource {
  const groups = new Map<string, Commands>();
  const aliases: Alias[] = [];
  for (const [path, command] of Object.entries(commands)) {
    const others = otherPaths(path, command);
    for (const other of others) if (parentOf(other) === '') aliases.push([lastWord(other), path]);
    const paths = [path, ...others.map(parentOf)];
    for (const group of new Set(paths.map(groupOf))) {
      if (group === '') continue;
      const members = groups.get(group) ?? {};
      groups.set(group, members);
      members[path] = command;
    }
  }
  return {
    top,
    executesDirectory: [top, ...Object.values(commands)].some(({ cwd }) => cwd === 'executes'),
    groups: [...groups.keys()],
    aliases,
    commandsOf: (group) => groups.get(group) ?? {},
  };
}

/** Where each command's children and other names are, by the path of the parent. */
interface Group {
  readonly commands: Commands;
  readonly children: ReadonlyMap<string, readonly string[]>;
  readonly aliases: ReadonlyMap<string, readonly Alias[]>;
}

/** Finds what lies at a path, and takes apart the one group that it lies in. */
export class CommandIndex {
  readonly #source: GroupedSource;
  readonly #groups: Map<string, Group>;

  constructor(source: GroupedSource) {
    this.#source = source;
    const root = { commands: {}, children: new Map([['', source.groups]]), aliases: new Map([['', source.aliases]]) };
    this.#groups = new Map([['', root]]);
  }

  /** Undefined: there is no command, or it is a group that is not named for itself. */
  commandAt(path: string): Commands[string] | undefined {
    const { commands } = this.#groupOf(path);
    return Object.hasOwn(commands, path) ? commands[path] : undefined;
  }

  /** The paths of the commands right below the one at a path. */
  childrenOf(path: string): readonly string[] {
    return this.#groupOf(path).children.get(path) ?? [];
  }

  /** The other words that lead from the command at a path to some command. */
  aliasesOf(path: string): readonly Alias[] {
    return this.#groupOf(path).aliases.get(path) ?? [];
  }

  #groupOf(path: string): Group {
    const name = groupOf(path);
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group = indexGroup(name, this.#source.commandsOf(name));
    this.#groups.set(name, group);
    return group;
  }
}

function indexGroup(name: string, commands: Commands): Group {
  const children = new Map<string, string[]>();
  const aliases = new Map<string, Alias[]>();
  const known = new Set<string>([name]);
  const addChild = (path: string): void => {
    if (groupOf(path) !== name || known.has(path)) return;
    known.add(path);
    const parent = parentOf(path);
    append(children, parent, path);
    // A command above others need not be named for itself.
    addChild(parent);
  };
  for (const [path, command] of Object.entries(commands)) {
    addChild(path);
    for (const other of otherPaths(path, command)) {
      const parent = parentOf(other);
      if (groupOf(parent) !== name) continue;
      append(aliases, parent, [lastWord(other), path]);
      addChild(parent);
    }
  }
  return { commands, children, aliases };
}

/** The path of the command above; that of the tool itself is the empty text. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf(' '), 0));
}

export function lastWord(path: string): string {
  return path.slice(path.lastIndexOf(' ') + 1);
}

/** The path of one word that is this one or lies above it; that of the tool itself is the empty text. */
function groupOf(path: string): string {
  const end = path.indexOf(' ', 1);
  return end === -1 ? path : path.slice(0, end);
}

function otherPaths(path: string, { aliases = [] }: Commands[string]): string[] {
  return aliases.map((alias) => (alias.includes(' ') ? alias : `${parentOf(path)} ${alias}`.trimStart()));
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
