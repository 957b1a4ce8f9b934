/** The tool's `options` in a policy: which options are denied, allowed beyond the profile, or bound to some values. */
import { didYouMean } from '../../model/problem.ts';
import { quoted } from '../../model/visible.ts';
import { parseWords } from '../words.ts';
import { compileValue, type PatternValue } from './pattern-value.ts';
import { commandsBelow, type Profile } from './profile.ts';
import type { ReadOption } from './read-options.ts';

export interface OptionRule {
  /** As the policy names the option. */
  readonly name: string;
  readonly verdict: 'allow' | 'deny';
  /** The values that it may have; null for any that its type lets a wildcard stand for. */
  readonly values: readonly PatternValue[] | null;
}

export interface OptionRules {
  /** The rule for an option, by whichever of its names the policy wrote. */
  readonly of: (option: ReadOption) => OptionRule | undefined;
}

export type OptionsSource = Readonly<Record<string, 'allow' | 'deny' | readonly string[]>>;

export type CompiledOptions =
  | { readonly ok: true; readonly rules: OptionRules }
  | { readonly ok: false; readonly problems: readonly { readonly name: string; readonly message: string }[] };

/** Compiles `options`. A name that the profile does not know is a problem. Never throws. */
export function compileOptions(source: OptionsSource, profile: Profile | null): CompiledOptions {
  const rules = new Map<string, OptionRule>();
  const problems: { name: string; message: string }[] = [];
  for (const [name, rule] of Object.entries(source)) {
    const message =
      profile === null
        ? 'needs a profile, and this tool has none'
        : (unknownName(name, profile) ?? doubled(name, [...rules.keys()], profile));
    if (message !== undefined) problems.push({ name, message });
    if (typeof rule === 'string') {
      rules.set(name, { name, verdict: rule, values: null });
      continue;
    }
    const compiled = rule.map(compileOne);
    for (const each of compiled) if (!each.ok) problems.push({ name, message: each.message });
    rules.set(name, { name, verdict: 'allow', values: compiled.flatMap((each) => (each.ok ? [each.value] : [])) });
  }
  if (problems.length > 0) return { ok: false, problems };
  if (rules.size === 0) return { ok: true, rules: NO_RULES };
  return {
    ok: true,
    rules: { of: ({ spec }) => spec.names.map((name) => rules.get(name)).find((rule) => rule !== undefined) },
  };
}

export const NO_RULES: OptionRules = { of: () => undefined };

function compileOne(text: string): ReturnType<typeof compileValue> {
  // One value, whatever blanks it holds: `Team *` is not two words here.
  const parsed = parseWords(text.replace(/[ \t\n'"]/g, '\\$&'));
  if (!parsed.ok) return parsed;
  const [word] = parsed.words;
  return word === undefined
    ? { ok: true, value: { kind: 'literal', source: '', text: '' } }
    : compileValue(word.pieces);
}

/** Two rules for one option would leave it to chance which of them binds. */
function doubled(name: string, earlier: readonly string[], { root }: Profile): string | undefined {
  if (earlier.length === 0) return undefined;
  for (const command of commandsBelow(root)) {
    const other = command.options.get(name)?.names.find((each) => earlier.includes(each));
    if (other !== undefined) return `is the option ${quoted(other, 80)}, which has a rule already`;
  }
  return undefined;
}

function unknownName(name: string, profile: Profile): string | undefined {
  const names = new Set<string>();
  for (const command of commandsBelow(profile.root)) {
    if (command.options.has(name)) return undefined;
    for (const known of command.options.keys()) names.add(known);
  }
  return `the profile '${profile.name}' knows no option ${quoted(name, 80)}${didYouMean(name, names)}`;
}
