/**
 * Reads one option of an argument list, with its values, as the tool's parser would. The traits of the dialect say how;
 * patterns are read here too, so that both sides of a comparison have the same reading.
 */
import { didYouMean } from '../../model/problem.ts';
import type { DenyReason } from '../../model/reason.ts';
import { visible } from '../../model/visible.ts';
import type { Dialect } from './dialects.ts';
import { type Fault, faultThat } from './fault.ts';
import type { OptionSpec } from './profile.ts';

/** An option as it stands in a call. */
export interface ReadOption {
  readonly spec: OptionSpec;
  /** The name by which it was given. */
  readonly name: string;
  readonly values: readonly string[];
  /** False for `--no-NAME`, and for `--switch=false`. */
  readonly on: boolean;
}

export interface Vocabulary {
  readonly dialect: Dialect;
  readonly find: (name: string) => OptionSpec | undefined;
  /** All names that may stand here: only for messages. */
  readonly names: () => Iterable<string>;
}

/** The options that `args[at]` is, one or a cluster of several, and the index of the argument behind them. */
export type OptionsRead =
  | { readonly ok: true; readonly options: readonly ReadOption[]; readonly next: number }
  | { readonly ok: false; readonly fault: Fault };

/** True for what a parser takes for an option, where options may stand. */
export function looksLikeOption(text: string): boolean {
  return text.startsWith('-') && text.length > 1;
}

/** Reads the option at `args[at]`, which looks like one. Never throws; time grows with what it reads. */
export function readOptions(args: readonly string[], at: number, vocabulary: Vocabulary): OptionsRead {
  const text = args[at] ?? '';
  const { dialect } = vocabulary;
  if (dialect.long === 'either') return readLong(args, at, vocabulary, text.startsWith('--') ? text.slice(1) : text);
  if (dialect.long === '-' || text.startsWith('--')) return readLong(args, at, vocabulary, text);
  return readShort(args, at, vocabulary);
}

function readLong(args: readonly string[], at: number, vocabulary: Vocabulary, text: string): OptionsRead {
  const equals = vocabulary.dialect.equals ? text.indexOf('=') : -1;
  const name = equals === -1 ? text : text.slice(0, equals);
  const found = findNamed(vocabulary, name);
  if (found === undefined) return unknown(name, vocabulary);
  const attached = equals === -1 ? undefined : text.slice(equals + 1);
  return readValues({ args, at, vocabulary, name, ...found, attached, before: [] });
}

function findNamed(vocabulary: Vocabulary, name: string): { spec: OptionSpec; on: boolean } | undefined {
  const either = vocabulary.dialect.long === 'either';
  const spec = vocabulary.find(name) ?? (either ? vocabulary.find(`-${name}`) : undefined);
  if (spec !== undefined) return { spec, on: true };
  const positive = /^(--?)no-(.+)$/s.exec(name);
  if (positive === null) return undefined;
  const negated = vocabulary.find(`${positive[1] ?? ''}${positive[2] ?? ''}`);
  return negated?.negatable === true ? { spec: negated, on: false } : undefined;
}

function readShort(args: readonly string[], at: number, vocabulary: Vocabulary): OptionsRead {
  const text = args[at] ?? '';
  const number = /^-\d+$/.test(text) ? vocabulary.find('-<number>') : undefined;
  if (number !== undefined) return one({ spec: number, name: '-<number>', values: [text.slice(1)], on: true }, at + 1);
  // Some tools have words behind one dash beside their clusters; whoever names one means it. `-o=x` is no such word.
  const word = text.split('=', 1)[0] ?? '';
  if (!/^-.?$/su.test(word) && vocabulary.find(word) !== undefined) return readLong(args, at, vocabulary, text);
  if (!vocabulary.dialect.clusters) return readLong(args, at, vocabulary, text);
  return readCluster(text, args, at, vocabulary);
}

function readCluster(text: string, args: readonly string[], at: number, vocabulary: Vocabulary): OptionsRead {
  const options: ReadOption[] = [];
  let offset = 1;
  for (const letter of text.slice(1)) {
    offset += letter.length;
    const name = `-${letter}`;
    const spec = vocabulary.find(name);
    if (spec === undefined) return unknown(name, vocabulary, text);
    const equals = text[offset] === '=' && vocabulary.dialect.shortEquals !== 'value';
    if (equals && isUnclear(text, offset, vocabulary)) return unclear(name, text);
    if (spec.arity === 'switch' && !equals) {
      options.push({ spec, name, values: [], on: true });
      continue;
    }
    const attached = offset === text.length ? undefined : text.slice(equals ? offset + 1 : offset);
    return readValues({ args, at, vocabulary, name, spec, on: true, attached, before: options });
  }
  return { ok: true, options, next: at + 1 };
}

/** `-o=`, whose value pflag takes to be `=`; and `-ao=x` where versions of the parser differ. */
function isUnclear(text: string, equalsAt: number, { dialect }: Vocabulary): boolean {
  return equalsAt === text.length - 1 || (dialect.shortEquals === 'alone' && !/^-.=/su.test(text));
}

function unclear(name: string, text: string): OptionsRead {
  const shown = visible(name, 80);
  return refuse(
    'value-refused',
    name,
    `the value of option ${shown} in ${visible(text, 80)} is not clear: write ${shown} VALUE`,
  );
}

interface Reading {
  readonly args: readonly string[];
  readonly at: number;
  readonly vocabulary: Vocabulary;
  readonly name: string;
  readonly spec: OptionSpec;
  readonly on: boolean;
  readonly attached: string | undefined;
  /** The letters of the cluster before this one. */
  readonly before: readonly ReadOption[];
}

