/**
 * Can a call that some allow lets through meet a deny? Where none can, the deny is mostly a mistake. One that names what is
 * not safe is none: it holds also when somebody allows more one day.
 */
import type { ProfileAllow } from './allow-pattern.ts';
import type { DeniedOption, ProfileDeny } from './deny-pattern.ts';
import { reaches } from './pattern-walk.ts';
import { type Command, commandsBelow, type OptionSpec, optionsAt } from './profile.ts';
import type { ToolProfile } from './tool-profile.ts';

/** True where no allow of the tool lets a call through that the deny would meet. Never throws. */
export function isUnmet(deny: ProfileDeny, tool: ToolProfile): boolean {
  if (!deny.open) return false;
  const patterns = tool.allow.flatMap(({ compiled }) => (compiled.ok ? [compiled.pattern] : []));
  if (patterns.length < tool.allow.length) return false;
  return !patterns.some((pattern) => mayMeet(deny, pattern, tool)) && !isGuard(deny, tool);
}

/** Does it name a command or option that is not safe? */
function isGuard(deny: ProfileDeny, { profile }: ToolProfile): boolean {
  return [...commandsBelow(profile.root)].some((command) => {
    if (command.class === null || !stepsFit(deny, command, ANY_OPERAND)) return false;
    const known = [...optionsAt(command, profile.dialect)];
    const named = deny.options.map((option) => known.filter((spec) => isMeant(option, spec)));
    if (named.some((specs) => specs.length === 0)) return false;
    return command.class !== 'safe' || named.flat().some((spec) => spec.class !== 'safe');
  });
}

const ANY_OPERAND: Pick<ProfileAllow, 'operands' | 'open'> = { operands: [], open: true };

function mayMeet(deny: ProfileDeny, pattern: ProfileAllow, tool: ToolProfile): boolean {
  for (const command of commandsBelow(tool.profile.root)) {
    const way = reaches(pattern.scope, command);
    if (command.class === null || way === 'no' || (way === 'wild' && command.class !== 'safe')) continue;
    if (stepsFit(deny, command, pattern) && deny.options.every((option) => mayStand(option, command, pattern, tool)))
      return true;
  }
  return false;
}

/** Do the deny's words fit the command's, as far as either has some? What follows are operands, which may be anything. */
function stepsFit({ steps }: ProfileDeny, command: Command, pattern: Pick<ProfileAllow, 'operands' | 'open'>): boolean {
  const line = lineOf(command);
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'any' || step.valueOf !== null || step.spellsSlash) return true;
    const at = line[index];
    if (at === undefined) return index > line.length || operandFits(step.matches, command, pattern);
    if (!at.names.some(step.matches)) return false;
  }
  return true;
}

/** The first word behind the command: the pattern's, where it is a literal, else whatever the command takes. */
function operandFits(
  matches: (text: string) => boolean,
  command: Command,
  { operands, open }: Pick<ProfileAllow, 'operands' | 'open'>,
): boolean {
  const [first] = operands;
  if (first?.kind === 'literal') return matches(first.text) || command.operands.types[0]?.kind === 'list';
  return first !== undefined || open;
}

function lineOf(command: Command): Command[] {
  return command.parent === null ? [] : [...lineOf(command.parent), command];
}

function mayStand(
  denied: DeniedOption,
  command: Command,
  pattern: ProfileAllow,
  { profile, options }: ToolProfile,
): boolean {
  for (const spec of optionsAt(command, profile.dialect)) {
    if (!isMeant(denied, spec)) continue;
    const spelled = pattern.options.some((option) => option.spec === spec || spec.names.includes(option.name));
    const passes = spec.class === 'safe' || options.of({ spec, name: '', values: [], on: true })?.verdict === 'allow';
    if (spelled || (pattern.open && passes)) return true;
  }
  return false;
}

/** Is the option word this option, with whatever value it spells? */
function isMeant({ whole, continued, source }: DeniedOption, { names }: OptionSpec): boolean {
  return names.some(
    (name) =>
      whole(name) || continued(name) || source.startsWith(`${name}=`) || (name.length === 2 && source.startsWith(name)),
  );
}
