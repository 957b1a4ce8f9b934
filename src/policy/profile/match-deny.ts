/**
 * Does a deny match this call, as its tool reads it? Wherever there are two ways to read a call, the one that denies
 * counts: each name of a command and of an option, an element of a list as it is written and as the tool knows it.
 *
 * Invariants: options that the pattern does not spell never hide a match, nor does anything behind its last word. Text in
 * another option's value is no option.
 */
import type { DenyMatch } from '../match-deny.ts';
import type { DeniedOption, DeniedStep, ProfileDeny } from './deny-pattern.ts';
import type { Dialect } from './dialects.ts';
import type { Places } from './file-claim.ts';
import type { Command } from './profile.ts';
import type { Operand, ReadCall } from './read-call.ts';
import type { ReadOption } from './read-options.ts';
import { namesOfValue, pathsOf } from './value-names.ts';
import { elementsOf, judgeType, TEXT, type ValueType } from './value-type.ts';

/** A call as denies are held against it: made once, however many there are. */
export interface DenyCall {
  readonly call: ReadCall;
  readonly dialect: Dialect;
  /** The call's words in each of the ways that they can be read. */
  readonly sequences: readonly (readonly Item[])[];
  readonly places: Places;
}

/** Reads a call for denies. Never throws, in time linear in the arguments' length. */
export function readForDeny(call: ReadCall, dialect: Dialect, places: Places): DenyCall {
  return { call, dialect, sequences: sequences(call, places), places };
}

/** Matches one pattern. Never throws; time grows with the arguments' length times the pattern's words. */
export function matchProfileDeny(pattern: ProfileDeny, denied: DenyCall): DenyMatch {
  const { call } = denied;
  const spelled = pattern.options.map((option) => findSpelled(option, denied));
  const absent = pattern.options[spelled.indexOf(undefined)];
  if (absent !== undefined) return { matched: false, why: `no option is ${absent.source}` };
  const steps = pattern.steps.filter((step) => !isElsewhere(step, denied));
  if (!pattern.open) {
    const bare = call.verb.length === 0 && call.operands.length === 0;
    return bare
      ? { matched: true, token: null }
      : { matched: false, why: 'the empty pattern denies only the bare tool' };
  }
  for (const items of denied.sequences) {
    const end = matchSteps(steps, items);
    if (end !== undefined) return { matched: true, token: spelled[0] ?? items[end - 1]?.text ?? null };
  }
  return { matched: false, why: `nothing in its place matches ${steps.map(({ source }) => source).join(' ')}` };
}

type WordStep = Extract<DeniedStep, { kind: 'word' }>;

/** One word of a call: a word of its command, or an operand. */
interface Item {
  readonly text: string;
  readonly matches: (step: WordStep) => boolean;
}

