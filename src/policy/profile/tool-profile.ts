/** A tool's rules under its profile: compiled when the policy is loaded. */
import type { AllowRule, DenyRule, Rule } from '../rule.ts';
import { compileProfileAllow, type CompiledProfileAllow } from './allow-pattern.ts';
import { compileProfileDeny, type ProfileDeny } from './deny-pattern.ts';
import type { OptionRules } from './option-rules.ts';
import type { Profile } from './profile.ts';

export interface ToolProfile {
  readonly profile: Profile;
  readonly allow: readonly Rule<CompiledProfileAllow>[];
  readonly deny: readonly Rule<ProfileDeny>[];
  readonly options: OptionRules;
  /** The patterns of those calls that get what the client sends. */
  readonly stream: readonly Rule<CompiledProfileAllow>[];
}

interface Rules {
  readonly allow: readonly AllowRule[];
  readonly deny: readonly DenyRule[];
  readonly stdin: 'none' | 'stream' | readonly AllowRule[];
  readonly options: OptionRules;
}

/** Reads the rules as the profile does. A pattern that no call can match stays, and says so. Never throws. */
export function compileToolProfile(profile: Profile, { allow, deny, stdin, options }: Rules): ToolProfile {
  const compileAllow = (rule: AllowRule): Rule<CompiledProfileAllow> => ({
    ...rule,
    compiled: compileProfileAllow(rule.pattern, profile),
  });
  return {
    profile,
    allow: allow.map(compileAllow),
    deny: deny.map((rule) => ({ ...rule, compiled: compileProfileDeny(rule.pattern, profile.dialect) })),
    stream: typeof stdin === 'string' ? [] : stdin.map(compileAllow),
    options,
  };
}
