/**
 * Warnings: what a policy says that is legal and probably not meant. A warning never changes a decision.
 */
import type { Problem } from '../model/problem.ts';
import { type DocumentPath, formatPath, type PolicyDocument } from './document.ts';
import { type CliTool, cliTools, type Policy } from './policy.ts';
import { lintInjection } from './lint-injection.ts';
import { lintToolProfile } from './profile/lint-profile.ts';
import type { CliToolSource, PolicySource, ToolSource } from './schema.ts';

/** Looks at a policy that the schema accepted. Never throws. */
export function lintPolicy(
  tools: ReadonlyMap<string, CliTool>,
  source: PolicySource,
  document: PolicyDocument,
): Problem[] {
  return [...tools.values()].flatMap((tool) => {
    const findings = lintTool(tool, source.tools[tool.name]);
    return findings.map(({ path, message }): Problem => {
      const whole = ['tools', tool.name, ...path];
      return { severity: 'warning', place: document.placeOf(whole), path: formatPath(whole), message };
    });
  });
}

interface Finding {
  /** Within the tool. */
  readonly path: DocumentPath;
  readonly message: string;
}

function lintTool(tool: CliTool, source: ToolSource | undefined): Finding[] {
  if (source?.type !== 'cli') return [];
  return [
    ...lintPatterns('argv_allow_patterns', tool.allow, (pattern) => lintAllow(pattern, tool.profile !== null)),
    ...lintPatterns('argv_deny_patterns', tool.deny, lintDialect),
    ...lintPatterns('argv_allow_patterns', tool.allow, (pattern) => lintOwnName(pattern, tool.name)),
    ...lintPatterns('argv_deny_patterns', tool.deny, (pattern) => lintOwnName(pattern, tool.name)),
    ...lintProfile(tool),
    ...lintEnvironment(tool, source),
    ...lintRest(tool, source),
  ];
}

function lintPatterns(
  key: string,
  rules: readonly { pattern: string }[],
  lint: (pattern: string) => string[],
): Finding[] {
  return rules.flatMap(({ pattern }, index) => lint(pattern).map((message) => ({ path: [key, index], message })));
}

function lintAllow(pattern: string, profiled: boolean): string[] {
  const words = pattern.trim().split(/[ \t]+/);
  const findings = lintDialect(pattern);
  if (pattern.trim() === '*' && !profiled)
    findings.push("allows every call without options; spell the tool's subcommands");
  else if (words[0] === '*' && words.length > 1)
    findings.push("the first '*' is exactly one operand, and never options before the rest");
  return findings;
}

/** What only the profile knows, and must be known before anybody relies on the policy. */
function lintProfile({ profile, cwdAllowed, cwdTrusted }: CliTool): Finding[] {
  if (profile === null) return [];
  const findings = profile.allow.flatMap(({ compiled }, index): Finding[] =>
    compiled.ok ? [] : [{ path: ['argv_allow_patterns', index], message: `no call can match it: ${compiled.problem}` }],
  );
  if (cwdAllowed === null || cwdTrusted || !profile.profile.executesDirectory) return findings;
  const message = 'the tool runs code that it finds there, so such calls are refused without cwd_trusted: true';
  return [...findings, { path: ['cwd_allowed'], message }];
}

/**
 * Looks at what a policy reaches under the profiles of its tools: for `policy check`, because it takes longer than a
 * policy takes to load. Never throws.
 */
export function lintReach(policy: Policy): Problem[] {
  return [...cliTools(policy.tools).values()].flatMap(({ name, profile, cwdAllowed }) => {
    const findings = profile === null ? [] : lintToolProfile(profile, cwdAllowed !== null);
    return findings.map(({ list, index, place, message }): Problem => {
      return { severity: 'warning', place, path: formatPath(['tools', name, list, index]), message };
    });
  });
}

/** Command lines of other pattern languages begin with the program. */
function lintOwnName(pattern: string, name: string): string[] {
  if (pattern.trim().split(/[ \t]+/)[0] !== name) return [];
  return [`begins with the tool's own name; a pattern is the arguments alone`];
}