/** The call's words by each path that leads to its command, and as they were written. */
function sequences({ command, verb, operands }: ReadCall, places: Places): Item[][] {
  const rest = operands.map((operand) => operandItem(operand, places));
  const joined = joinPairs(operands);
  const tails = joined === undefined ? [rest] : [rest, [...rest.slice(0, joined.at), joined.item]];
  const root = rootOf(command);
  const paths = [command.path, ...command.otherPaths].map((path) => namesAlong(path, root));
  const written = verb.map((text) => itemOf(text, [text]));
  return [...paths, written].flatMap((words) => tails.map((tail) => [...words, ...tail]));
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** Each word of a path with the other names that it has there. */
function namesAlong(path: readonly string[], root: Command): Item[] {
  let at: Command | undefined = root;
  return path.map((word) => {
    const next: Command | undefined = at?.children.get(word);
    const names = next?.parent === at ? (next?.names ?? []) : [];
    at = next;
    return itemOf(word, [word, ...names]);
  });
}

function itemOf(text: string, names: readonly string[]): Item {
  return { text, matches: (step) => names.some(step.matches) };
}

function operandItem({ text, type }: Operand, places: Places): Item {
  const names = [...namesOfValue(type, text, places), ...(type.kind === 'text' ? [] : partsOf(text))];
  return { text, matches: (step) => names.some(step.matches) || isElement(step, type, text) };
}

/** What stands behind the last colon is named as well: `HEAD:release`, `HEAD:refs/heads/release`, `host:/etc/passwd`. */
function partsOf(text: string): string[] {
  const at = text.lastIndexOf(':');
  if (at === -1) return [];
  const part = text.slice(at + 1);
  return [part, part.replace(/^refs\/(?:heads|tags)\//, '')];
}

/** Is the word, which holds no wildcard, an element of the list by another of its names? */
function isElement({ literal }: WordStep, type: ValueType, text: string): boolean {
  if (type.kind !== 'list' || literal === undefined) return false;
  const known = type.fold(literal);
  return elementsOf(text, type).some((element) => type.fold(element) === known);
}

/** A list of `TYPE/NAME` was taken apart into type and names; a deny may name any of them as a pair, too. */
function joinPairs(operands: readonly Operand[]): { readonly at: number; readonly item: Item } | undefined {
  const at = operands.findIndex(({ type }) => type.kind === 'list' && type.pair !== null);
  const first = operands[at];
  const names = operands.slice(at + 1).map(({ text }) => text);
  if (first?.type.kind !== 'list' || first.type.pair === null || names.length === 0) return undefined;
  return { at, item: { text: first.text, matches: (step) => isPair(step, first.text, names, first.type) } };
}

function isPair({ matches, source }: WordStep, text: string, names: readonly string[], type: ValueType): boolean {
  if (type.kind !== 'list' || type.pair === null) return false;
  const { pair, fold } = type;
  // The pattern's own name of the type, if it is one of this, and all that we know.
  const [spelled = ''] = source.split(pair, 1);
  const known = [text, fold(text), text.toLowerCase(), ...(fold(spelled) === fold(text) ? [spelled] : [])];
  return known.some((kind) => names.some((name) => matches(kind + pair + name)));
}

/** The number of words that the steps need, in their shortest match; undefined where there is none. */
function matchSteps(steps: readonly DeniedStep[], items: readonly Item[]): number | undefined {
  let reached = new Uint8Array(items.length + 1).fill(1, 0, 1);
  for (const step of steps) {
    const next = new Uint8Array(items.length + 1);
    if (step.kind === 'any') next.fill(1, reached.indexOf(1));
    else for (const [at, item] of items.entries()) if (reached[at] === 1 && item.matches(step)) next[at + 1] = 1;
    if (!next.includes(1)) return undefined;
    reached = next;
  }
  return reached.indexOf(1);
}

/** Does the step's word stand as the value of the option before it, or is it a path that a file or url value names? */
function isElsewhere(step: DeniedStep, { call, dialect, places }: DenyCall): boolean {
  if (step.kind === 'any') return false;
  const { valueOf } = step;
  return call.options.some((option) => {
    const isIts = valueOf !== null && namesOf(option, dialect).some(valueOf.whole);
    return option.values.some((value, index) => {
      const type = typeOf(option, index);
      return (isIts && isValue(step, type, value, places)) || (step.spellsSlash && isPath(step, type, value, places));
    });
  });
}

function isValue(step: WordStep, type: ValueType, text: string, places: Places): boolean {
  return namesOfValue(type, text, places).some(step.matches) || isElement(step, type, text);
}

function isPath(step: WordStep, type: ValueType, value: string, places: Places): boolean {
  return elementsOf(value, type).some((each) => {
    if (pathsOf(type, each, places).some(step.matches)) return true;
    const judged = judgeType(type, each);
    const mayBePath = judged === undefined || ['file', 'outfile', 'url'].includes(judged.type);
    return mayBePath && (step.matches(each) || step.matches(value));
  });
}

function typeOf({ spec }: ReadOption, index: number): ValueType {
  return spec.types[index] ?? spec.types.at(-1) ?? TEXT;
}

/** The option at fault, as the call names it; undefined where no option is the spelled one. */
function findSpelled(spelled: DeniedOption, { call, dialect, places }: DenyCall): string | undefined {
  const isIt = (form: string): boolean => spelled.whole(form) || spelled.continued(form);
  const option = call.options.find((each) => formsOf(each, dialect, places).some(isIt));
  // Where options end, what begins with a dash is an operand to this tool, and may be an option to the next.
  return option?.name ?? call.operands.find(({ text }) => isIt(text))?.text;
}

function namesOf({ spec, on, name }: ReadOption, { long }: Dialect): string[] {
  const either = long === 'either' ? spec.names.map((each) => `-${each}`) : [];
  const negated = on ? [] : spec.names.map((each) => each.replace(/^(--?)/, '$1no-'));
  return [...spec.names, ...either, ...negated, name];
}

/** Every way to write an option as one argument, with each name of its value. */
function formsOf(option: ReadOption, dialect: Dialect, places: Places): string[] {
  const values = option.values.flatMap((value, index) => namesOfValue(typeOf(option, index), value, places));
  return namesOf(option, dialect).flatMap((name) => [
    name,
    ...values.flatMap((value) => [
      `${name}=${value}`,
      ...(name.length === 2 ? [name + value] : []),
      ...(name === '-<number>' ? [`-${value}`] : []),
    ]),
  ]);
}
