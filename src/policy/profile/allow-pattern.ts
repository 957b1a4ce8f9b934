/**
 * Compiles the pattern of an allow under a profile. The tool's own parser takes the pattern apart as it takes a call apart;
 * where a wildcard stands in a subcommand's place, the pattern leads to several commands.
 */
import { parseWords } from '../words.ts';
import type { Fault } from './fault.ts';
import { compileValue, encodeWords, type Encoded, type PatternValue } from './pattern-value.ts';
import { type PatternOption, type PatternScope, PatternWalk } from './pattern-walk.ts';
import type { Profile } from './profile.ts';
import { type PlainOperand, type ReadArguments, readArguments } from './read-arguments.ts';
import { faultOf } from './read-call.ts';

/** An option that the pattern spells: it has to be in the call. */
export interface SpelledOption extends PatternOption {
  /** What its values have to be; fewer than it has where the rest may be anything. */
  readonly values: readonly PatternValue[];
  readonly on: boolean;
}

export interface ProfileAllow {
  readonly scope: PatternScope;
  readonly options: readonly SpelledOption[];
  /** Operands before a `--`, and behind it. */
  readonly operands: readonly PatternValue[];
  readonly behindDashes: readonly PatternValue[];
  readonly dashes: boolean;
  /** True where the pattern ends in a lone `*`: further operands and safe options may follow. */
  readonly open: boolean;
}

/** A pattern as a profile reads it; with `problem`, one that no call can match. */
export type CompiledProfileAllow =
  | { readonly ok: true; readonly pattern: ProfileAllow }
  | { readonly ok: false; readonly problem: string };

/** Compiles a pattern whose words are good. Never throws. */
export function compileProfileAllow(text: string, profile: Profile): CompiledProfileAllow {
  const parsed = parseWords(text);
  if (!parsed.ok) return { ok: false, problem: parsed.message };
  const encoded = encodeWords(parsed.words);
  if (encoded === undefined)
    return { ok: false, problem: 'it holds a character of the supplementary private use area' };
  const walk = new PatternWalk(profile, encoded);
  const read = readArguments(encoded.args, walk);
  const fault = read.fault ?? faultOfWords(read, walk, encoded);
  if (fault !== null) return { ok: false, problem: fault.message };
  return compileRead(read, walk, encoded);
}

/** What the tool would not take of a pattern that leads to one command: a subcommand that there is not, an operand too many. */
function faultOfWords(read: ReadArguments, { scope }: PatternWalk, encoded: Encoded): Fault | null {
  const [command, ...others] = scope.commands;
  if (command === undefined || others.length > 0 || scope.below) return null;
  const operands = read.operands.filter(({ text }) => text !== encoded.closing);
  return operands.some(({ text }) => encoded.isWild(text)) ? null : faultOf({ ...read, operands }, command);
}

function compileRead(read: ReadArguments, walk: PatternWalk, encoded: Encoded): CompiledProfileAllow {
  const compiler = new ValueCompiler(encoded);
  const operands = splitPairs(read.operands, walk.scope).map((operand) => ({
    ...operand,
    value: compiler.compile(operand.text),
  }));
  const last = operands.at(-1);
  const closing = last !== undefined && last.text === encoded.closing;
  const options = read.options.map((option) => ({
    ...walk.optionOf(option),
    on: option.on,
    values: compiler.compileAll(option.spec.arity === 'many' ? withoutClosing(option.values, encoded) : option.values),
  }));
  const greedy = read.options.some(({ spec, values }) => spec.arity === 'many' && endsMany(values, encoded));
  if (compiler.problem !== undefined) return { ok: false, problem: compiler.problem };
  const own = closing ? operands.slice(0, -1) : operands;
  return {
    ok: true,
    pattern: {
      scope: walk.scope,
      options,
      operands: own.filter(({ behindDashes }) => !behindDashes).map(({ value }) => value),
      behindDashes: own.filter(({ behindDashes }) => behindDashes).map(({ value }) => value),
      dashes: read.dashes,
      open: closing || walk.scope.below || greedy,
    },
  };
}

/** `pods/web` in the place of a list of pairs is two words, as it is in a call. */
function splitPairs(operands: readonly PlainOperand[], { commands }: PatternScope): PlainOperand[] {
  const [command] = commands;
  return operands.flatMap((operand, index) => {
    const type = command?.operands.types[index] ?? command?.operands.rest;
    const at = type?.kind === 'list' && type.pair !== null ? operand.text.indexOf(type.pair) : -1;
    if (at === -1) return [operand];
    return [
      { ...operand, text: operand.text.slice(0, at) },
      { ...operand, text: operand.text.slice(at + 1) },
    ];
  });
}

/** An option that takes all that follows takes a closing `*` too: behind another value it was meant to close the pattern. */
function endsMany(values: readonly string[], { closing }: Encoded): boolean {
  return values.length > 1 && values.at(-1) === closing;
}

function withoutClosing(values: readonly string[], encoded: Encoded): readonly string[] {
  return endsMany(values, encoded) ? values.slice(0, -1) : values;
}

class ValueCompiler {
  readonly #encoded: Encoded;
  problem: string | undefined;

  constructor(encoded: Encoded) {
    this.#encoded = encoded;
  }

  compile(text: string): PatternValue {
    const compiled = compileValue(this.#encoded.decode(text));
    if (compiled.ok) return compiled.value;
    this.problem ??= compiled.message;
    return { kind: 'literal', source: text, text };
  }

  compileAll(texts: readonly string[]): PatternValue[] {
    return texts.map((text) => this.compile(text));
  }
}
