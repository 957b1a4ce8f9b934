/** Makes a tool of what the schema accepted: defaults filled in, places kept. */
import type { ToolLimits } from '../model/permit.ts';
import type { ResourceLimits, RunAs } from '../model/run-as.ts';
import { compileInjections } from './compile-injection.ts';
import type { EnvironmentRules } from './environment.ts';
import type { DocumentPath, PolicyDocument } from './document.ts';
import type { CliTool, PolicyTest, ToolAudit } from './policy.ts';
import type { OptionRules } from './profile/option-rules.ts';
import type { Profile } from './profile/profile.ts';
import { compileToolProfile } from './profile/tool-profile.ts';
import type { AllowRule, Rule } from './rule.ts';
import type { CliToolSource } from './schema.ts';

/** What a tool is compiled with, beside its own lines. */
export interface ToolContext {
  readonly document: PolicyDocument;
  /** The OS user that the tool runs as. */
  readonly user: string;
  readonly profile: Profile | null;
  readonly options: OptionRules;
}

/** Compiles one tool. Never throws. */
export function compileTool(name: string, source: CliToolSource, context: ToolContext): CliTool {
  const { document, profile } = context;
  const path: DocumentPath = ['tools', name];
  const rules = rulesOf(path, source, document);
  const environment = environmentOf(source, context);
  return {
    type: 'cli',
    name,
    place: document.placeOfKey(path),
    binary: source.binary,
    binaryPlace: document.placeOf([...path, 'binary']),
    profile: profile === null ? null : compileToolProfile(profile, { ...rules, options: context.options }),
    profileNamed: source.profile !== undefined,
    ...rules,
    ...environment,
    secretPlaces: new Map(
      [...environment.secrets.keys()].map((variable) => [
        variable,
        document.placeOfKey([...path, 'env_inject', variable]),
      ]),
    ),
    content: { output: source.output_deny ?? [], input: source.input_deny ?? [] },
    cwdAllowed: source.cwd_allowed ?? null,
    cwdTrusted: source.cwd_trusted ?? false,
    limits: limitsOf(source),
    audit: auditOf(source),
    showPatterns: source.show_patterns ?? true,
    tests: testsOf(path, source, document),
  };
}

/** As whom the tool runs, and what its environment is made of. */
function environmentOf(
  source: CliToolSource,
  { user, profile }: ToolContext,
): EnvironmentRules & Pick<CliTool, 'runAs'> {
  const names = new Set(source.env_allow);
  const { plain, secrets } = compileInjections(source.env_inject ?? {}, source.redact);
  const runAs = runAsOf(source);
  return {
    envAllow: { locale: names.delete('LC_*'), names },
    envInject: new Map([...(profile?.neutralise ?? []), ...plain]),
    secrets,
    runAs,
    user: runAs?.kind === 'user' ? runAs.name : user,
  };
}

function rulesOf(
  path: DocumentPath,
  source: CliToolSource,
  document: PolicyDocument,
): Pick<CliTool, 'allow' | 'deny' | 'stdin'> {
  return {
    allow: placed(document, [...path, 'argv_allow_patterns'], source.argv_allow_patterns ?? []),
    deny: placed(document, [...path, 'argv_deny_patterns'], source.argv_deny_patterns ?? []),
    stdin: stdinOf(path, source, document),
  };
}

function placed<Pattern>(
  document: PolicyDocument,
  path: DocumentPath,
  rules: readonly Omit<Rule<Pattern>, 'place'>[],
): Rule<Pattern>[] {
  return rules.map((rule, index) => ({ ...rule, place: document.placeOf([...path, index]) }));
}

function stdinOf(
  path: DocumentPath,
  source: CliToolSource,
  document: PolicyDocument,
): 'none' | 'stream' | readonly AllowRule[] {
  const stdin = source.stdin ?? 'none';
  return typeof stdin === 'string' ? stdin : placed(document, [...path, 'stdin', 'stream'], stdin.stream);
}

/** Milliseconds between TERM and KILL. */
const KILL_GRACE_MS = 2000;

function limitsOf(source: CliToolSource): ToolLimits {
  const { rate_limit: rate, limits: resources } = source;
  return {
    timeLimitMs: (source.timeout_secs ?? 30) * 1000,
    outputLimitBytes: source.output_limit_bytes ?? null,
    killGraceMs: KILL_GRACE_MS,
    maxConcurrent: source.max_concurrent ?? 16,
    maxConcurrentTotal: source.max_concurrent_total ?? 64,
    rateLimit: rate == null ? null : { maxRequests: rate.max_requests, windowMs: rate.window_secs * 1000 },
    resources: resources === undefined ? null : resourcesOf(resources),
  };
}

function resourcesOf(source: NonNullable<CliToolSource['limits']>): ResourceLimits {
  return {
    cpuSeconds: source.cpu_secs ?? null,
    memoryBytes: source.memory ?? null,
    processes: source.processes ?? null,
    openFiles: source.open_files ?? null,
  };
}

function runAsOf({ run_as: source }: CliToolSource): RunAs | null {
  if (source === undefined) return null;
  const name = typeof source === 'string' ? source : source.user;
  return name === 'per-client' ? { kind: 'per-client' } : { kind: 'user', name };
}

function auditOf({ audit }: CliToolSource): ToolAudit {
  const logArgv = (audit?.enabled ?? true) && (audit?.log_argv ?? true);
  return { logArgv, redactPatterns: audit?.redact_patterns ?? [] };
}

function testsOf(path: DocumentPath, source: CliToolSource, document: PolicyDocument): PolicyTest[] {
  return (source.tests ?? []).map(({ allow, deny, reason = null }, index) => {
    const { argv, env, cwd } = allow ?? deny ?? { argv: [], env: undefined, cwd: undefined };
    const place = document.placeOf([...path, 'tests', index]);
    return {
      place,
      expect: allow === undefined ? 'deny' : 'allow',
      reason,
      argv,
      env: new Map(Object.entries(env ?? {})),
      cwd,
    };
  });
}
