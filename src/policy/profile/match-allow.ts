/**
 * Does an allow match this call, as its tool reads it?
 *
 * Invariants: an option that the pattern does not spell passes only by a closing `*`, only if it is safe or the tool's
 * `options` allow it, and only once unless it repeats. A wildcard reaches no command, option, value or operand that is
 * not safe. What the tool's `options` deny passes nowhere.
 */
import type { FileClaim } from '../../model/decision.ts';
import { quoted, visible } from '../../model/visible.ts';
import type { ProfileAllow, SpelledOption } from './allow-pattern.ts';
import type { Places } from './file-claim.ts';
import { judgeValue, type ValueRefusal } from './judge-value.ts';
import { matchProgram } from './match-program.ts';
import type { OptionRules } from './option-rules.ts';
import { ANY, type PatternValue } from './pattern-value.ts';
import { reaches } from './pattern-walk.ts';
import type { Command } from './profile.ts';
import type { Operand, ReadCall } from './read-call.ts';
import type { ReadOption } from './read-options.ts';
import { judgeType } from './value-type.ts';

export interface ProfileContext {
  readonly places: Places;
  readonly rules: OptionRules;
  /** True where the call gets what the client sends. */
  readonly streams: boolean;
}

export type ProfileMatch =
  | { readonly matched: true; readonly claims: readonly FileClaim[] }
  /** `reached`: how far it came; of several rules, the one that came furthest explains a denial best. */
  | ({ readonly matched: false; readonly reached: number } & Omit<ValueRefusal, 'token'> & {
        readonly token: string | null;
      });

type Refusal = Extract<ProfileMatch, { matched: false }>;
type Refuse = Omit<Refusal, 'matched' | 'reached'>;

/** Matches one pattern. Never throws; time grows with the arguments' length. */
export function matchProfileAllow(pattern: ProfileAllow, call: ReadCall, context: ProfileContext): ProfileMatch {
  const matcher = new Matcher(pattern, call, context);
  const refusal = matcher.refuseCommand() ?? matcher.refuseOptions() ?? matcher.refuseOperands();
  return refusal === undefined
    ? { matched: true, claims: matcher.claims }
    : { matched: false, reached: matcher.reached, ...refusal };
}

class Matcher {
  readonly claims: FileClaim[] = [];
  reached = 0;
  readonly #pattern: ProfileAllow;
  readonly #call: ReadCall;
  readonly #context: ProfileContext;

  constructor(pattern: ProfileAllow, call: ReadCall, context: ProfileContext) {
    this.#pattern = pattern;
    this.#call = call;
    this.#context = context;
  }