function readValues(reading: Reading): OptionsRead {
  const { at, spec, name, on, attached, before, vocabulary } = reading;
  const read = (values: readonly string[], next: number, switchedOn = on): OptionsRead => ({
    ok: true,
    options: [...before, { spec, name, values, on: switchedOn }],
    next,
  });
  if (attached !== undefined && isLost(attached, vocabulary)) return missing(reading);
  // What takes a value takes none when it is turned off.
  switch (on ? spec.arity : 'switch') {
    case 'switch':
      return attached === undefined ? read([], at + 1) : readSwitchValue(reading, attached, read);
    case 'optional':
      return read(attached === undefined ? [] : [attached], at + 1);
    case 'required':
      return readRequired(reading, read);
    case 'many':
      return readMany(reading, read);
  }
}

type Read = (values: readonly string[], next: number, on?: boolean) => OptionsRead;

/** Go's strconv.ParseBool, which pflag and Go's flag share; others know two words. */
const TRUE = { go: ['1', 't', 'T', 'true', 'TRUE', 'True'], words: ['true'], none: [] } as const;
const FALSE = { go: ['0', 'f', 'F', 'false', 'FALSE', 'False'], words: ['false'], none: [] } as const;

function readSwitchValue({ vocabulary, name, at, on }: Reading, attached: string, read: Read): OptionsRead {
  const kind = vocabulary.dialect.booleanValues;
  if (TRUE[kind].some((word) => word === attached)) return read([], at + 1, on);
  if (FALSE[kind].some((word) => word === attached)) return read([], at + 1, !on);
  const message = kind === 'none' ? 'takes no value' : 'is a switch; expected true or false as its value';
  return refuse('value-refused', name, `option ${visible(name, 80)} ${message}`);
}

function readRequired(reading: Reading, read: Read): OptionsRead {
  const { args, at, spec, attached, vocabulary } = reading;
  const values = attached === undefined ? [] : [attached];
  let next = at + 1;
  while (values.length < spec.types.length) {
    const value = args[next];
    if (value === undefined) return missing(reading);
    if (!vocabulary.dialect.dashValues && looksLikeOption(value)) return missing(reading);
    values.push(value);
    next += 1;
  }
  return read(values, next);
}

/** Python's argparse loses an attached `--`. Nopt reads `--tag=--registry=x` as if it were `--tag --registry=x`. */
function isLost(attached: string, { dialect }: Vocabulary): boolean {
  return (attached === '--' && !dialect.dashValues) || (!dialect.dashAttached && looksLikeOption(attached));
}

function readMany(reading: Reading, read: Read): OptionsRead {
  const { args, at, attached, vocabulary } = reading;
  // With a value attached, picocli and Swift's ArgumentParser take the words behind it as well, argparse does not.
  if (attached !== undefined)
    return endOfValues(args, at + 1) === at + 1 ? read([attached], at + 1) : several(reading.name);
  const semicolon = vocabulary.dialect.manyEnd === 'semicolon';
  const end = semicolon ? endOfProgram(args, at + 1) : endOfValues(args, at + 1);
  if (end === undefined)
    return refuse('value-refused', reading.name, `option ${visible(reading.name, 80)} needs ';' behind its values`);
  return end === at + 1 ? missing(reading) : read(args.slice(at + 1, end), end);
}

function several(name: string): OptionsRead {
  const shown = visible(name, 80);
  return refuse(
    'value-refused',
    name,
    `option ${shown} may take what follows it, too: write ${shown} VALUE, without '='`,
  );
}

function endOfValues(args: readonly string[], from: number): number {
  let end = from;
  while (end < args.length && !looksLikeOption(args[end] ?? '')) end += 1;
  return end;
}

/** The end of what find runs: behind `;`, or behind `+` where `{}` stands before it. Undefined: it has none. */
function endOfProgram(args: readonly string[], from: number): number | undefined {
  for (let at = from; at < args.length; at += 1)
    if (args[at] === ';' || (at > from && args[at] === '+' && args[at - 1] === '{}')) return at + 1;
  return undefined;
}

function one(option: ReadOption, next: number): OptionsRead {
  return { ok: true, options: [option], next };
}

function missing({ name }: Reading): OptionsRead {
  return refuse('value-refused', name, `option ${visible(name, 80)} needs a value`);
}

function unknown(name: string, vocabulary: Vocabulary, whole = name): OptionsRead {
  const inside = whole === name ? '' : ` in ${visible(whole.split('=', 1)[0] ?? '', 80)}`;
  const say = (): string => `option ${visible(name, 80)}${inside} is not known${suggestion(name, vocabulary)}`;
  return { ok: false, fault: faultThat('option-refused', name, say) };
}

/** An abbreviation is told its full name; anything else the option that is nearest. */
function suggestion(name: string, vocabulary: Vocabulary): string {
  const names = [...vocabulary.names()];
  const longer = name.length < 4 ? [] : names.filter((candidate) => candidate.startsWith(name));
  if (longer.length > 0)
    return ` (abbreviations are refused: write ${longer
      .slice(0, 3)
      .map((full) => visible(full, 80))
      .join(' or ')})`;
  // Every letter is near every other.
  return name.length < 4 ? '' : didYouMean(name, names);
}

function refuse(reason: DenyReason, token: string, message: string): OptionsRead {
  return { ok: false, fault: { reason, token, message } };
}
