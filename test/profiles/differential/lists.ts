/** Argument lists made of what a profile knows: every spelling of its options, right ones and wrong ones, among words. */
import fc from 'fast-check';
import { type Command, type OptionSpec, optionsAt, type Profile } from '../../../src/policy/profile/profile.ts';

export interface ListParts {
  /** What may stand as a value that is attached, or an argument of its own. `%` becomes a number of its own, `%{` stays. */
  readonly valuesOf?: (option: OptionSpec) => readonly string[];
  /** What may stand where no option is meant, split at blanks. */
  readonly words?: readonly string[];
  /** The command whose options are meant: its words with blanks between them. They stand first in each list without `first`. */
  readonly command?: string;
  /** Options, right and wrong ones, stand before and between those words, too. */
  readonly spread?: boolean;
  /** The options that are tried, by one of their names; without it all of them. */
  readonly only?: readonly string[];
  /** Options that are left out. */
  readonly without?: readonly string[];
  readonly count?: number;
  readonly longest?: number;
  /** One of these begins each list, split at blanks. */
  readonly first?: readonly string[];
  /** What stands behind the command, and behind each list. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

type Words = fc.Arbitrary<readonly string[]>;

const VALUES = ['v%', 'v%', '', '-', '--', '-x', 'a=b', '=v', 'true', '--unknown', '-1'];
const WORDS = ['w%', 'w%', 'w%', '-', '--', '', '--unknown', '-?', '-1', '--=x', '---', 'a=b', 'ä%'];

/** Others with each number; without one always the same, so that a failure is there again. */
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? '20');
/** How many times as many lists as usual. */
const TIMES = Number(process.env['DIFFERENTIAL_TIMES'] ?? '1');

/** Lists for a profile. */
export function argumentLists(profile: Profile, parts: ListParts = {}): string[][] {
  const { words = WORDS, count = 200, longest = 6, before = [], after = [] } = parts;
  const path = parts.command?.split(' ') ?? [];
  const option = anOption(profile, path, parts);
  const word: Words = fc.constantFrom(...words).map((text) => text.split(' '));
  const chunk = fc.oneof({ weight: 3, arbitrary: option }, { weight: 2, arbitrary: word });
  const list = fc
    .tuple(aBeginning(path, option, parts), fc.array(chunk, { minLength: 1, maxLength: longest }))
    .map(([begin, chunks]) => [...begin, ...before, ...chunks.flat(), ...after]);
  return fc
    .sample(list, { numRuns: count * TIMES, seed: SEED })
    .map((each) => each.map((text, index) => text.replaceAll(/%(?!\{)/g, String(index))));
}

/** The words of the command, with options among them if that is wanted; or what is given for a beginning. */
function aBeginning(path: readonly string[], option: Words, { first, spread }: ListParts): Words {
  if (first !== undefined) return fc.constantFrom(...first).map((text) => text.split(' '));
  const none: Words = fc.constant([]);
  const gap = spread === true ? fc.oneof({ weight: 3, arbitrary: none }, option) : none;
  return fc.tuple(...path.map((each) => gap.map((gapped) => [...gapped, each]))).map((parts) => parts.flat());
}

/** One option of the command, however it is spelled. */
function anOption(profile: Profile, path: readonly string[], { only, without = [], valuesOf }: ListParts): Words {
  const command = path.reduce<Command | undefined>((above, each) => above?.children.get(each), profile.root);
  if (command === undefined) throw new Error(`no command ${path.join(' ')}`);
  const options = [...optionsAt(command, profile.dialect)]
    .filter(({ names }) => only === undefined || names.some((name) => only.includes(name)))
    .filter(({ names }) => !names.some((name) => without.includes(name)));
  const switches = options.filter(({ arity }) => arity === 'switch').flatMap(({ names }) => names.filter(isLetter));
  return fc.constantFrom(...options).chain((spec) => spellings(spec, switches, valuesOf?.(spec) ?? VALUES));
}

function isLetter(name: string): boolean {
  return /^-[^-]$/u.test(name);
}

function spellings(spec: OptionSpec, switches: readonly string[], values: readonly string[]): Words {
  const value = fc.constantFrom(...values);
  return fc.constantFrom(...spec.names).chain((name) => {
    const others = isLetter(name) ? letterForms(name, switches, value) : wordForms(name, value);
    const alone = fc.constant([name]);
    const separate: Words = fc
      .array(value, { minLength: Math.max(1, spec.types.length), maxLength: Math.max(1, spec.types.length) })
      .map((each) => [name, ...each]);
    return fc.oneof(
      spec.arity === 'switch' ? alone : separate,
      spec.arity === 'switch' ? alone : separate,
      alone,
      others,
    );
  });
}

function letterForms(name: string, switches: readonly string[], value: fc.Arbitrary<string>): Words {
  const letters = fc.array(fc.constantFrom(...(switches.length > 0 ? switches : [name])), { maxLength: 2 });
  const cluster = letters.map((names) => `-${names.map((each) => each.slice(1)).join('')}${name.slice(1)}`);
  return fc.oneof(
    value.map((text) => [`${name}${text}`]),
    value.map((text) => [`${name}=${text}`]),
    cluster.map((text) => [text]),
    fc.tuple(cluster, value).map(([text, each]) => [`${text}${each}`]),
    fc.tuple(cluster, value).map(([text, each]) => [text, each]),
    fc.constant([`-${name}`]),
  );
}

function wordForms(name: string, value: fc.Arbitrary<string>): Words {
  return fc.oneof(
    value.map((text) => [`${name}=${text}`]),
    value.map((text) => [`${name}=${text}`]),
    fc.constant([name.slice(0, -1)]),
    fc.constant([name.replace(/^--?/, (dashes) => `${dashes}no-`)]),
    value.map((text) => [name.replace(/^--?/, (dashes) => `${dashes}no-`), text]),
    fc.constant([name.slice(1)]),
    fc.constant([`-${name}`]),
    value.map((text) => [`${name.slice(1)}=${text}`]),
  );
}