  refuseCommand(): Refuse | undefined {
    const { command, verb } = this.#call;
    const way = reaches(this.#pattern.scope, command);
    const token = verb.at(-1) ?? null;
    this.reached = commonLength(this.#pattern.scope.commands, command);
    if (way === 'no')
      return {
        reason: 'no-rule',
        token,
        message: 'no rule allows these arguments',
        why: 'it names another subcommand',
      };
    this.reached += 10;
    const name = command.path.join(' ');
    if (way === 'wild' && command.class !== 'safe') {
      const why = `'${name}' is of class ${command.class ?? 'none'}, and no wildcard stands for it: spell its words in the pattern`;
      return { reason: 'no-rule', token, message: `subcommand '${name}' is not allowed`, why };
    }
    if (!command.readsStdin || this.#context.streams) return undefined;
    const why = `'${name}' reads its standard input: set 'stdin' for it`;
    return { reason: 'stdin-refused', token, message: `'${name}' reads its standard input, which is not allowed`, why };
  }

  refuseOptions(): Refuse | undefined {
    const spelled = [...this.#pattern.options];
    for (const [index, option] of this.#call.options.entries()) {
      const at = spelled.findIndex((candidate) => names(candidate, option));
      const [match] = at === -1 ? [] : spelled.splice(at, 1);
      const refusal = match === undefined ? this.#refuseFurther(option, index) : this.#refuseSpelled(match, option);
      if (refusal !== undefined) return refusal;
      this.reached += 1;
    }
    const [missing] = spelled;
    if (missing === undefined) return undefined;
    const why = `option ${visible(missing.name, 80)} is missing, which the pattern spells`;
    return { reason: 'no-rule', token: null, message: 'no rule allows these arguments', why };
  }

  #refuseSpelled({ values, on }: SpelledOption, option: ReadOption): Refuse | undefined {
    if (option.on !== on) return optionRefused(option, `the pattern has it switched ${on ? 'on' : 'off'}`);
    const absent = values[option.values.length];
    if (absent !== undefined && absent.kind !== 'any')
      return optionRefused(option, `the pattern has it with '${absent.source}'`);
    return this.#refuseByRules(option) ?? this.#refuseValues(option, (index) => values[index] ?? values.at(-1) ?? ANY);
  }

  /** One that the pattern does not spell. */
  #refuseFurther(option: ReadOption, index: number): Refuse | undefined {
    const { spec, name } = option;
    const rule = this.#context.rules.of(option);
    if (!this.#pattern.open) return optionRefused(option, `the pattern does not spell it, and does not end in '*'`);
    const twice = this.#call.options.findIndex((other) => other.spec === spec) !== index || this.#isSpelled(option);
    if (twice && !spec.repeats)
      return optionRefused(option, 'it stands once more than the pattern spells it, and may not be repeated');
    if (spec.class !== 'safe' && rule === undefined) {
      const why = `it is of class ${spec.class}, and no wildcard stands for it: spell it in the pattern, or set options: {"${name}": allow}`;
      return optionRefused(option, why);
    }
    if (spec.stdin && !this.#context.streams) {
      const why = "it makes the tool read its standard input: spell it, or set 'stdin'";
      return {
        reason: 'stdin-refused',
        token: name,
        message: `option ${visible(name, 80)} reads the standard input`,
        why,
      };
    }
    return (
      this.#refuseByRules(option) ??
      (rule?.values === null || rule === undefined ? this.#refuseValues(option, () => ANY) : undefined)
    );
  }

  #isSpelled(option: ReadOption): boolean {
    return this.#pattern.options.some((spelled) => names(spelled, option));
  }

  /** What the tool's `options` say binds everywhere, also where a pattern spells the option. */
  #refuseByRules(option: ReadOption): Refuse | undefined {
    const rule = this.#context.rules.of(option);
    if (rule === undefined || (rule.verdict === 'allow' && rule.values === null)) return undefined;
    if (rule.verdict === 'deny') return optionRefused(option, `options: {"${rule.name}": deny} denies it`);
    const { values } = rule;
    const refused = option.values.findIndex(
      (_, index) => !(values ?? []).some((value) => this.#refuseValue(value, option, index) === undefined),
    );
    if (refused === -1 && option.values.length > 0) return undefined;
    const token = option.values[refused] ?? option.name;
    const why = `options: {"${rule.name}": [...]} lists other values`;
    return {
      reason: 'value-refused',
      token,
      message: `value ${quoted(token, 80)} of ${visible(option.name, 80)} is not allowed`,
      why,
    };
  }

  #refuseValues(option: ReadOption, patternOf: (index: number) => PatternValue): Refuse | undefined {
    for (const index of option.values.keys()) {
      const refusal = this.#refuseValue(patternOf(index), option, index);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #refuseValue(pattern: PatternValue, { spec, name, values }: ReadOption, index: number): Refuse | undefined {
    const type = spec.types[index] ?? spec.types.at(-1);
    if (type === undefined) return undefined;
    const whole = values[index] ?? '';
    const elements = type.kind === 'list' ? whole.split(type.separator) : [whole];
    for (const text of elements) {
      const judged = judgeValue(pattern, { text, type, place: 'value' }, this.#context.places);
      if (!judged.ok) return ofOption(judged.refusal, name);
      if (judged.claim !== null) this.claims.push(judged.claim);
    }
    return undefined;
  }

  refuseOperands(): Refuse | undefined {
    const { operands, command } = this.#call;
    const { dashes, open } = this.#pattern;
    if (command.afterDashes === 'program') {
      const program = operands.filter((operand) => operand.program);
      const own = operands.filter((operand) => !operand.program);
      if (dashes && !this.#call.dashes) return missing('--');
      const refusal = this.#refuseList(this.#pattern.operands, own, open && !dashes);
      return refusal ?? matchProgram(this.#pattern, program);
    }
    if (!dashes) return this.#refuseList(this.#pattern.operands, operands, open);
    // Where a pattern spells the `--`, what stands behind it means something else than what stands before it.
    const before = operands.filter(({ behindDashes }) => !behindDashes);
    const behind = operands.filter(({ behindDashes }) => behindDashes);
    return (
      this.#refuseList(this.#pattern.operands, before, false) ??
      this.#refuseList(this.#pattern.behindDashes, behind, open)
    );
  }

  #refuseList(patterns: readonly PatternValue[], operands: readonly Operand[], open: boolean): Refuse | undefined {
    for (const [index, operand] of operands.entries()) {
      const pattern = patterns[index] ?? (open ? ANY : undefined);
      if (pattern === undefined) return oneTooMany(operand);
      const place = operand.behindDashes ? 'behind-dashes' : 'operand';
      const judged = judgeValue(pattern, { text: operand.text, type: operand.type, place }, this.#context.places);
      if (!judged.ok) return judged.refusal;
      if (judged.claim !== null) this.claims.push(judged.claim);
      this.reached += 1;
    }
    const absent = patterns[operands.length];
    return absent === undefined ? undefined : missing(absent.source);
  }
}

function names({ spec, name }: SpelledOption, option: ReadOption): boolean {
  return spec === null ? option.spec.names.includes(name) : option.spec === spec;
}

function commonLength(commands: ReadonlySet<Command>, command: Command): number {
  const [first] = commands;
  const different = command.path.findIndex((word, index) => first?.path[index] !== word);
  return different === -1 ? command.path.length : different;
}

function optionRefused({ name }: ReadOption, why: string): Refuse {
  return {
    reason: 'option-refused',
    token: name,
    message: `option ${visible(name, 80)} is not allowed`,
    why: `option ${visible(name, 80)}: ${why}`,
  };
}

function ofOption(refusal: ValueRefusal, name: string): Refuse {
  const message = `value ${quoted(refusal.token, 80)} of ${visible(name, 80)} is not allowed`;
  const reason = refusal.reason === 'no-rule' ? 'value-refused' : refusal.reason;
  return { ...refusal, reason, message, why: `value of ${visible(name, 80)}: ${refusal.why}` };
}

function missing(source: string): Refuse {
  return {
    reason: 'no-rule',
    token: null,
    message: 'no rule allows these arguments',
    why: `the arguments end before '${visible(source)}'`,
  };
}

function oneTooMany({ text, type }: Operand): Refuse {
  const reads = judgeType(type, text)?.class;
  const why = `the pattern ends before ${quoted(text, 80)}${reads === undefined || reads === 'safe' ? '' : ` (class ${reads})`}`;
  return { reason: 'no-rule', token: text, message: 'no rule allows these arguments', why };
}
