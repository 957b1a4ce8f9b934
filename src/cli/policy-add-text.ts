/** What `carapace policy add` says: the presets there are, and what to look at in one that was added. */
import { VIRTUAL_PORT } from '../engine/http/serve-http.ts';
import type { Problem } from '../model/problem.ts';
import { quoted, visible } from '../model/visible.ts';
import { formatPlace } from '../policy/explain.ts';
import type { HttpTool } from '../policy/http/http-tool.ts';
import type { CliTool } from '../policy/policy.ts';
import type { Placeholder } from '../policy/preset.ts';
import { type FoundProgram, programDirectories } from './find-program.ts';
import { problemJson, problemLine } from './policy-files.ts';
import type { Preset } from './presets.ts';
import { table } from './report.ts';

/** A tool of the preset, and where its program is on this host. */
export interface FittedTool {
  readonly tool: CliTool;
  readonly found: FoundProgram;
}

/** A policy that was written. */
export interface Added {
  readonly preset: Preset;
  readonly name: string;
  readonly path: string;
  /** As messages name the file. */
  readonly label: string;
  /** What `--dir` named. */
  readonly dir: string | undefined;
  readonly programs: readonly FittedTool[];
  readonly servers: readonly HttpTool[];
  readonly placeholders: readonly Placeholder[];
  /** Names of the secrets that are stored; null where whoever runs this may not look. */
  readonly stored: ReadonlySet<string> | null;
  /** Warnings of the policy, and errors of others beside it. */
  readonly problems: readonly Problem[];
}

/** Every preset with the first sentence of what it says about itself. */
export function presetTable(presets: readonly Preset[]): string {
  const rows = presets.map(({ name, about }) => [name, visible(firstSentence(about))]);
  return table([['PRESET', 'WHAT IT ALLOWS'], ...rows]);
}

/** A preset for programs. */
export function presetJson({ name, about }: Preset): Record<string, unknown> {
  return { name, about };
}

function firstSentence(text: string): string {
  return /^.*?[.:](?= [A-Z]|$)/.exec(text)?.[0] ?? text;
}

/** What was written, what in it has to be looked at, and how it is given to a client. */
export function addedText(added: Added): string {
  const { preset, path, label, programs, servers, placeholders } = added;
  // That a program is missing is said with what was looked for.
  const missing = new Set(
    programs.flatMap(({ tool, found }) => (found.path === undefined ? [`tools.${tool.name}.binary`] : [])),
  );
  const problems = added.problems.filter(({ severity, path: at }) => severity === 'error' || !missing.has(at));
  return [
    `wrote ${visible(path, 4096)}, from the preset ${preset.name}`,
    `  ${visible(preset.about, 1000)}`,
    'check next:',
    ...programs.map((fitted) => `  ${programLine(fitted, label)}`),
    ...servers.map((server) => `  ${serverLine(server, label)}`),
    ...exampleLines(placeholders, label).map((line) => `  ${line}`),
    ...placeholders.filter(isOfThisHost).map((found) => `  ${placeholderLine(found)}`),
    ...secretPlaceholders(added).map((found) => `  ${secretLine(found, added.stored)}`),
    ...(placeholders.length === 0
      ? []
      : [`  ${visible(label, 4096)}: tests: they name the same examples, and are run at every load`]),
    ...problems.map((problem) => `  ${problemLine(problem)}`),
    'then:',
    ...nextCommands(added).map((command) => `  ${command}`),
    `  or, for a client that is there: carapace client set CLIENT --policy ${added.name}${dirOption(added)}, with its other policies`,
    ...clientLines(programs, servers),
  ].join('\n');
}

/**
 * The shim hands standard input on only for the tools that its own list names, and ssh forwards what its configuration
 * says.
 */
function clientLines(programs: Added['programs'], servers: Added['servers']): string[] {
  const names = programs.filter(({ tool }) => tool.stdin !== 'none').map(({ tool }) => tool.name);
  const lines = [
    ...names.map((name) => `  echo ${name} >> ~/.config/carapace/stdin-tools    # it reads standard input`),
    ...servers.map((server) => `  ${forwardOf(server)}    # in ssh_config, below Host carapace`),
  ];
  if (servers.length > 0)
    lines.push('  ssh -N -F ~/.config/carapace/ssh_config carapace    # forwards as long as it runs');
  return lines.length === 0 ? [] : ['on the client machine:', ...lines];
}

/** A line of ssh_config(5). Where the policy names no port of the client machine, 8080 is as good as any. */
function forwardOf({ name, clientListen }: HttpTool): string {
  return `LocalForward 127.0.0.1:${clientListen ?? 8080} ${name}:${VIRTUAL_PORT}`;
}

