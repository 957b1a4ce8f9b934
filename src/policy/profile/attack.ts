/**
 * Attacks on a tool's policy, made of its profile: every option that is not safe, in each spelling and in each position,
 * and every value that no wildcard may stand for, put into calls that the policy allows. Whether one gets through is the
 * decision's to say; this only makes them.
 */
import type { ProfileAllow } from './allow-pattern.ts';
import { harmfulValues, harmlessValue, valueFor } from './examples.ts';
import { ANY, type PatternValue } from './pattern-value.ts';
import { reaches } from './pattern-walk.ts';
import { type Command, commandsBelow, findOption, type OptionSpec, optionsAt, type Profile } from './profile.ts';
import { readCall } from './read-call.ts';
import type { ToolProfile } from './tool-profile.ts';
import type { ValueType } from './value-type.ts';

/** A call to try. */
export interface Attack {
  readonly argv: readonly string[];
  /** What is in it that must not pass. */
  readonly what: string;
}

/** A call that an allow is meant for, in the parts between which an attack can be put. */
interface BaseCall {
  readonly pattern: ProfileAllow;
  readonly command: Command;
  readonly verb: readonly string[];
  /** Options that mean something else behind the subcommand, and those that stand there. */
  readonly first: readonly string[];
  readonly options: readonly string[];
  readonly operands: readonly string[];
}

/** Calls that the tool's allows are meant for: what attacks are put into. Those of the wrong kind are denied anyway. */
export function baseCalls(tool: ToolProfile): string[][] {
  return bases(tool).map(wholeCall);
}

/** All attacks on a tool, one after the other: thousands. */
export function* attacksOn(tool: ToolProfile): Generator<Attack> {
  const all = bases(tool);
  for (const base of all) {
    // Behind safe options too, one at a time, where that does not make millions.
    yield* withOptions(base, tool, all.length > 20 ? 1 : 24);
    yield* withValues(base);
    yield* withOperands(base);
  }
  yield* otherCommands(tool);
}

function wholeCall({ first, verb, options, operands }: BaseCall): string[] {
  return [...first, ...verb, ...options, ...operands];
}

function bases({ allow, profile }: ToolProfile): BaseCall[] {
  return allow.flatMap(({ compiled }) => {
    if (!compiled.ok) return [];
    const { pattern } = compiled;
    return [...commandsBelow(profile.root)]
      .filter((command) => isRunnable(command, pattern))
      .map(
        (command): BaseCall => ({ pattern, command, verb: command.path, ...argumentsOf(pattern, command, profile) }),
      );
  });
}

function isRunnable(command: Command, { scope }: ProfileAllow): boolean {
  const way = reaches(scope, command);
  return way !== 'no' && command.class !== null && (way === 'spelled' || command.class === 'safe');
}

function argumentsOf(
  pattern: ProfileAllow,
  command: Command,
  { dialect }: Profile,
): Pick<BaseCall, 'first' | 'options' | 'operands'> {
  const first: string[] = [];
  const options: string[] = [];
  for (const { name, spec, values } of pattern.options) {
    const types = spec?.types ?? [];
    const texts = values.map((value, index) => valueFor(value, types[index] ?? types.at(-1) ?? { kind: 'text' }));
    const attached = spec?.arity === 'optional' && texts.length > 0;
    const words = attached ? [`${name}=${texts.join('')}`] : [name, ...texts];
    const isElsewhere = spec !== null && findOption(command, name, dialect) !== spec;
    (isElsewhere ? first : options).push(...words);
  }
  const typeAt = (index: number): ValueType =>
    command.operands.types[index] ?? command.operands.rest ?? { kind: 'text' };
  const own = pattern.operands.map((value, index) => valueFor(value, typeAt(index)));
  const behind = pattern.behindDashes.map((value, index) => valueFor(value, typeAt(own.length + index)));
  return { first, options, operands: pattern.dashes ? [...own, '--', ...behind] : own };
}

function* withOptions(base: BaseCall, tool: ToolProfile, companions: number): Generator<Attack> {
  const { profile } = tool;
  const known = [...optionsAt(base.command, profile.dialect)].filter((spec) => !isSpelled(base.pattern, spec));
  const safe = known.filter((spec) => spec.class === 'safe');
  const letter = safe.find(({ arity, names }) => arity === 'switch' && names.some(isLetter));
  for (const spec of known.filter((each) => isForbidden(each, tool))) {
    const what = `option ${spec.names.at(-1) ?? ''} (${spec.class})`;
    for (const words of spellings(spec, profile, letter)) {
      for (const argv of withWords(base, words, safe.slice(0, companions))) {
        if (isRead(argv, spec, profile)) yield { argv, what };
      }
    }
  }
}

function isForbidden(spec: OptionSpec, { options }: ToolProfile): boolean {
  return spec.class !== 'safe' && options.of({ spec, name: '', values: [], on: true })?.verdict !== 'allow';
}

/** The words in each place of a call, and behind each of some safe options. */
function* withWords(base: BaseCall, words: readonly string[], companions: readonly OptionSpec[]): Generator<string[]> {
  yield* placements(base, words);
  for (const other of companions) {
    yield wholeCall({ ...base, options: [...base.options, ...plainWords(other), ...words] });
  }
}

