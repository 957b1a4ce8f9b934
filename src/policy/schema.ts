/**
 * What a policy file may hold. This is the one place that says so: files are checked against it, editors get it as JSON
 * Schema, and the reference page is made from its descriptions.
 */
import * as z from 'zod';
import { allowedNameProblem, injectedNameProblem } from './environment.ts';
import {
  allowPatterns,
  call,
  count,
  denyPatterns,
  directoryProblem,
  fixedPathProblem,
  size,
  stdin,
  text,
} from './schema-fields.ts';
import { injected } from './schema-injection.ts';
import { contentRules } from './content/content-schema.ts';
import { httpTool, inject } from './http/http-schema.ts';
import { auditShape, expectation, MAX_CALLS, MAX_SECONDS, rateLimit } from './schema-shared.ts';

/** A name as useradd(8) accepts it. */
const userName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: 'expected the name of a user' });

const runAs = z.union([userName, z.strictObject({ user: userName.describe('Name of a user, or `per-client`.') })], {
  error: 'expected the name of a user, or {user: per-client}',
});

const resources = z.strictObject({
  cpu_secs: count(1, MAX_SECONDS).optional().describe('Seconds of CPU time of each process. Default: no limit.'),
  memory: size
    .optional()
    .describe('Bytes of address space of each process, as a number or as text such as `2GiB`. Default: no limit.'),
  processes: count(1, 1_000_000)
    .optional()
    .describe(
      'Processes and threads of the user, all its calls together, and about a dozen of the runner that starts them. Default: no limit.',
    ),
  open_files: count(3, 1_000_000).optional().describe('Open files of each process. Default: no limit.'),
});

const audit = z.strictObject({
  ...auditShape,
  enabled: z
    .boolean()
    .optional()
    .describe(
      '`false` leaves the arguments out of the audit records, as `log_argv: false` does. Default: `true`. Nothing goes unrecorded.',
    ),
  log_argv: z.boolean().optional().describe('Whether audit records hold the arguments. Default: `true`.'),
  log_body: z.boolean().optional().describe('Has no meaning for `type: cli`; accepted with a warning.'),
});

const test = expectation(
  call,
  'its arguments, without the name of the tool, as a shell would split them, or `{argv: [...], env: {...}, cwd: ...}`',
);

