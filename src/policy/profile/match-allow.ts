/**
 * Does an allow match this call, as its tool reads it? First the command, then the options, then the operands.
 *
 * Invariant: a wildcard reaches no command, option, value or operand that is not safe.
 */
import { quoted, visible } from '../../model/visible.ts';
import type { ProfileAllow } from './allow-pattern.ts';
import { judgeValue } from './judge-value.ts';
import { refuseOptions } from './match-options.ts';
import { refuseProgram } from './match-program.ts';
import { refuseOverriding } from './overrides.ts';
import { type Matching, NO_RULE, type ProfileContext, type ProfileMatch, type Refuse } from './matching.ts';
import { ANY, type PatternValue } from './pattern-value.ts';
import { reaches } from './pattern-walk.ts';
import type { Command } from './profile.ts';
import type { Operand, ReadCall } from './read-call.ts';
import { elementsOf, judgeType } from './value-type.ts';

/** Matches one pattern. Never throws; time grows with the arguments' length. */
export function matchProfileAllow(pattern: ProfileAllow, call: ReadCall, context: ProfileContext): ProfileMatch {
  const matching: Matching = { pattern, call, context, claims: [], reached: 0 };
  const refusal = refuseCommand(matching) ?? refuseOptions(matching) ?? refuseOperands(matching);
  if (refusal === undefined) return { matched: true, claims: matching.claims };
  return { matched: false, reached: matching.reached, ...refusal };
}

/** More than any call has options: whoever names the command explains better than whoever does not. */
const COMMAND_WEIGHT = 1000;

function refuseCommand(matching: Matching): Refuse | undefined {
  const { scope } = matching.pattern;
  const { command, verb } = matching.call;
  const way = reaches(scope, command);
  const token = verb.at(-1) ?? null;
  matching.reached = commonLength(scope.commands, command);
  if (way === 'no') return { reason: 'no-rule', token, message: NO_RULE, why: 'the pattern names another subcommand' };
  matching.reached += COMMAND_WEIGHT;
  const name = quoted(command.path.join(' '), 80);
  if (way === 'wild' && command.class !== 'safe') {
    const why = `${name} is of class ${command.class ?? 'none'}, and no wildcard stands for it: spell its words in the pattern`;
    return { reason: 'no-rule', token, message: `subcommand ${name} is not allowed`, why };
  }
  if (!command.readsStdin || matching.context.streams) return undefined;
  const why = `${name} reads its standard input: set 'stdin' for it`;
  return { reason: 'stdin-refused', token, message: `${name} reads its standard input, which is not allowed`, why };
}

function commonLength(commands: ReadonlySet<Command>, command: Command): number {
  const [first] = commands;
  const different = command.path.findIndex((word, index) => first?.path[index] !== word);
  return different === -1 ? command.path.length : different;
}

function refuseOperands(matching: Matching): Refuse | undefined {
  const { pattern, call } = matching;
  const { operands } = call;
  if (call.command.afterDashes === 'program') {
    const own = operands.filter(({ program }) => !program);
    if (pattern.dashes && !call.dashes) return missing('--');
    const refusal = refuseList(matching, pattern.operands, own, pattern.open && !pattern.dashes);
    return (
      refusal ??
      refuseProgram(
        pattern,
        operands.filter(({ program }) => program),
      )
    );
  }
  if (!pattern.dashes) return refuseList(matching, pattern.operands, operands, pattern.open);
  // Where a pattern spells the `--`, what stands behind it means something else than what stands before it.
  const before = operands.filter(({ behindDashes }) => !behindDashes);
  const behind = operands.filter(({ behindDashes }) => behindDashes);
  const refusal = refuseList(matching, pattern.operands, before, false);
  return refusal ?? refuseList(matching, pattern.behindDashes, behind, pattern.open);
}

function refuseList(
  matching: Matching,
  patterns: readonly PatternValue[],
  operands: readonly Operand[],
  open: boolean,
): Refuse | undefined {
  for (const [index, operand] of operands.entries()) {
    const pattern = patterns[index] ?? (open ? ANY : undefined);
    if (pattern === undefined) return oneTooMany(operand);
    const refusal = refuseOperand(matching, pattern, operand);
    if (refusal !== undefined) return refusal;
    matching.reached += 1;
  }
  const absent = patterns[operands.length];
  return absent === undefined ? undefined : missing(absent.source);
}

function refuseOperand(matching: Matching, pattern: PatternValue, operand: Operand): Refuse | undefined {
  const { claims, context } = matching;
  const { text: whole, type, behindDashes } = operand;
  const place = behindDashes ? 'behind-dashes' : 'operand';
  for (const text of elementsOf(whole, type)) {
    const judged = judgeValue(pattern, { text, type, place }, context.places);
    if (!judged.ok) return judged.refusal;
    if (judged.claim !== null) claims.push(judged.claim);
    const overriding = pattern.kind === 'literal' ? undefined : refuseOverriding(text, type, matching);
    if (overriding !== undefined) return overriding;
  }
  return undefined;
}

function missing(source: string): Refuse {
  return { reason: 'no-rule', token: null, message: NO_RULE, why: `the arguments end before '${visible(source)}'` };
}

function oneTooMany({ text, type }: Operand): Refuse {
  const reads = judgeType(type, text)?.class ?? 'safe';
  const why = `the pattern ends before ${quoted(text, 80)}${reads === 'safe' ? '' : ` (class ${reads})`}`;
  return { reason: 'no-rule', token: text, message: NO_RULE, why };
}
