/** Options and values that override what a pattern spells: where they do, no wildcard lets them through. */
import { quoted } from '../../model/visible.ts';
import type { SpelledOption } from './allow-pattern.ts';
import type { Matching, Refuse } from './matching.ts';
import { judgeType, type ValueType } from './value-type.ts';

/** What an option names that gives the operands another meaning, as `-mount` of vault does to a path. */
export const OPERANDS = 'operands';

type Spelling = Pick<Matching, 'pattern' | 'call'>;

/**
 * The first of these names that the pattern spells. Where it reaches several commands, the option that it means is the
 * call's of that name: the pattern requires it, so it is there.
 */
export function spelledAmong(names: readonly string[], { pattern, call }: Spelling): string | undefined {
  const isCalled = ({ name, spec }: SpelledOption, other: string): boolean => {
    if (spec !== null) return spec.names.includes(other);
    return name === other || call.options.some((each) => [name, other].every((one) => each.spec.names.includes(one)));
  };
  return names.find((name) => pattern.options.some((spelled) => isCalled(spelled, name)));
}

/** Refuses a value of a shape that overrides an option which the pattern spells. */
export function refuseOverriding(text: string, type: ValueType, spelling: Spelling): Refuse | undefined {
  const name = spelledAmong(judgeType(type, text)?.shape?.overrides ?? [], spelling);
  if (name === undefined) return undefined;
  const shown = quoted(text, 80);
  const why = `${shown} overrides ${name}, which the pattern spells`;
  return { reason: 'value-refused', token: text, message: `argument ${shown} is not allowed`, why };
}
