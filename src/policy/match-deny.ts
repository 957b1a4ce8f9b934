/**
 * Does a deny's pattern match these arguments? Wherever there are two ways to read a call, the one that denies counts.
 *
 * Invariants: an option that the pattern spells is found wherever it stands, after `--` too. Options that it does not
 * spell, what may be their values, and whatever follows the last word never hide a match.
 */
import type { AsValue, DenyOption, DenyPattern, DenyStep } from './deny-pattern.ts';
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
  const spelled = pattern.options.map((option) =>
    args.find((argument, index) => isOption(option, argument, args[index + 1])),
  );
  const absent = pattern.options[spelled.indexOf(undefined)];
  if (absent !== undefined) return { matched: false, why: `no argument is ${absent.source}` };
  const passable = args.map((argument, index) => mayBeOption(argument) || takesNext(args[index - 1]));
  let reached = start(args);
  for (const step of pattern.steps) {
    reached = advance(step, args, passOver(reached, passable));
    if (!reached.includes(1)) return { matched: false, why: `nothing in its place matches ${step.source}` };
  }
  if (!pattern.open && !args.every(mayBeOption)) {
    return { matched: false, why: 'the empty pattern denies only a call of options or nothing' };
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
  const { asValue } = step;
  const standsAsValue =
    asValue !== null && args.some((argument, index) => isValue(step, asValue, argument, args[index + 1]));
  const reached = standsAsValue ? Uint8Array.from(from) : new Uint8Array(from.length);
  for (let at = from.indexOf(1); at !== -1; at = from.indexOf(1, at + 1)) {
    const argument = args[at];
    if (argument !== undefined && matchesStep(step, argument)) reached[at + 1] = 1;
  }
  return reached;
}

/** Adds what is reached by passing over arguments. */
function passOver(from: Reached, passable: readonly boolean[]): Reached {
  const reached = Uint8Array.from(from);
  for (let at = 0; at < passable.length; at += 1) if (passable[at] === true && reached[at] === 1) reached[at + 1] = 1;
  return reached;
}

function mayBeOption({ dashed, text }: Argument): boolean {
  return dashed && text !== '-';
}

/** May the argument behind this one be its value? Nobody knows, so it may be passed over. */
function takesNext(argument: Argument | undefined): boolean {
  return argument !== undefined && mayBeOption(argument) && argument.text !== '--' && !argument.text.includes('=');
}

type WordStep = Extract<DenyStep, { kind: 'word' }>;

function matchesStep(step: WordStep, argument: Argument): boolean {
  if (step.matches(argument.text)) return true;
  const value = step.spellsSlash ? attachedValue(argument) : undefined;
  return value !== undefined && step.matches(value);
}

/** Are these two the option before the word and the word as its value, attached or as the next argument? */
function isValue({ matches }: WordStep, { option, attached }: AsValue, argument: Argument, next?: Argument): boolean {
  return attached(argument.text) || (next !== undefined && option.name(argument.text) && matches(next.text));
}

function isOption(option: DenyOption, argument: Argument, next: Argument | undefined): boolean {
  if (option.argument(argument.text)) return true;
  return option.value !== null && next !== undefined && option.name(argument.text) && option.value(next.text);
}