const cliTool = z.strictObject({
  type: z.literal('cli').describe('A program on this host.'),
  binary: text(fixedPathProblem).describe(
    'Absolute path of the program. It is started by this path, so a multi-call binary sees its name.',
  ),
  profile: z
    .string()
    .regex(/^[a-z][a-z0-9._-]{0,63}$/, { error: 'expected the name of a profile, or none' })
    .optional()
    .describe(
      'What is known of the options of the tool: the name of a profile, or `none`. Default: the profile of the name of the tool, if there is one.',
    ),
  argv_allow_patterns: allowPatterns
    .optional()
    .describe('Patterns of calls that are allowed. Default: none, so nothing is.'),
  argv_deny_patterns: denyPatterns
    .optional()
    .describe('Patterns of calls that are denied. A matching one beats any allow. Default: none.'),
  options: z
    .record(z.string(), z.union([z.enum(['allow', 'deny']), z.array(z.string()).min(1)]))
    .optional()
    .describe(
      'By the name of an option: `deny`; `allow` (a closing `*` lets it through although it is not safe); or patterns of the values that it may have. `deny` and values bind also where a pattern spells the option. Needs a profile. Default: none.',
    ),
  env_inject: z
    .record(text(injectedNameProblem), injected)
    .optional()
    .describe(
      'Variables set for the tool: text, in which `${secret:NAME}`, `${file:PATH}`, `${env:NAME}` and `${credential:NAME}` are filled in (`$${` is a literal `${`), or a mapping that says where the value is kept. Looked up after a call was allowed. They win over those of the client. Default: none.',
    ),
  redact: z
    .boolean()
    .optional()
    .describe(
      '`false`: what the tool prints is passed on as it is, for binary output; nothing injected is taken out of it. Default: `true`.',
    ),
  output_deny: contentRules
    .optional()
    .describe(
      'What the tool may not print: names of detectors, or mappings with an action. Looked for in stdout and stderr, in the clear. Default: none.',
    ),
  input_deny: contentRules
    .optional()
    .describe(
      'What the client may not send, in arguments, in variables that `env_allow` lets through, or on stdin, in the same form. In an argument or a variable it is always refused. Default: none.',
    ),
  run_as: runAs
    .optional()
    .describe(
      'The OS user that the tool runs as: the name of a user, or `{user: per-client}` for a user of its own for each client. Default: `run_as` of carapace.yaml.',
    ),
  limits: resources
    .optional()
    .describe('Limits of the kernel on the processes of a call (prlimit(1)). Default: those of the gateway.'),
  env_allow: z
    .array(text(allowedNameProblem))
    .optional()
    .describe('Names of variables that the client may set; `LC_*` stands for the locale categories. Default: none.'),
  cwd_allowed: z
    .array(text(directoryProblem))
    .min(1)
    .nullish()
    .describe(
      'Directories in which, or below which, the tool may start; the first is taken if the client names none. Default (`null`): that of the client is ignored and the tool starts in an empty one of its own.',
    ),
  cwd_trusted: z
    .boolean()
    .optional()
    .describe(
      '`true`: what lies in `cwd_allowed` is trusted, although the tool runs code that it finds there (git hooks, npm scripts). Default: `false`, and the calls of such a tool are refused.',
    ),
  stdin: stdin
    .optional()
    .describe(
      '`none`: the tool reads /dev/null. `stream`: it reads what the client sends. `{stream: [patterns]}`: only calls that match one of the patterns. Default: `none`.',
    ),
  timeout_secs: count(1, MAX_SECONDS)
    .optional()
    .describe('Seconds until the tool is ended, draining its output included. Default: 30.'),
  output_limit_bytes: size
    .nullish()
    .describe(
      'Bytes of stdout and stderr together, as a number or as text such as `100MiB`; beyond it the tool is ended. Default (`null`): no limit.',
    ),
  max_concurrent: count(1, MAX_CALLS)
    .optional()
    .describe('Calls of this tool that one client may have running at once. Default: 16.'),
  max_concurrent_total: count(1, MAX_CALLS)
    .optional()
    .describe('Calls of this tool that all clients together may have running at once. Default: 64.'),
  rate_limit: rateLimit.nullish().describe('Calls that one client may make in a time. Default (`null`): no limit.'),
  audit: audit.optional().describe('What the audit log holds of the calls. Default: the redacted arguments.'),
  show_patterns: z
    .boolean()
    .optional()
    .describe(
      'Whether the built-in word `tools` shows the allow patterns to clients. Default: `true`. Deny patterns are never shown.',
    ),
  tests: z
    .array(test)
    .optional()
    .describe(
      'Calls with the verdict that each must get, tried by `carapace policy test` and whenever the policy is loaded. Default: none.',
    ),
});

/** A policy file. */
export const policySchema = z.strictObject({
  version: z.literal(1).optional().describe('Version of the policy language. Default: 1, the only one.'),
  tools: z
    .record(z.string(), z.discriminatedUnion('type', [cliTool, httpTool]))
    .describe('The tools that a key with this policy may use, by name.'),
});

export type PolicySource = z.infer<typeof policySchema>;
export type CliToolSource = z.infer<typeof cliTool>;
export type ToolSource = PolicySource['tools'][string];

/** Keys and values that the policy language has, and this version has not: they are refused by name, never ignored. */
export const NOT_IN_THIS_VERSION: ReadonlySet<string> = new Set(['sandbox', 'sha256', 'stdio']);

/** Keys that may stand at a place of a document: for suggestions only. */
export function knownKeysAt(path: readonly PropertyKey[], document: unknown): readonly string[] {
  if (path.length === 0) return Object.keys(policySchema.shape);
  if (path[0] !== 'tools' || path.length === 1) return [];
  const tool = isHttp(document, path[1]) ? httpTool : cliTool;
  if (path.length === 2) return Object.keys(tool.shape);
  const nested = new Map<PropertyKey | undefined, z.ZodObject>([
    ['audit', audit],
    ['inject', inject],
    ['limits', resources],
    ['run_as', z.strictObject({ user: userName })],
    ['rate_limit', rateLimit],
  ]).get(path[2]);
  if (path[2] === 'tests') return ['allow', 'deny', 'reason'];
  return nested === undefined ? [] : Object.keys(nested.shape);
}

/** Asked of the file itself, which may be no policy. */
function isHttp(document: unknown, name: PropertyKey | undefined): boolean {
  const source = policyTypes.safeParse(document);
  return source.success && source.data.tools[String(name)]?.type === 'http';
}

const policyTypes = z.object({ tools: z.record(z.string(), z.object({ type: z.unknown() }).or(z.undefined())) });
