/**
 * The options of a call against those that an allow spells.
 *
 * Invariants: a spelled option has to be there, once each time it is spelled. Another one passes only by a closing `*`,
 * only if it is safe or the tool's `options` allow it, and only once unless it repeats. What the tool's `options` deny
 * passes nowhere, and values that they list bind everywhere.
 */
import { quoted, visible } from '../../model/visible.ts';
import type { SpelledOption } from './allow-pattern.ts';
import { judgeValue } from './judge-value.ts';
import { type Matching, NO_RULE, type Refuse } from './matching.ts';
import { OPERANDS, refuseOverriding, spelledAmong } from './overrides.ts';
import { ANY, type PatternValue } from './pattern-value.ts';
import type { ReadOption } from './read-options.ts';
import { elementsOf } from './value-type.ts';

/** Refuses the first option that may not be there, or the first that is missing. Never throws. */
export function refuseOptions(matching: Matching): Refuse | undefined {
  const spelled = [...matching.pattern.options];
  const seen = new Set<ReadOption['spec']>();
  for (const option of matching.call.options) {
    const at = spelled.findIndex((candidate) => isNamed(candidate, option));
    const [match] = at === -1 ? [] : spelled.splice(at, 1);
    const refusal =
      match === undefined
        ? refuseFurther(matching, option, seen.has(option.spec))
        : refuseSpelled(matching, match, option);
    if (refusal !== undefined) return refusal;
    seen.add(option.spec);
    matching.reached += 1;
  }
  const [missing] = spelled;
  if (missing === undefined) return undefined;
  const why = `option ${visible(missing.name, 80)} is missing, which the pattern spells`;
  return { reason: 'no-rule', token: null, message: NO_RULE, why };
}

function isNamed({ spec, name }: SpelledOption, option: ReadOption): boolean {
  return spec === null ? option.spec.names.includes(name) : option.spec === spec;
}

/** Values that switch an option off. */
const OFF = /^(?:false|f|0|no|off|none|null)$/i;

function refuseSpelled(matching: Matching, { values, on }: SpelledOption, option: ReadOption): Refuse | undefined {
  if (option.on !== on) return optionRefused(option, `the pattern has it switched ${on ? 'on' : 'off'}`);
  const absent = values[option.values.length];
  if (absent !== undefined && absent.kind !== 'any')
    return optionRefused(option, `the pattern has it with '${visible(absent.source)}'`);
  // Spelled without a value, an option that may have one was meant to be on.
  if (values.length === 0 && option.values.some((value) => OFF.test(value)))
    return optionRefused(option, 'the pattern has it switched on');
  const refusal = refuseByRules(matching, option);
  return refusal ?? refuseValues(matching, option, (index) => values[index] ?? values.at(-1) ?? ANY);
}

/** One that the pattern does not spell. */
function refuseFurther(matching: Matching, option: ReadOption, again: boolean): Refuse | undefined {
  const refusal =
    refuseUnmeant(matching, option, again) ?? refuseUnsafe(matching, option) ?? refuseByRules(matching, option);
  if (refusal !== undefined) return refusal;
  // Where the tool's `options` list values, they have just been held against them.
  const isListed = matching.context.rules.of(option)?.values != null;
  return isListed ? undefined : refuseValues(matching, option, () => ANY);
}

/** May there be a further option at all, and this one again, and beside those that the pattern spells? */
function refuseUnmeant(matching: Matching, option: ReadOption, again: boolean): Refuse | undefined {
  const { pattern } = matching;
  const { spec, on } = option;
  const spelled = pattern.options.find((candidate) => isNamed(candidate, option));
  if (!pattern.open && spelled === undefined)
    return optionRefused(option, "the pattern does not spell it, and does not end in '*'");
  if (spelled !== undefined && spelled.on !== on) return optionRefused(option, 'it undoes what the pattern spells');
  if (!pattern.open || (again && !spec.repeats))
    return optionRefused(option, 'it stands once more than the pattern spells it');
  return refuseOverriders(matching, option);
}