/** An option as it is mostly written. */
function plainWords({ names, types, arity }: OptionSpec): string[] {
  return [names.at(-1) ?? '', ...(arity === 'optional' ? [] : types.map(harmlessValue))];
}

/** The same name may be another option in another place; what the parser does not take is an attack all the same. */
function isRead(argv: readonly string[], spec: OptionSpec, profile: Profile): boolean {
  const call = readCall(argv, profile);
  return call.fault !== null || call.options.some((option) => option.spec === spec);
}

function isSpelled({ options }: ProfileAllow, spec: OptionSpec): boolean {
  return options.some((option) => option.spec === spec || spec.names.includes(option.name));
}

/** Each way to write an option, by each of its names. `safe`: a switch to make clusters with. */
function* spellings(
  spec: OptionSpec,
  { dialect }: Profile,
  safe: OptionSpec | undefined,
): Generator<readonly string[]> {
  const values = spec.types.map(harmlessValue);
  const letter = dialect.clusters ? safe?.names.find(isLetter)?.slice(1) : undefined;
  for (const name of spec.names) {
    yield [name, ...(spec.arity === 'optional' ? [] : values)];
    yield [`${name}=${values[0] ?? 'true'}`, ...values.slice(1)];
    if (dialect.long === 'either') yield [`-${name}`, ...values];
    if (isLetter(name)) yield* clusters(name, values, letter);
    else if (name.length > 6) yield [name.slice(0, -2), ...values];
  }
}

/** A letter with its value attached, and behind another letter. */
function* clusters(name: string, values: readonly string[], letter: string | undefined): Generator<readonly string[]> {
  const [value = '', ...rest] = values;
  if (values.length > 0) yield [name + value, ...rest];
  if (letter === undefined) return;
  yield [`-${letter}${name.slice(1)}${value}`, ...rest];
  yield [`-${letter}${name.slice(1)}`, ...values];
}

/** A letter behind one dash. */
function isLetter(name: string): boolean {
  return /^-[^-]$/u.test(name);
}

function* placements({ first, verb, options, operands }: BaseCall, words: readonly string[]): Generator<string[]> {
  yield [...words, ...first, ...verb, ...options, ...operands];
  if (verb.length > 1) yield [...first, ...verb.slice(0, 1), ...words, ...verb.slice(1), ...options, ...operands];
  yield [...first, ...verb, ...words, ...options, ...operands];
  if (options.length > 0) yield [...first, ...verb, ...options, ...words, ...operands];
  if (operands.length > 0) yield [...first, ...verb, ...options, ...operands, ...words];
}

/** Harmful values of options that a closing `*` lets through. */
function* withValues(base: BaseCall): Generator<Attack> {
  const { pattern, command } = base;
  const passing = pattern.open ? [...command.options.values()] : [];
  for (const spec of passing.filter((each) => each.class === 'safe' && !isSpelled(pattern, each))) {
    const [type, ...others] = spec.types;
    const name = spec.names.at(-1) ?? '';
    for (const value of type === undefined ? [] : harmfulValues(type)) {
      const attached = [isLetter(name) ? name + value : `${name}=${value}`];
      const words = spec.arity === 'optional' ? attached : [name, value, ...others.map(harmlessValue)];
      for (const argv of placements(base, words)) yield { argv, what: `value ${JSON.stringify(value)} of ${name}` };
    }
  }
}

/** Harmful operands in the place of the pattern's wildcards, and behind its last word. */
function* withOperands(base: BaseCall): Generator<Attack> {
  const { pattern, command, operands } = base;
  if (pattern.dashes) return;
  const typeAt = (index: number): ValueType | null => command.operands.types[index] ?? command.operands.rest;
  const places = [...pattern.operands, ...(pattern.open ? [ANY] : [])];
  for (const [index, value] of places.entries()) {
    const type = typeAt(index);
    if (value.kind === 'literal' || type === null) continue;
    for (const harmful of harmfulValues(type).filter((text) => !isMeant(value, text))) {
      const argv = wholeCall({ ...base, operands: operands.toSpliced(index, 1, harmful) });
      yield { argv, what: `operand ${JSON.stringify(harmful)}` };
    }
  }
}

/** A glob that spells what is harmful in the value was meant for it. */
function isMeant(pattern: PatternValue, text: string): boolean {
  return pattern.kind === 'glob' && pattern.shape.matches(text);
}

/** Commands that are not safe, and that no allow spells. */
function* otherCommands({ allow, profile }: ToolProfile): Generator<Attack> {
  const patterns = allow.flatMap(({ compiled }) => (compiled.ok ? [compiled.pattern] : []));
  for (const command of commandsBelow(profile.root)) {
    if (command.class === null || command.class === 'safe' || command.path.length === 0) continue;
    if (patterns.some(({ scope }) => reaches(scope, command) === 'spelled')) continue;
    const operands = command.operands.types.map(harmlessValue);
    for (const name of command.names) {
      const verb = [...command.path.slice(0, -1), name];
      const what = `subcommand ${verb.join(' ')} (${command.class})`;
      yield { argv: verb, what };
      yield { argv: [...verb, ...operands], what };
    }
  }
}
