/** Where the words of a pattern lead: to one command, or through wildcards to several. */
import { compileGlob } from '../glob.ts';
import type { Encoded } from './pattern-value.ts';
import { type Command, commandsBelow, findOption, optionsAt, type OptionSpec, type Profile } from './profile.ts';
import type { Walk } from './read-arguments.ts';
import type { ReadOption, Vocabulary } from './read-options.ts';

/** The commands that a pattern reaches. */
export interface PatternScope {
  readonly commands: ReadonlySet<Command>;
  /** True where a wildcard led there: then only to those whose class is safe. */
  readonly wild: boolean;
  /** True where a closing `*` stands where subcommands may follow: it reaches all below, too. */
  readonly below: boolean;
}

/** An option as a pattern names it. */
export interface PatternOption {
  readonly name: string;
  /** The very option; null where the pattern reaches several commands, each with its own of that name. */
  readonly spec: OptionSpec | null;
}

export class PatternWalk implements Walk {
  readonly vocabulary: Vocabulary;
  readonly #profile: Profile;
  readonly #encoded: Encoded;
  #scope: PatternScope;

  constructor(profile: Profile, encoded: Encoded) {
    this.#profile = profile;
    this.#encoded = encoded;
    this.#scope = { commands: new Set([profile.root]), wild: false, below: false };
    this.vocabulary = { dialect: profile.dialect, find: (name) => this.#find(name), names: () => this.#names() };
  }

  get scope(): PatternScope {
    return this.#scope;
  }

  descend(word: string): boolean {
    const { commands, wild, below } = this.#scope;
    if (below || [...commands].every(({ children }) => children.size === 0)) return false;
    if (word === this.#encoded.closing) {
      this.#scope = { commands, wild, below: true };
      return true;
    }
    const next = this.#encoded.isWild(word) ? this.#matching(word) : namedBy(commands, word);
    if (next.size === 0) return false;
    this.#scope = { commands: next, wild: wild || this.#encoded.isWild(word), below: false };
    return true;
  }

  isWild(word: string): boolean {
    return this.#encoded.isWild(word);
  }

  optionsEnd(): number | null {
    const [first, ...others] = this.#scope.commands;
    const end = others.length === 0 ? (first?.optionsEnd ?? null) : null;
    return end ?? (this.#profile.dialect.permute ? null : 1);
  }

  /** The pattern's option, for the call to have. */
  optionOf({ name, spec }: ReadOption): PatternOption {
    const { commands, wild, below } = this.#scope;
    return { name, spec: commands.size === 1 && !wild && !below ? spec : null };
  }

  #matching(word: string): Set<Command> {
    const children = [...this.#scope.commands].flatMap((command) => [...command.children.values()]);
    const matches = compileGlob(this.#encoded.decode(word));
    return new Set(children.filter(({ path }) => matches(path.at(-1) ?? '')));
  }

  #find(name: string): OptionSpec | undefined {
    for (const command of this.#reachable()) {
      const option = findOption(command, name, this.#profile.dialect);
      if (option !== undefined) return option;
    }
    return undefined;
  }

  *#names(): Iterable<string> {
    for (const command of this.#reachable())
      for (const { names } of optionsAt(command, this.#profile.dialect)) yield* names;
  }

  #reachable(): Iterable<Command> {
    const { commands, below } = this.#scope;
    return below ? [...commands].flatMap((command) => [...commandsBelow(command)]) : commands;
  }
}

function namedBy(commands: ReadonlySet<Command>, word: string): Set<Command> {
  return new Set([...commands].flatMap(({ children }) => children.get(word) ?? []));
}

/** How a pattern reaches a command: by its words, by a wildcard of it, or not at all. */
export function reaches({ commands, wild, below }: PatternScope, command: Command): 'spelled' | 'wild' | 'no' {
  if (commands.has(command)) return wild ? 'wild' : 'spelled';
  return below && [...commands].some((ancestor) => allBelow(ancestor).has(command)) ? 'wild' : 'no';
}

const known = new WeakMap<Command, ReadonlySet<Command>>();

/** A command and all below it, by every path that leads there; found once. */
function allBelow(ancestor: Command): ReadonlySet<Command> {
  const found = known.get(ancestor) ?? commandsBelow(ancestor);
  known.set(ancestor, found);
  return found;
}