/** As the policy has it, with its port. */
function originOf({ protocol, host, port, basePath }: HttpTool['upstream']): string {
  return `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}${basePath}`;
}

function serverLine({ name, place, upstream }: HttpTool, label: string): string {
  return `${visible(label, 4096)}:${place.line}:${place.column}: tools.${name}.upstream: ${visible(originOf(upstream), 4096)}, where its requests go`;
}

function programLine({ tool, found }: FittedTool, label: string): string {
  const { line, column } = tool.binaryPlace;
  const start = `${visible(label, 4096)}:${line}:${column}: tools.${tool.name}.binary: `;
  const insecure = found.insecure.map(({ path, why }) => `; ${visible(path, 4096)} is not taken: ${why}`).join('');
  if (found.path !== undefined) return `${start}${visible(found.path, 4096)}, as it was found on this host${insecure}`;
  const where = visible(programDirectories().join(', '), 4096);
  return `${start}${visible(tool.binary, 4096)}, which is not on this host, nor in any of ${where}${insecure}`;
}

/** One line for each example, with all its places: presets name theirs again and again. */
function exampleLines(placeholders: readonly Placeholder[], label: string): string[] {
  const lines = new Map<string, Set<number>>();
  for (const { kind, word, place } of placeholders)
    if (kind === 'example') lines.set(word, (lines.get(word) ?? new Set()).add(place.line));
  return Array.from(lines, ([word, [first = 1, ...others]]) => {
    const also = others.length === 0 ? '' : ` (also in line ${others.join(', ')})`;
    return `${visible(label, 4096)}:${first}: ${quoted(word, 120)}${also}: an example; change it to yours`;
  });
}

function isOfThisHost({ kind }: Placeholder): boolean {
  return kind === 'variable' || kind === 'directory';
}

function placeholderLine({ place, path, value, kind }: Placeholder): string {
  const what = kind === 'directory' ? 'a directory of this host' : 'what the tool gets, and the client never sees';
  return `${visible(formatPlace(place), 4096)}:${place.column}: ${visible(path)}: ${quoted(value, 120)}: ${what}`;
}

/** The secrets that the policy refers to, each where it stands first. */
function secretPlaceholders({ placeholders }: Added): Placeholder[] {
  const secrets = placeholders.filter(({ kind }) => kind === 'secret');
  return secrets.filter(({ word }, index) => secrets.findIndex((other) => other.word === word) === index);
}

function secretLine({ place, word }: Placeholder, stored: Added['stored']): string {
  const state = isStored(word, stored);
  const what =
    state === null ? 'only the user of the gateway can see whether it is set' : state ? 'set' : 'not set yet';
  return `${visible(formatPlace(place), 4096)}:${place.column}: secret ${visible(word)}: ${what}`;
}

/** Null where it is not known. */
function isStored(name: string, stored: Added['stored']): boolean | null {
  return stored === null ? null : stored.has(name);
}

/** As they are typed; an argument that a shell would take apart is left to the reader. */
function nextCommands(added: Added): string[] {
  const { name, stored } = added;
  const option = dirOption(added);
  const missing = secretPlaceholders(added).filter(({ word }) => isStored(word, stored) === false);
  return [
    ...missing.map(({ word }) => `carapace secret set ${visible(word)}${option}`),
    `carapace policy check${option}`,
    `carapace client add CLIENT --policy ${name} --key FILE${option}`,
  ];
}

function dirOption({ dir }: Added): string {
  return dir === undefined ? '' : ` --dir ${visible(dir, 4096)}`;
}

/** The same for programs. */
export function addedJson(added: Added): Record<string, unknown> {
  const { preset, name, path, programs, servers, placeholders, stored, problems } = added;
  return {
    preset: preset.name,
    policy: name,
    path,
    tools: programs.map(({ tool, found }) => ({
      tool: tool.name,
      binary: found.path ?? tool.binary,
      found: found.path !== undefined,
      insecure: found.insecure,
    })),
    servers: servers.map((server) => ({
      tool: server.name,
      upstream: originOf(server.upstream),
      localForward: forwardOf(server),
    })),
    secrets: secretPlaceholders(added).map(({ word }) => ({ name: word, stored: isStored(word, stored) })),
    check: placeholders.map(({ place, path: at, value, word, kind }) => ({
      file: place.file,
      line: place.line,
      column: place.column,
      path: at,
      value,
      word,
      kind,
    })),
    problems: problems.map(problemJson),
  };
}