/** An option that changes what the pattern spells: another option, or what its operands mean. */
function refuseOverriders(matching: Matching, option: ReadOption): Refuse | undefined {
  const { overrides } = option.spec;
  if (overrides.includes(OPERANDS) && matching.pattern.operands.some(({ kind }) => kind !== 'any'))
    return optionRefused(option, 'it gives the operands that the pattern spells another meaning');
  const overridden = spelledAmong(overrides, matching);
  if (overridden === undefined) return undefined;
  return optionRefused(option, `it overrides ${overridden}, which the pattern spells`);
}

function refuseUnsafe({ context }: Matching, option: ReadOption): Refuse | undefined {
  const { spec } = option;
  const name = visible(option.name, 80);
  if (spec.class !== 'safe' && context.rules.of(option)?.verdict !== 'allow') {
    const how = `spell it in the pattern, or set options: {"${name}": allow}`;
    return optionRefused(option, `it is of class ${spec.class}, and no wildcard stands for it: ${how}`);
  }
  if (!spec.stdin || context.streams) return undefined;
  const why = "it makes the tool read its standard input: spell it, or set 'stdin'";
  return { reason: 'stdin-refused', token: option.name, message: `option ${name} reads the standard input`, why };
}

/** What the tool's `options` say binds everywhere, also where a pattern spells the option. */
function refuseByRules(matching: Matching, option: ReadOption): Refuse | undefined {
  const rule = matching.context.rules.of(option);
  if (rule?.verdict === 'deny') return optionRefused(option, `options: {"${visible(rule.name, 80)}": deny} denies it`);
  if (rule?.values == null) return undefined;
  const allowed = (index: number): boolean =>
    rule.values?.some((value) => refuseValue(matching, value, option, index) === undefined) === true;
  const refused = option.values.findIndex((_, index) => !allowed(index));
  if (refused === -1 && option.values.length > 0) return undefined;
  const token = option.values[refused] ?? option.name;
  const why = `options: {"${visible(rule.name, 80)}": [...]} lists other values`;
  return { reason: 'value-refused', token, message: valueMessage(token, option), why };
}

function refuseValues(
  matching: Matching,
  option: ReadOption,
  patternOf: (index: number) => PatternValue,
): Refuse | undefined {
  for (const index of option.values.keys()) {
    const refusal = refuseValue(matching, patternOf(index), option, index);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refuseValue(matching: Matching, pattern: PatternValue, option: ReadOption, index: number): Refuse | undefined {
  const { spec, values, name } = option;
  const type = spec.types[index] ?? spec.types.at(-1);
  if (type === undefined) return undefined;
  const whole = values[index] ?? '';
  for (const text of elementsOf(whole, type)) {
    const judged = judgeValue(pattern, { text, type, place: 'value' }, matching.context.places);
    if (!judged.ok) {
      const reason = judged.refusal.reason === 'no-rule' ? 'value-refused' : judged.refusal.reason;
      const why = `value of ${visible(name, 80)}: ${judged.refusal.why}`;
      return { reason, token: text, message: valueMessage(text, option), why };
    }
    if (judged.claim !== null) matching.claims.push(judged.claim);
    const overriding = pattern.kind === 'literal' ? undefined : refuseOverriding(text, type, matching);
    if (overriding !== undefined) return overriding;
  }
  return undefined;
}

function valueMessage(value: string, { name }: ReadOption): string {
  return `value ${quoted(value, 80)} of ${visible(name, 80)} is not allowed`;
}

function optionRefused({ name }: ReadOption, why: string): Refuse {
  const shown = visible(name, 80);
  return {
    reason: 'option-refused',
    token: name,
    message: `option ${shown} is not allowed`,
    why: `option ${shown}: ${why}`,
  };
}
