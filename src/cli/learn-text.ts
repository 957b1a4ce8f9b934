/** What `carapace policy learn` says: lines to paste into a policy, and the same for programs. */
import { safeJson } from '../engine/audit/safe-json.ts';
import { visible } from '../model/visible.ts';
import type { Finding } from '../policy/learn/form.ts';
import type { Learned, Proposal, Refused, TriedCall } from '../policy/learn/propose.ts';
import { REDACTED } from '../policy/learn/write-word.ts';
import type { CliTool } from '../policy/policy.ts';

/** What was learned of one tool of one policy. */
export interface LearnedTool {
  readonly tool: CliTool;
  readonly learned: Learned;
}

/** A tool that was asked for by somebody who has none of that name. */
export interface UnknownTool {
  readonly tool: string;
  readonly times: number;
}

/**
 * YAML: a document for each policy, with its tools and their patterns, indented as in the policy. What is not harmless is
 * a comment, with what it does above it; so is what no pattern allows.
 */
export function learnedText(tools: readonly LearnedTool[], unknown: readonly UnknownTool[]): string {
  const files = new Map<string, LearnedTool[]>();
  for (const each of tools) files.set(each.tool.place.file, [...(files.get(each.tool.place.file) ?? []), each]);
  const documents = Array.from(files, ([file, its]) =>
    [`# ${visible(file, 4096)}`, 'tools:', ...its.flatMap(toolLines)].join('\n'),
  );
  const strangers = unknown.map(
    ({ tool, times }) =>
      `# ${visible(tool)}: ${counted(times)}, and whoever made ${times === 1 ? 'it' : 'them'} has no tool of that name`,
  );
  return [documents.join('\n---\n'), ...strangers].filter((part) => part !== '').join('\n');
}

function toolLines({ tool, learned }: LearnedTool): string[] {
  const { proposals, refused, allowed } = learned;
  const harmless = proposals.filter(({ findings }) => findings.length === 0);
  const others = proposals.filter(({ findings }) => findings.length > 0);
  const lines = [
    ...remarks(tool, harmless, allowed),
    ...harmless.flatMap((proposal) => [...redactedLines(proposal), `- ${patternLine(proposal)}`]),
    ...others.flatMap((proposal) => [
      `# ${proposal.findings.map(findingText).join('; ')}:`,
      ...redactedLines(proposal),
      `# - ${patternLine(proposal)}`,
    ]),
    ...(refused.length === 0 ? [] : ['# no pattern allows these:', ...refused.map(refusedLine)]),
  ];
  return [`  ${tool.name}:`, '    argv_allow_patterns:', ...lines.map((line) => `      ${line}`)];
}

function remarks({ profile }: CliTool, harmless: readonly Proposal[], allowed: readonly TriedCall[]): string[] {
  const isOpen = harmless.some(({ open }) => open);
  const further = profile === null ? 'further operands' : 'further operands and harmless options';
  return [
    profile === null
      ? '# no profile: nothing is known of its options, so judge every line'
      : `# profile ${profile.profile.name}: what is not harmless is commented out, with what it does`,
    ...(isOpen ? [`# a * at the end takes ${further}, too`] : []),
    ...(allowed.length === 0 ? [] : [`# allowed already: ${counted(timesOf(allowed))}`]),
  ];
}

function patternLine({ pattern, calls }: Proposal): string {
  return `${yamlText(pattern)} # ${counted(timesOf(calls))}`;
}

function redactedLines({ calls }: Proposal): string[] {
  const isRedacted = calls.some(({ argv }) => argv.some((argument) => argument.includes(REDACTED)));
  return isRedacted ? ['# a value in it is redacted in the audit log, so * stands for any:'] : [];
}

function findingText({ what, does }: Finding): string {
  return what === '' ? visible(does, 400) : `${what} ${does}`;
}

function refusedLine({ call, reason, message }: Refused): string {
  const words = call.argv.map((argument) => (/^[^\s'"]+$/u.test(argument) ? argument : `'${argument}'`)).join(' ');
  return `#   ${visible(words, 200)}: ${message} (${reason}), ${counted(call.times)}`;
}

/** A scalar that YAML reads back as this text, without an escape where that can be. */
function yamlText(text: string): string {
  const plain = safeJson(text);
  const isShown = plain === `"${text.replace(/["\\]/g, '\\$&')}"`;
  return isShown && /["\\]/.test(text) ? `'${text.replaceAll("'", "''")}'` : plain;
}

function timesOf(calls: readonly TriedCall[]): number {
  return calls.reduce((sum, { times }) => sum + times, 0);
}

function counted(times: number): string {
  return `${times} ${times === 1 ? 'call' : 'calls'}`;
}

/** The same for programs. */
export function learnedJson(tools: readonly LearnedTool[], unknown: readonly UnknownTool[]): Record<string, unknown> {
  return {
    tools: tools.map(({ tool, learned }) => ({
      tool: tool.name,
      policy: tool.place.file,
      profile: tool.profile?.profile.name ?? null,
      proposals: learned.proposals.map(proposalJson),
      refused: learned.refused.map(({ call, reason, message }) => ({ ...callJson(call), reason, message })),
      allowed: learned.allowed.map(callJson),
    })),
    unknown,
  };
}

function proposalJson({ pattern, calls, findings, open }: Proposal): Record<string, unknown> {
  return { pattern, harmless: findings.length === 0, findings, open, calls: calls.map(callJson) };
}

function callJson({ argv, cwd, times }: TriedCall): Record<string, unknown> {
  return { argv, ...(cwd === undefined ? {} : { cwd }), times };
}
