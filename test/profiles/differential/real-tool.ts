/** Runs real programs on many argument lists, and compares what they make of each with what our reader makes of it. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { formatProblem } from '../../../src/model/problem.ts';
import { loadProfile } from '../../../src/policy/profile/load-profile.ts';
import type { Profile } from '../../../src/policy/profile/profile.ts';
import { readCall, type ReadCall } from '../../../src/policy/profile/read-call.ts';

/** The end of one run. */
export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a tool showed of its reading of a list, or why it refused the list. */
export type Seen = { readonly shown: unknown } | { readonly refused: string };

/** True where the program is there and runs. */
export function isInstalled(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** Makes an empty directory for one test, and takes it away again. */
export async function inDirectory<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'carapace-differential-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** An empty home, no terminal, and messages in English: nothing of whoever runs the tests. */
function plainEnvironment(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: home, LC_ALL: 'C', TERM: 'dumb', NO_COLOR: '1' };
}

/**
 * Runs a program once for each list, in an empty directory where none is given. One shell starts all of them: a process of
 * Node for each would take most of the time.
 */
export async function runEach(
  program: readonly string[],
  lists: readonly (readonly string[])[],
  { cwd, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Run[]> {
  if (cwd === undefined) return inDirectory((made) => runEach(program, lists, { cwd: made, env }));
  const lines = lists.map((list) => {
    const command = [...program, ...list].map(quoteForShell).join(' ');
    return `${command} </dev/null; printf '\\036%d\\037' "$?"; printf '\\037' >&2\n`;
  });
  const { stdout, stderr } = await runOnce('sh', [], lines.join(''), {
    cwd,
    env: { ...plainEnvironment(cwd), ...env },
  });
  const errors = stderr.split('\u001f');
  const runs = stdout.split('\u001f').slice(0, -1);
  expect(runs.length).toBe(lists.length);
  return runs.map((text, index) => {
    const [output = '', status = ''] = text.split('\u001e');
    return { status: Number(status), stdout: output, stderr: errors[index] ?? '' };
  });
}

/** Gives a program its input and waits for all that it prints. */
export async function runOnce(
  program: string,
  args: readonly string[],
  input: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(program, args, { env: plainEnvironment('/nonexistent'), ...options });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  // A program may end before it has read all of it.
  child.stdin.on('error', () => undefined).end(input);
  await ended;
  return output;
}

/** What a program answers that reads lists as lines of JSON, and writes for each of them what it saw as another line. */
export async function answers(
  program: string,
  args: readonly string[],
  lists: readonly (readonly string[])[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Seen[]> {
  const env = { ...plainEnvironment(options.cwd ?? '/nonexistent'), ...options.env };
  const input = lists.map((list) => `${JSON.stringify(list)}\n`).join('');
  const { stdout, stderr } = await runOnce(program, args, input, { ...options, env });
  const lines = stdout.trim().split('\n');
  if (lines.length !== lists.length) throw new Error(`${lines.length} answers for ${lists.length} lists: ${stderr}`);
  return lines.map((line) => JSON.parse(line) as Seen);
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A profile of these lines. */
export function smallProfile(text: string): Profile {
  return load({
    name: 'small',
    file: 'small.yaml',
    text: `profile: 1\ntool: small\nversions: "1"\nsources: [here]\n${text}`,
  });
}

/** A profile that comes with Carapace. */
export function shippedProfile(name: string): Profile {
  const text = readFileSync(new URL(`../../../src/profiles/${name}.yaml`, import.meta.url), 'utf8');
  return load({ name, file: `${name}.yaml`, text });
}

function load(file: Parameters<typeof loadProfile>[0]): Profile {
  const loaded = loadProfile(file);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.profile;
}

/** The options of a reading: the last of each one's names, its values, and whether it is off. */
export function optionsOf({ options }: Pick<ReadCall, 'options'>): string[][] {
  return options.map(({ spec, values, on }) => [`${on ? '' : 'not '}${spec.names.at(-1) ?? ''}`, ...values]);
}

/** The operands of a reading, and the words of its command where the tool would show those. */
export function operandsOf({ operands }: Pick<ReadCall, 'operands'>): string[] {
  return operands.map(({ text }) => text);
}

/** The same words in the order of their code points, where a tool shows them in another one than they came in. */
export function inOrder(words: readonly (string | undefined)[]): string[] {
  return words.map((word) => word ?? '').sort();
}

export interface Compared {
  /** How many lists both accept, with the same reading. */
  agreed: number;
  /** Both accept, and read it otherwise. */
  readonly different: string[];
  /** Only the tool accepts. */
  readonly stricter: string[];
  /** Only we accept. */
  readonly looser: string[];
}

/** Compares the readings of each list; `show` says of ours what the tool lets be seen of its own. */
export function compare(
  profile: Profile,
  lists: readonly (readonly string[])[],
  seen: readonly Seen[],
  show: (call: ReadCall) => unknown,
): Compared {
  const compared: Compared = { agreed: 0, different: [], stricter: [], looser: [] };
  for (const [index, list] of lists.entries()) {
    const theirs = seen[index];
    if (theirs === undefined) throw new Error('a list without an answer');
    const ours = readCall(list, profile);
    const line = JSON.stringify(list);
    if (ours.fault !== null) {
      if ('shown' in theirs) compared.stricter.push(`${line} refused here: ${ours.fault.message}`);
    } else if ('refused' in theirs) compared.looser.push(`${line} refused there: ${theirs.refused}`);
    else if (JSON.stringify(show(ours)) === JSON.stringify(theirs.shown)) compared.agreed += 1;
    else compared.different.push(`${line} ours ${JSON.stringify(show(ours))} theirs ${JSON.stringify(theirs.shown)}`);
  }
  return compared;
}

/** How we refuse the beginning of a long option's name, which most parsers take for the whole of it. */
export const ABBREVIATION = /abbreviations are refused|option --[^- ]{0,2} is not known/;

/** Which lists may be refused by one side only: by its message. Nothing else may. */
export interface Expected {
  readonly agreed: number;
  readonly stricter?: RegExp;
  readonly looser?: RegExp;
}

/** Both read every list alike that both accept, and these are enough for that to mean something. */
export function expectAgreement(compared: Compared, { agreed, stricter = /$^/, looser = /$^/ }: Expected): void {
  expect(compared.different).toEqual([]);
  expect(compared.stricter.filter((line) => !stricter.test(line))).toEqual([]);
  expect(compared.looser.filter((line) => !looser.test(line))).toEqual([]);
  expect(compared.agreed).toBeGreaterThanOrEqual(agreed);
}
