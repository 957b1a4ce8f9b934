/**
 * Does a deny's pattern match these arguments? Wherever there are two ways to read a call, the one that denies counts.
 *
 * Invariants: an option that the pattern spells is found wherever it stands, after `--` too. Options that it does not
 * spell, and whatever follows the last word, never hide a match.
 */
import type { DenyOption, DenyPattern, DenyStep } from './deny-pattern.ts';
import { type Argument, attachedValue, type ParsedArgv } from './grammar.ts';

export type DenyMatch =
  | {
      readonly matched: true;
      /** The argument that tells most: an option that the pattern spells, else the last one it needed; null for a bare call. */
      readonly token: string | null;
    }
  | { readonly matched: false; readonly why: string };

/** Matches one pattern. Never throws; time grows with the arguments' length times the pattern's words. */
export function matchDeny(pattern: DenyPattern, { arguments: args }: ParsedArgv): DenyMatch {
  const spelled = pattern.options.map((option) => args.find((_, index) => isOptionAt(option, args, index)));
  const absent = pattern.options[spelled.indexOf(undefined)];
  if (absent !== undefined) return { matched: false, why: `no argument is ${absent.source}` };
  const passable = args.map((argument, index) => isPassable(pattern, argument, args[index - 1]));
  let reached = start(args);
  for (const step of pattern.steps) {
    reached = advance(step, args, passOver(reached, passable));
    if (!reached.includes(1)) return { matched: false, why: `nothing in its place matches ${sourceOf(step)}` };
  }
  if (!pattern.open && passOver(reached, passable)[args.length] !== 1) {
    return { matched: false, why: 'the empty pattern denies only a call without operands' };
  }
  return { matched: true, token: (spelled[0] ?? args[reached.indexOf(1) - 1])?.text ?? null };
}

/** How many arguments may be behind us: element n is 1 where the pattern so far can end after n of them. */
type Reached = Uint8Array;

function start(args: readonly Argument[]): Reached {
  return new Uint8Array(args.length + 1).fill(1, 0, 1);
}

/** Where the step leads to. */
function advance(step: DenyStep, args: readonly Argument[], from: Reached): Reached {
  if (step.kind === 'any') return new Uint8Array(from.length).fill(1, from.indexOf(1));
  const standsAsValue = step.asValue !== null && args.some((_, index) => isValueAt(step, args, index));
  const reached = standsAsValue ? Uint8Array.from(from) : new Uint8Array(from.length);
  for (const [at, argument] of args.entries()) if (from[at] === 1 && matchesStep(step, argument)) reached[at + 1] = 1;
  return reached;
}

/** Adds what is reached by passing over arguments. */
function passOver(from: Reached, passable: readonly boolean[]): Reached {
  const reached = Uint8Array.from(from);
  for (const [at, pass] of passable.entries()) if (pass && reached[at] === 1) reached[at + 1] = 1;
  return reached;
}

/** Options may be passed over, `--` too, and what follows an option that the pattern spells: it may be its value. */
function isPassable({ options }: DenyPattern, argument: Argument, before: Argument | undefined): boolean {
  if (argument.dashed && argument.text !== '-') return true;
  return before !== undefined && options.some((option) => option.name(before.text));
}

type WordStep = Extract<DenyStep, { kind: 'word' }>;

function matchesStep(step: WordStep, argument: Argument): boolean {
  if (step.matches(argument.text)) return true;
  const value = step.spellsSlash ? attachedValue(argument) : undefined;
  return value !== undefined && step.matches(value);
}

/** Is the word the value of the option before it in the pattern, attached or as the next argument, anywhere? */
function isValueAt({ asValue, matches }: WordStep, args: readonly Argument[], index: number): boolean {
  const argument = args[index];
  if (asValue === null || argument === undefined) return false;
  if (asValue.attached(argument.text)) return true;
  const next = args[index + 1];
  return next !== undefined && asValue.option.name(argument.text) && matches(next.text);
}

function isOptionAt(option: DenyOption, args: readonly Argument[], index: number): boolean {
  const argument = args[index];
  if (argument === undefined) return false;
  if (option.argument(argument.text)) return true;
  const next = args[index + 1];
  return option.value !== null && next !== undefined && option.name(argument.text) && option.value(next.text);
}

function sourceOf(step: DenyStep): string {
  return step.kind === 'any' ? '*' : step.source;
}