/** Notations of other pattern languages, which are plain text here. */
const DIALECTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*!/, "a leading '!' is itself, and negates nothing; write a deny pattern"],
  [/^\s*#/, "a leading '#' is itself, and comments nothing out"],
  [/[@?*+!]\([^)]*\)/, "'(...)' is itself; write one pattern for each alternative"],
  [/\{[^{}]*(?:,|\.\.)[^{}]*\}/, "'{a,b}' is itself; write one pattern for each alternative"],
  [/[^\s\\]\|[^\s]/, "'|' is itself; write one pattern for each alternative"],
  [/\[\^/, "'^' in a class is itself; write '[!...]' for what the class does not hold"],
  [/\*\*/, "'**' is the same as '*', which matches '/' as well"],
  [
    /(?:^|\s)\^|\.\*(?:\s|$)|\$(?:\s|$)|\\[dws]/,
    'looks like a regular expression; patterns are globs, one word for one argument',
  ],
];

/** Every one of those notations holds one of these, and most patterns hold none. */
const NOTED = /[!#({|^$\\]|[*.]\*/;

function lintDialect(pattern: string): string[] {
  if (!NOTED.test(pattern)) return [];
  return DIALECTS.flatMap(([notation, message]) => (notation.test(pattern) ? [message] : []));
}

/** Variables by which common programs load code or choose the server that they talk to. */
const STEERING =
  /^(?:NODE_OPTIONS|NODE_PATH|PYTHON.*|PERL.*|RUBY.*|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|GIT_.*|SSH_.*|KUBECONFIG|EDITOR|VISUAL|PAGER|BROWSER|TERMINFO.*|.*_PROXY|SSL_CERT_.*|XDG_.*|.*_CONFIG(?:_.*)?|.*_HOST)$/i;

const NEUTRALISER_LOST = 'takes the place of what keeps the tool from running code or opening what it finds';

/** The same value again takes nothing away. A secret is not among the plain values, and takes the place of one of them. */
function isNeutraliserLost({ profile, envInject, secrets }: CliTool, name: string): boolean {
  const value = profile?.profile.neutralise.get(name);
  return value !== undefined && (secrets.has(name) || envInject.get(name) !== value);
}

function lintEnvironment(tool: CliTool, source: CliToolSource): Finding[] {
  const findings: Finding[] = [];
  for (const [index, name] of (source.env_allow ?? []).entries()) {
    const path = ['env_allow', index];
    if (Object.hasOwn(source.env_inject ?? {}, name))
      findings.push({ path, message: `${name} is also in env_inject, which wins` });
    else if (STEERING.test(name))
      findings.push({ path, message: `${name} may let the client choose code, a configuration or a server` });
  }
  for (const [name, value] of Object.entries(source.env_inject ?? {})) {
    if (isNeutraliserLost(tool, name)) findings.push({ path: ['env_inject', name], message: NEUTRALISER_LOST });
    for (const message of lintInjection(value, tool.secrets.get(name)))
      findings.push({ path: ['env_inject', name], message });
  }
  return findings;
}

/** The runner of a user has about a dozen threads, which count; a program and what it starts need the rest. */
const FEWEST_PROCESSES = 20;

function lintRest(tool: CliTool, source: CliToolSource): Finding[] {
  const findings: Finding[] = [];
  if (tool.allow.length === 0) findings.push({ path: [], message: 'allows nothing: it has no argv_allow_patterns' });
  if (source.audit?.log_body !== undefined)
    findings.push({ path: ['audit', 'log_body'], message: 'has no meaning for a cli tool' });
  if ((source.limits?.processes ?? FEWEST_PROCESSES) < FEWEST_PROCESSES) {
    const message = `may leave the tool none: all of its user count, and about a dozen threads of the runner; expected at least ${FEWEST_PROCESSES}`;
    findings.push({ path: ['limits', 'processes'], message });
  }
  const root = source.cwd_allowed?.indexOf('/') ?? -1;
  if (root !== -1)
    findings.push({ path: ['cwd_allowed', root], message: 'lets the client start the tool in every directory' });
  return findings;
}
