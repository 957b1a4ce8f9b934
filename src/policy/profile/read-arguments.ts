/**
 * Takes an argument list apart into subcommand, options and operands, in the order in which the tool's parser would. Where
 * a word leads is the walk's to say: for a call there is one command, for a pattern there may be several.
 */
import { visible } from '../../model/visible.ts';
import type { Fault } from './fault.ts';
import { looksLikeOption, type ReadOption, readOptions, type Vocabulary } from './read-options.ts';

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
  /** Without the words of the subcommand, once those were looked for. */
  #args: readonly string[];
  readonly #walk: Walk;
  readonly #verb: string[] = [];
  readonly #options: ReadOption[] = [];
  readonly #operands: PlainOperand[] = [];
  #dashes = false;
  #fault: Fault | null = null;

  constructor(args: readonly string[], walk: Walk) {
    this.#args = args;
    this.#walk = walk;
  }

  /**
   * Cobra looks for the subcommand first, and reads all options afterwards (`Find` and `stripFlags`). For each of its words
   * it begins again with all that is left, by the options that are known so far.
   */
  findCommand(): void {
    for (let at = this.#firstWord(); at !== undefined && this.#fault === null; at = this.#firstWord()) {
      const word = this.#args[at] ?? '';
      if (!this.#walk.descend(word)) return;
      // Up to version 1.6 cobra takes away the first argument that is such a word, be it the value of an option.
      if (this.#args.indexOf(word) < at) this.#fault = ambiguousWord(word);
      this.#verb.push(word);
      this.#args = [...this.#args.slice(0, at), ...this.#args.slice(at + 1)];
    }
  }

  /** The first argument that cobra takes for no option and no option's value. */
  #firstWord(): number | undefined {
    for (let at = 0; at < this.#args.length; at += 1) {
      const text = this.#args[at] ?? '';
      if (text === '--') return undefined;
      if (text !== '' && !text.startsWith('-')) return at;
      if (takesNext(text, this.#walk.vocabulary)) at += 1;
    }
    return undefined;
  }

  read(): ReadArguments {
    for (let at = 0; at < this.#args.length && this.#fault === null; ) {
      const text = this.#args[at] ?? '';
      if (this.#optionsEnded() || !looksLikeOption(text)) at = this.#takeWord(text, at);
      else if (text === '--' && this.#walk.vocabulary.dialect.dashes === 'ends') {
        this.#dashes = true;
        at += 1;
      } else at = this.#takeOptions(at);
    }
    return {
      verb: this.#verb,
      options: this.#options,
      operands: this.#operands,
      dashes: this.#dashes,
      fault: this.#fault,
    };
  }

  #takeOptions(at: number): number {
    const read = readOptions(this.#args, at, this.#walk.vocabulary);
    if (!read.ok) {
      this.#fault = read.fault;
      return at;
    }
    for (const option of read.options) this.#options.push(option);
    // OpenSSH mistakes such a value for the end of its options, and takes those behind the host for the command.
    const end = this.#walk.optionsEnd();
    if (end !== null && end > 1 && this.#args[read.next - 1] === '--') this.#fault = endOfOptions(read.options);
    return read.next;
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
}

function endOfOptions(options: readonly ReadOption[]): Fault {
  const message = `'--' is the value of option ${visible(options.at(-1)?.name ?? '', 80)}, and may end the options here`;
  return { reason: 'value-refused', token: '--', message };
}

function ambiguousWord(word: string): Fault {
  const shown = visible(word, 80);
  const message = `'${shown}' is the value of an option before the subcommand '${shown}'; write that option behind it`;
  return { reason: 'unknown-subcommand', token: word, message };
}

/** Does cobra take the argument behind this option for its value, while it looks for the subcommand? */
function takesNext(text: string, { find }: Vocabulary): boolean {
  if (text.includes('=') || (!text.startsWith('--') && text.length !== 2)) return false;
  const arity = find(text)?.arity ?? 'required';
  return arity === 'required' || arity === 'many';
}

/** `cf a.tar x` is `-c -f a.tar x` (tar, "The Three Option Styles": values follow in the order of the letters). */
function unbundle(args: readonly string[], { find }: Vocabulary): readonly string[] {
  const [first, ...rest] = args;
  if (first === undefined || first.startsWith('-')) return args;
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
