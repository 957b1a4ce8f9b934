/** Reads a call under a profile: which command, which options with which values, which operands of which types. */
import { didYouMean } from '../../model/problem.ts';
import { quoted, visible } from '../../model/visible.ts';
import { type Fault, faultThat } from './fault.ts';
import { type Command, findOption, optionsAt, type Profile } from './profile.ts';
import { type PlainOperand, type ReadArguments, readArguments, type Walk } from './read-arguments.ts';
import type { ReadOption } from './read-options.ts';
import { TEXT, type ValueType } from './value-type.ts';

export interface Operand extends PlainOperand {
  readonly type: ValueType;
  /** It belongs to the command line of another program. */
  readonly program: boolean;
}

/** A call, read as its tool would read it. */
export interface ReadCall {
  readonly command: Command;
  /** The words by which the command was named: aliases as they were written. */
  readonly verb: readonly string[];
  readonly options: readonly ReadOption[];
  readonly operands: readonly Operand[];
  readonly dashes: boolean;
  /** What the tool's parser, or the profile, does not know; the call is then denied. */
  readonly fault: Fault | null;
}

/** Reads a call. Never throws, in time linear in the arguments' length. */
export function readCall(argv: readonly string[], profile: Profile): ReadCall {
  const { dialect } = profile;
  let command = profile.root;
  const walk: Walk = {
    vocabulary: {
      dialect,
      find: (name) => findOption(command, name, dialect),
      names: () => [...optionsAt(command, dialect)].flatMap(({ names }) => names),
    },
    descend: (word) => {
      const child = command.children.get(word);
      if (child !== undefined) command = child;
      return child !== undefined;
    },
    optionsEnd: () => command.optionsEnd ?? (dialect.permute ? null : 1),
    isWild: () => false,
  };
  const read = readArguments(argv, walk);
  const operands = read.operands.map((operand, index) => typedOperand(operand, index, command));
  return { ...read, command, operands, fault: read.fault ?? faultOf(read, command) };
}

function typedOperand(operand: PlainOperand, index: number, { operands, afterDashes }: Command): Operand {
  const program = operand.behindDashes && afterDashes === 'program';
  return { ...operand, program, type: operands.types[index] ?? operands.rest ?? TEXT };
}

/** What the command does not take of the words that were read for it; null where it takes all. */
export function faultOf({ operands, verb }: ReadArguments, command: Command): Fault | null {
  const [first] = operands;
  const name = verb.map((word) => visible(word, 40)).join(' ');
  if (command.class === null || (first !== undefined && command.children.size > 0 && takesNone(command))) {
    return first === undefined ? withoutSubcommand(name) : unknownSubcommand(first.text, name, command);
  }
  const own = operands.filter(({ behindDashes }) => !(behindDashes && command.afterDashes === 'program'));
  const tooMany = command.operands.rest === null ? own[command.operands.types.length] : undefined;
  if (tooMany === undefined) return null;
  const message = `argument ${quoted(tooMany.text, 80)} is one too many${name === '' ? '' : ` for '${name}'`}`;
  return { reason: 'value-refused', token: tooMany.text, message };
}

function takesNone({ operands }: Command): boolean {
  return operands.types.length === 0 && operands.rest === null;
}

function withoutSubcommand(name: string): Fault {
  return { reason: 'unknown-subcommand', token: name, message: `'${name}' needs a subcommand` };
}

function unknownSubcommand(word: string, name: string, { children }: Command): Fault {
  const of = name === '' ? '' : ` of '${name}'`;
  const say = (): string => `subcommand ${quoted(word, 80)}${of} is not known${didYouMean(word, children.keys())}`;
  return faultThat('unknown-subcommand', word, say);
}
