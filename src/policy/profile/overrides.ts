/** Options and values that override what a pattern spells: where they do, no wildcard lets them through. */
import { quoted } from '../../model/visible.ts';
import type { SpelledOption } from './allow-pattern.ts';
import type { Refuse } from './matching.ts';
import { judgeType, type ValueType } from './value-type.ts';

/** What an option names that gives the operands another meaning, as `-mount` of vault does to a path. */
export const OPERANDS = 'operands';

/** The first of these names that the pattern spells. */
export function spelledAmong(names: readonly string[], spelled: readonly SpelledOption[]): string | undefined {
  return names.find((name) => spelled.some((option) => option.names.has(name)));
}

/** Refuses a value of a shape that overrides an option which the pattern spells. */
export function refuseOverriding(text: string, type: ValueType, spelled: readonly SpelledOption[]): Refuse | undefined {
  const name = spelledAmong(judgeType(type, text)?.shape?.overrides ?? [], spelled);
  if (name === undefined) return undefined;
  const shown = quoted(text, 80);
  const why = `${shown} overrides ${name}, which the pattern spells`;
  return { reason: 'value-refused', token: text, message: `argument ${shown} is not allowed`, why };
}
