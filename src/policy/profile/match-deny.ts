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
import type { Command } from './profile.ts';
import type { Operand, ReadCall } from './read-call.ts';
import type { ReadOption } from './read-options.ts';
import { elementsOf, judgeType } from './value-type.ts';

/** Matches one pattern. Never throws; time grows with the arguments' length times the pattern's words. */
export function matchProfileDeny(pattern: ProfileDeny, call: ReadCall, dialect: Dialect): DenyMatch {
  const spelled = pattern.options.map((option) => findSpelled(option, call, dialect));
  const absent = pattern.options[spelled.indexOf(undefined)];
  if (absent !== undefined) return { matched: false, why: `no option is ${absent.source}` };
  const steps = pattern.steps.filter((step) => !isElsewhere(step, call, dialect));
  if (!pattern.open) {
    const bare = call.verb.length === 0 && call.operands.length === 0;
    return bare
      ? { matched: true, token: null }
      : { matched: false, why: 'the empty pattern denies only the bare tool' };
  }
  for (const items of sequences(call)) {
    const end = matchSteps(steps, items);
    if (end !== undefined) return { matched: true, token: spelled[0] ?? items[end - 1]?.text ?? null };
  }
  return { matched: false, why: `nothing in its place matches ${steps.map(({ source }) => source).join(' ')}` };
}

/** One word of a call: a word of its command, or an operand. */
interface Item {
  readonly text: string;
  readonly matches: (step: Extract<DeniedStep, { kind: 'word' }>) => boolean;
}

/** The call's words by each path that leads to its command, and as they were written. */
function sequences({ command, verb, operands }: ReadCall): Item[][] {
  const rest = operands.map(operandItem);
  const root = rootOf(command);
  const paths = [command.path, ...command.otherPaths].map((path) => [...namesAlong(path, root), ...rest]);
  return [...paths, [...verb.map((text) => itemOf(text, [text])), ...rest]];
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

function operandItem({ text, type }: Operand): Item {
  return {
    text,
    matches: (step) => {
      if (step.matches(text) || (type.kind !== 'text' && partsOf(text).some(step.matches))) return true;
      if (type.kind !== 'list') return false;
      return elementsOf(text, type).some((element) => {
        const known = type.fold(element);
        const spelled = step.literal !== undefined && type.fold(step.literal) === known;
        return spelled || step.matches(known) || step.matches(element.toLowerCase());
      });
    },
  };
}

/** What stands behind the last colon is named as well: `HEAD:release`, `HEAD:refs/heads/release`, `host:/etc/passwd`. */
function partsOf(text: string): string[] {
  const at = text.lastIndexOf(':');
  if (at === -1) return [];
  const part = text.slice(at + 1);
  return [part, part.replace(/^refs\/(?:heads|tags)\//, '')];
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
function isElsewhere(step: DeniedStep, { options }: ReadCall, dialect: Dialect): boolean {
  if (step.kind === 'any') return false;
  return options.some((option) => {
    const { valueOf } = step;
    if (valueOf !== null && namesOf(option, dialect).some(valueOf.whole) && option.values.some(step.matches))
      return true;
    return (
      step.spellsSlash && option.values.some((value, index) => step.matches(value) && isPath(option, value, index))
    );
  });
}

function isPath({ spec }: ReadOption, value: string, index: number): boolean {
  const type = spec.types[index] ?? spec.types.at(-1);
  const judged = type === undefined ? undefined : judgeType(type, value);
  return judged === undefined || judged.type === 'file' || judged.type === 'outfile' || judged.type === 'url';
}

/** The option at fault, as the call names it; undefined where no option is the spelled one. */
function findSpelled(spelled: DeniedOption, { options, operands }: ReadCall, dialect: Dialect): string | undefined {
  const option = options.find((each) =>
    formsOf(each, dialect).some((form) => spelled.whole(form) || spelled.continued(form)),
  );
  if (option !== undefined) return option.name;
  // What stands behind `--` is an operand to this tool, and may be an option to the next.
  return operands.find(({ text, behindDashes }) => behindDashes && (spelled.whole(text) || spelled.continued(text)))
    ?.text;
}

function namesOf({ spec, on, name }: ReadOption, { long }: Dialect): string[] {
  const either = long === 'either' ? spec.names.map((each) => `-${each}`) : [];
  const negated = on ? [] : spec.names.map((each) => each.replace(/^(--?)/, '$1no-'));
  return [...spec.names, ...either, ...negated, name];
}

/** Every way to write an option as one argument. */
function formsOf(option: ReadOption, dialect: Dialect): string[] {
  const names = namesOf(option, dialect);
  return names.flatMap((name) => [
    name,
    ...option.values.flatMap((value) => [`${name}=${value}`, ...(name.length === 2 ? [name + value] : [])]),
  ]);
}
