/**
 * Takes an argument list apart into subcommand, options and operands, in the order in which the tool's parser would. Where
 * a word leads is the walk's to say: for a call there is one command, for a pattern there may be several.
 */
import { type Fault, looksLikeOption, type ReadOption, readOptions, type Vocabulary } from './read-options.ts';

export interface Walk {
  /** What may stand where the walk has come to. */
  readonly vocabulary: Vocabulary;
  /** Goes down by a word. False: it names no subcommand there. */
  readonly descend: (word: string) => boolean;
  /** Options end after so many operands; null: they do not. */
  readonly optionsEnd: () => number | null;
  /** True for a word of a pattern that holds a wildcard: it is never taken apart. */
  readonly isWild: (word: string) => boolean;
}

export interface PlainOperand {
  readonly text: string;
  /** It stands after a `--` that the parser honours. */
  readonly behindDashes: boolean;
}

export interface ReadArguments {
  /** The subcommand's words, as they are written. */
  readonly verb: readonly string[];
  readonly options: readonly ReadOption[];
  readonly operands: readonly PlainOperand[];
  /** True where a `--` ended the options. */
  readonly dashes: boolean;
  /** The first thing that the parser would not take; what follows it was not read. */
  readonly fault: Fault | null;
}

/** Reads a whole argument list. Never throws, in time linear in its length. */
export function readArguments(args: readonly string[], walk: Walk): ReadArguments {
  const { dialect } = walk.vocabulary;
  const words = dialect.bundle && !walk.isWild(args[0] ?? '') ? unbundle(args, walk.vocabulary) : args;
  const reader = new Reader(words, walk);
  if (dialect.find === 'cobra') reader.findCommand();
  return reader.read();
}

class Reader {
  readonly #args: readonly string[];
  readonly #walk: Walk;
  /** Where the words of the subcommand stand, where they were looked for before anything else. */
  readonly #verbAt = new Set<number>();
  readonly #verb: string[] = [];
  readonly #options: ReadOption[] = [];
  readonly #operands: PlainOperand[] = [];
  #dashes = false;

  constructor(args: readonly string[], walk: Walk) {
    this.#args = args;
    this.#walk = walk;
  }

  /** Cobra looks for the subcommand first, and reads all options afterwards (cobra 1.8, `Find` and `stripFlags`). */
  findCommand(): void {
    for (let at = 0; at < this.#args.length; at += 1) {
      const text = this.#args[at] ?? '';
      if (text === '--') return;
      if (!text.startsWith('-')) {
        if (text === '') continue;
        if (!this.#walk.descend(text)) return;
        this.#verbAt.add(at);
        this.#verb.push(text);
      } else if (takesNext(text, this.#walk.vocabulary)) at += 1;
    }
  }

  read(): ReadArguments {
    for (let at = 0; at < this.#args.length; ) {
      const text = this.#args[at] ?? '';
      if (this.#verbAt.has(at)) at += 1;
      else if (this.#optionsEnded() || !looksLikeOption(text)) at = this.#takeWord(text, at);
      else if (text === '--' && this.#walk.vocabulary.dialect.dashes === 'ends') {
        this.#dashes = true;
        at += 1;
      } else {
        const read = readOptions(this.#args, at, this.#walk.vocabulary);
        if (!read.ok) return this.#result(read.fault);
        this.#options.push(...read.options);
        at = read.next;
      }
    }
    return this.#result(null);
  }

  #optionsEnded(): boolean {
    const end = this.#walk.optionsEnd();
    return this.#dashes || (end !== null && this.#operands.length >= end);
  }

  #takeWord(text: string, at: number): number {
    const mayDescend = this.#walk.vocabulary.dialect.find === 'ordered' && this.#operands.length === 0 && !this.#dashes;
    if (mayDescend && this.#walk.descend(text)) this.#verb.push(text);
    else this.#operands.push({ text, behindDashes: this.#dashes });
    return at + 1;
  }

  #result(fault: Fault | null): ReadArguments {
    return { verb: this.#verb, options: this.#options, operands: this.#operands, dashes: this.#dashes, fault };
  }
}

/** Does cobra take the argument behind this option for its value, while it looks for the subcommand? */
function takesNext(text: string, { find }: Vocabulary): boolean {
  if (text.includes('=') || (!text.startsWith('--') && text.length !== 2)) return false;
  const arity = find(text)?.arity ?? 'required';
  return arity === 'required' || arity === 'many';
}

/** `cf a.tar x` is `-c -f a.tar x` (tar, "The Three Option Styles": values follow in the order of the letters). */
function unbundle(args: readonly string[], { find }: Vocabulary): readonly string[] {
  const [first = '', ...rest] = args;
  if (first === '' || first.startsWith('-')) return args;
  const options: string[] = [];
  let taken = 0;
  for (const letter of Array.from(first)) {
    options.push(`-${letter}`);
    const value = find(`-${letter}`)?.arity === 'required' ? rest[taken] : undefined;
    if (value === undefined) continue;
    options.push(value);
    taken += 1;
  }
  return [...options, ...rest.slice(taken)];
}
