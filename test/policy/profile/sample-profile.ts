/** A small profile that has one of everything, and policies under it. */
import { formatProblem } from '../../../src/model/problem.ts';
import type { Decision } from '../../../src/model/decision.ts';
import { decideTool } from '../../../src/policy/decide.ts';
import { loadPolicy, type Profiles } from '../../../src/policy/load.ts';
import { type CliTool, cliTools } from '../../../src/policy/policy.ts';
import { loadProfile } from '../../../src/policy/profile/load-profile.ts';
import type { Profile } from '../../../src/policy/profile/profile.ts';
import type { WorkingDirectory } from '../../../src/policy/working-directory.ts';
import { policyText, type ToolParts } from '../policy-of.ts';

export const SAMPLE = `
profile: 1
tool: sample
versions: "1"
sources: ["this file"]
parser: pflag
types:
  body:
    - {match: "@*", class: reads-file, type: file, after: "@"}
    - {type: text}
  repo:
    - {match: "*/*/*", class: redirects}
    - {match: "*/*", type: word}
  format: [{match: "*-file=*", class: reads-file}, {contains: '\\$ENV', class: prints-secret}, {type: text}]
  resources: {list: ",", pair: "/", fold: {case: true, suffix: ".", synonyms: {po: pods, pod: pods, secret: secrets}}}
  query: [{match: "*repo:*", overrides: [--repo]}, {type: text}]
  zones: {list: ",", of: zone}
  zone: [{one-of: [a, b, c]}, {match: "x*", class: redirects}]
options:
  safe: |
    -v, --verbose (repeats)
    -q, --quiet (negatable)
    -n, --namespace <word>
  redirects: |
    -s, --server <url>
    --as <text>
commands:
  get:
    class: safe
    aliases: [show]
    operands: "<resources> [<word>...]"
    options:
      safe: |
        -o, --output <format>
        -w, --watch
        -A, --all (overrides --namespace)
        -l, --selector <text>
        --zones <zones>
        --limit <integer>
        --sort <up|down>
        --color [<word>]
      reads-file: |
        -f, --filename <file> (repeats)
  send:
    class: mutates
    operands: "<text>..."
    options: {safe: "-R, --repo <repo>\\n-b, --body <body>\\n--tag <word> (repeats)", mutates: "--force", safe-none: ""}
  fetch: {class: safe, operands: "<url> [<file>]", options: {safe: "--host <host>\\n--code <program>"}}
  run: {class: executes, operands: "<word>", after-dashes: program}
  exec: {class: executes, aliases: ["remote exec"], operands: "<word> [<word>...]", options-end: 1}
  rpc: {class: safe, stdin: reads}
  secret print: {class: prints-secret, operands: "<word>"}
  secret list: {class: safe, aliases: [ls]}
  search: {class: safe, operands: "[<query>...]", options: {safe: "--repo <repo>"}}
  save: {class: mutates, operands: "<word>", options: {writes-file: "-o <outfile>"}}
  kv: {class: safe, operands: "<word>", options: {safe: "--mount <word> (overrides operands)"}}
  move: {class: safe, operands: "<word> <zones>"}
  build: {class: safe, cwd: executes}
`.replace(', safe-none: ""', '');

export function sampleProfile(text = SAMPLE): Profile {
  const name = /^tool: (\S+)/m.exec(text)?.[1] ?? '';
  const loaded = loadProfile({ name, file: 'sample.yaml', text });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.profile;
}

/** A tool `sample` with these rules, under the sample profile or another. */
export function sampleTool(parts: ToolParts, profile = sampleProfile()): CliTool {
  const profiles: Profiles = { find: (name) => (name === 'sample' ? { ok: true, profile } : undefined) };
  const loaded = loadPolicy({ name: 'test', file: 'test.yaml', text: policyText('sample', parts), profiles });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const tool = cliTools(loaded.policy.tools).get('sample');
  if (tool === undefined) throw new Error('no tool');
  return tool;
}

/** Decides a call where the tool's directories, if it has any, exist as they are written. */
export function decideSample(tool: CliTool, argv: readonly string[], cwd?: string): Decision {
  const allowed = tool.cwdAllowed;
  const path = cwd ?? allowed?.[0];
  const directory: WorkingDirectory =
    allowed === null || path === undefined
      ? { kind: 'none' }
      : { kind: 'opened', directory: { path, dev: '0', ino: '0' }, allowed };
  return decideTool(new Map([['sample', tool]]), { tool: 'sample', argv, env: new Map(), cwd }, directory);
}

/** `allow`, or the reason of the denial. The call is split at blanks. */
export function verdict(parts: ToolParts, call: string | readonly string[], cwd?: string): string {
  const argv = typeof call === 'string' ? call.split(' ').filter((word) => word !== '') : call;
  return decideSample(sampleTool(parts), argv, cwd).reason ?? 'allow';
}
