/** The form of a call that a profile reads: its command, its options under one name each, its operands. */
import type { Dialect } from '../profile/dialects.ts';
import { type Command, findOption } from '../profile/profile.ts';
import { readCall, type ReadCall } from '../profile/read-call.ts';
import type { ReadOption } from '../profile/read-options.ts';
import type { ToolProfile } from '../profile/tool-profile.ts';
import type { ValueType } from '../profile/value-type.ts';
import { findUnsafe, typeOfValue } from './findings.ts';
import { fixed, type Form, type FormWord, slot } from './form.ts';

/**
 * Reads the form of an argument list. Options stand where the tool's parser takes them, in the order of their names, and
 * behind the operands where it allows that: a `*` for an operand is then exactly one. Undefined: the tool would not take
 * the arguments. Never throws.
 */
export function profileForm(tool: ToolProfile, argv: readonly string[]): Form | undefined {
  const { dialect } = tool.profile;
  const call = readCall(argv, tool.profile);
  if (call.fault !== null) return undefined;
  const { path, optionsEnd, children } = call.command;
  const placed = call.options.toSorted(compareOptions).map((option) => ({
    level: levelOf(option, call.command, dialect),
    words: optionWords(option, tool),
  }));
  const at = (level: number): FormWord[] => placed.flatMap((each) => (each.level === level ? each.words : []));
  const verb = path.flatMap((word, level) => [...at(level), fixed(word)]);
  const operands = operandWords(call, false);
  const permutes = dialect.permute && optionsEnd === null;
  const rest = permutes ? [...operands, ...at(path.length)] : [...at(path.length), ...operands];
  const behind = call.dashes ? [fixed('--'), ...operandWords(call, true)] : [];
  const closes = path.length > 0 && children.size === 0;
  return { command: path, closes, words: [...verb, ...rest, ...behind], findings: findUnsafe(tool, call) };
}

/** By name, those that take all that follows last. */
function compareOptions(a: ReadOption, b: ReadOption): number {
  if ((a.spec.arity === 'many') !== (b.spec.arity === 'many')) return a.spec.arity === 'many' ? 1 : -1;
  const [first, second] = [nameOf(a), nameOf(b)];
  return first === second ? 0 : first < second ? -1 : 1;
}

/** Behind how many of the command's words the option has to stand: as many as it can. */
function levelOf({ spec }: ReadOption, command: Command, dialect: Dialect): number {
  const [name = ''] = spec.names;
  for (let at: Command | null = command; at !== null; at = at.parent)
    if (findOption(at, name, dialect) === spec) return at.path.length;
  return 0;
}

/** Its long name, whichever the call used. */
function nameOf({ spec }: ReadOption): string {
  return spec.names.find((name) => name.startsWith('--')) ?? spec.names.at(-1) ?? '';
}

function optionWords(option: ReadOption, tool: ToolProfile): FormWord[] {
  const { spec, values, on } = option;
  const name = nameOf(option);
  const [first] = values;
  if (name === '-<number>') return [fixed(`-${first ?? ''}`)];
  if (spec.arity === 'switch') return [fixed(on ? name : offName(name, spec.negatable))];
  const value = (text: string, index: number, before = ''): FormWord =>
    varies(option, index, tool) ? slot(text, before) : fixed(before + text);
  const joined = first !== undefined && isAttached(option) ? joinedName(name, tool.profile.dialect) : undefined;
  if (first !== undefined && joined !== undefined) return [value(first, 0, joined)];
  return [fixed(name), ...values.map((text, index) => value(text, index))];
}

/** True for a value that the parser takes only attached, and for one that could be taken for an option. */
function isAttached({ spec, values }: ReadOption): boolean {
  return values.length === 1 && (spec.arity === 'optional' || values[0]?.startsWith('-') === true);
}

/** A wildcard may stand for the value of what is harmless, unless it is code or one of a number that the option takes. */
function varies(option: ReadOption, index: number, { options: rules }: ToolProfile): boolean {
  if (option.spec.arity === 'many' || !mayVary(typeOfValue(option, index))) return false;
  return option.spec.class === 'safe' || rules.of(option)?.verdict === 'allow';
}

function offName(name: string, negatable: boolean): string {
  return negatable ? name.replace(/^--?/, '$&no-') : `${name}=false`;
}

/** The name as its value is attached to it; undefined where the parser takes no attached values. */
function joinedName(name: string, { equals, clusters, long }: Dialect): string | undefined {
  const isLong = name.startsWith('--') || long !== '--';
  if (isLong) return equals ? `${name}=` : undefined;
  return clusters ? name : undefined;
}

/** No wildcard stands for code. */
function mayVary(type: ValueType | undefined): boolean {
  return type?.kind !== 'program';
}

function operandWords({ operands }: ReadCall, behindDashes: boolean): FormWord[] {
  return operands
    .filter((operand) => operand.behindDashes === behindDashes)
    .map(({ text, type, program }) => (program || !mayVary(type) ? fixed(text) : slot(text)));
}
