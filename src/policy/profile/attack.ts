/**
 * Attacks on a tool's policy, made of its profile: every option that is not safe, in each spelling and in each position,
 * and every value that no wildcard may stand for, put into calls that the policy allows. Whether one gets through is the
 * decision's to say; this only makes them.
 */
import type { ProfileAllow } from './allow-pattern.ts';
import { harmfulValues, harmlessValue, valueFor } from './examples.ts';
import type { PatternValue } from './pattern-value.ts';
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

function* withOptions(base: BaseCall, { profile, options: rules }: ToolProfile, companions: number): Generator<Attack> {
  const known = optionsAt(base.command, profile.dialect);
  const safe = [...known].filter((spec) => spec.class === 'safe' && !isSpelled(base.pattern, spec));
  const letter = safe.find(({ arity, names }) => arity === 'switch' && names.some(isLetter));
  for (const spec of known) {
    const allowed = rules.of({ spec, name: '', values: [], on: true })?.verdict === 'allow';
    if (spec.class === 'safe' || allowed || isSpelled(base.pattern, spec)) continue;
    const what = `option ${spec.names.at(-1) ?? ''} (${spec.class})`;
    for (const words of spellings(spec, profile, letter)) {
      for (const argv of placements(base, words)) if (isRead(argv, spec, profile)) yield { argv, what };
      for (const other of safe.slice(0, companions)) {
        const argv = wholeCall({ ...base, options: [...base.options, ...plainWords(other), ...words] });
        if (isRead(argv, spec, profile)) yield { argv, what };
      }
    }
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

/** Each way to write an option: by each name, with its value behind it, attached, after `=`, in a cluster, abbreviated. */
function* spellings(
  spec: OptionSpec,
  { dialect }: Profile,
  safe: OptionSpec | undefined,
): Generator<readonly string[]> {
  const values = spec.types.map(harmlessValue);
  const [value] = values;
  const letter = dialect.clusters ? safe?.names.find(isLetter)?.slice(1) : undefined;
  for (const name of spec.names) {
    yield [name, ...(spec.arity === 'optional' ? [] : values)];
    if (value === undefined) yield [`${name}=true`];
    else yield [`${name}=${value}`, ...values.slice(1)];
    if (dialect.long === 'either') yield [`-${name}`, ...values];
    if (!isLetter(name)) {
      if (name.length > 6) yield [name.slice(0, -2), ...values];
      continue;
    }
    if (value !== undefined) yield [name + value, ...values.slice(1)];
    if (letter !== undefined) yield [`-${letter}${name.slice(1)}${value ?? ''}`, ...values.slice(1)];
    if (letter !== undefined && spec.arity !== 'optional') yield [`-${letter}${name.slice(1)}`, ...values];
  }
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

/** Harmful values where the pattern has a wildcard, or lets a safe option through. */
function* withValues(base: BaseCall): Generator<Attack> {
  const { pattern, command } = base;
  for (const spec of pattern.open ? command.options.values() : []) {
    if (spec.class !== 'safe' || isSpelled(pattern, spec)) continue;
    for (const type of spec.types.slice(0, 1)) {
      const name = spec.names.at(-1) ?? '';
      for (const value of harmfulValues(type)) {
        const what = `value ${JSON.stringify(value)} of ${name}`;
        const rest = spec.types.slice(1).map(harmlessValue);
        const words =
          spec.arity === 'optional' ? [isLetter(name) ? name + value : `${name}=${value}`] : [name, value, ...rest];
        for (const argv of placements(base, words)) yield { argv, what };
      }
    }
  }
}

function* withOperands(base: BaseCall): Generator<Attack> {
  const { pattern, command, operands } = base;
  if (pattern.dashes) return;
  for (const [index, value] of pattern.operands.entries()) {
    const type = command.operands.types[index] ?? command.operands.rest;
    if (value.kind === 'literal' || type == null) continue;
    for (const harmful of harmfulValues(type).filter((text) => !isMeant(value, text))) {
      yield {
        argv: wholeCall({ ...base, operands: operands.with(index, harmful) }),
        what: `operand ${JSON.stringify(harmful)}`,
      };
    }
  }
  const next = command.operands.types[pattern.operands.length] ?? command.operands.rest;
  if (!pattern.open || next === null) return;
  for (const harmful of harmfulValues(next)) {
    yield {
      argv: wholeCall({ ...base, operands: [...operands, harmful] }),
      what: `operand ${JSON.stringify(harmful)}`,
    };
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
