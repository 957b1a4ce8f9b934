/** A decision as text for people: how the arguments were read, and of each rule why it did or did not match. */
import type { ConsideredRule, Decision, Place, ReadArgv, ReadOption } from '../model/decision.ts';
import { quoted, visible } from '../model/visible.ts';

/** `policies/claw.yaml:14`, as the audit log and `policy explain` name a rule. */
export function formatPlace({ file, line }: Place): string {
  return `${file}:${line}`;
}

/** Renders a decision in several lines, safe to print. For operators: it names rules and places. */
export function explainDecision(decision: Decision): string {
  const { rules, env, envDropped, rule } = decision;
  const lines = [headline(decision), ...explainRead(decision)];
  if (rule !== null) lines.push(`  decided by  ${visible(formatPlace(rule), 4096)}`);
  lines.push(...rules.map(explainRule));
  if (decision.verdict === 'allow') lines.push(...explainPermit(decision.permit));
  if (env.length + envDropped > 0) {
    const passed = env.length === 0 ? 'none' : env.map((name) => visible(name)).join(', ');
    lines.push(`  client's variables  ${passed} passed, ${envDropped} dropped`);
  }
  return lines.join('\n');
}

function headline(decision: Decision): string {
  if (decision.verdict === 'allow') return `allow: ${visible(decision.tool)}`;
  const token = decision.token === null ? '' : ` at ${quoted(decision.token)}`;
  return `deny: ${visible(decision.tool)}: ${decision.message} (${decision.reason}${token})`;
}

/** Nothing for a request that no tool was asked about: there are no rules then. */
function explainRead({ read, rules }: Decision): string[] {
  if (read !== null) return readLines(read);
  return rules.length === 0 ? [] : ['  read        word by word: no profile says what its options are'];
}

function readLines({ verb, options, operands }: ReadArgv): string[] {
  const words = verb.length === 0 ? 'none' : verb.map((word) => visible(word)).join(' ');
  return [
    `  subcommand  ${words}`,
    ...options.map((option) => `  option      ${explainOption(option)}`),
    ...operands.map((operand) => `  operand     ${quoted(operand)}`),
  ];
}

function explainOption({ name, values, on, class: optionClass }: ReadOption): string {
  const parts = [visible(name), ...values.map((value) => quoted(value)), ...(on ? [] : ['switched off'])];
  return `${parts.join(' ')}  (${optionClass})`;
}

/** One rule, and what came of it. */
export function explainRule({ kind, pattern, place, matched, why }: ConsideredRule): string {
  const outcome = matched ? 'matches' : `no: ${visible(why ?? '', 400)}`;
  return `  ${kind.padEnd(5)}  ${visible(formatPlace(place), 4096)}  ${quoted(pattern)}  ${outcome}`;
}

function explainPermit({ binary, cwd, stdin, limits }: Extract<Decision, { verdict: 'allow' }>['permit']): string[] {
  return [
    `  runs        ${visible(binary, 4096)}`,
    `  starts in   ${cwd === null ? 'an empty directory of its own' : visible(cwd.path, 4096)}`,
    `  stdin       ${stdin === 'stream' ? "the client's" : 'none'}`,
    `  time limit  ${limits.timeLimitMs / 1000} s`,
  ];
}
