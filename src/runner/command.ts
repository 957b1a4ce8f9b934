/**
 * Checks every field of a line from the control connection: the runner believes nothing because of who sent it.
 *
 * Invariant: a command that comes out of here has the fields of its type, each of the right form, and no others.
 */
import { CALL_MARKER } from '../model/runner-messages.ts';
import type { RunnerCommand } from '../model/runner-messages.ts';

export type StartCommand = Extract<RunnerCommand, { type: 'start' }>;

/** `broken`: the line names no call, so nobody can be told; whoever sends such lines is not a gateway. */
export type ParsedCommand =
  | { readonly kind: 'command'; readonly command: RunnerCommand }
  | { readonly kind: 'refused'; readonly token: string; readonly field: string }
  | { readonly kind: 'broken' };

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

/** An hour: longer than any sensible grace, and far from the 2^31 ms where timers wrap to nothing. */
const MAX_GRACE_MS = 3_600_000;
const SIGNALS: readonly unknown[] = ['HUP', 'INT', 'TERM', 'KILL', 'STOP', 'CONT'];

/** What execve(2) cannot take, or would take as something else: NUL ends a string early, a lone surrogate has no bytes. */
const UNSENDABLE = /[\0\p{Cs}]/u;

const isText: Check = (value) => typeof value === 'string' && !UNSENDABLE.test(value);
const isToken: Check = (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
const isPath: Check = (value) => isText(value) && String(value).startsWith('/');
const isNumber: Check = (value) => typeof value === 'string' && /^[0-9]{1,20}$/.test(value);
const isArgv: Check = (value) => Array.isArray(value) && value.every(isText);
const isVariable: Check = (value) =>
  isText(value) && /^[^=]+=/.test(String(value)) && !String(value).startsWith(`${CALL_MARKER}=`);
const isEnvironment: Check = (value) => Array.isArray(value) && value.every(isVariable);
const isStdin: Check = (value) => value === 'none' || value === 'stream';
const isSignal: Check = (value) => SIGNALS.includes(value);
const isGrace: Check = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_GRACE_MS;
const isHome: Check = (value) => value === null || isPath(value);
/** 0 is no limit that a program could start under. */
const isLimit: Check = (value) => value === null || (Number.isSafeInteger(value) && Number(value) > 0);
const isAnything: Check = () => true;

const DIRECTORY: Fields = { path: isPath, dev: isNumber, ino: isNumber };
const isDirectory: Check = (value) => isRecord(value) && wrongField(value, DIRECTORY) === undefined;

const LIMITS: Fields = { cpuSeconds: isLimit, memoryBytes: isLimit, processes: isLimit, openFiles: isLimit };
const isLimits: Check = (value) => value === null || (isRecord(value) && wrongField(value, LIMITS) === undefined);

const FIELDS: ReadonlyMap<unknown, Fields> = new Map<unknown, Fields>([
  [
    'start',
    {
      type: isAnything,
      token: isToken,
      binary: isPath,
      argv: isArgv,
      env: isEnvironment,
      cwd: isDirectory,
      stdin: isStdin,
      killGraceMs: isGrace,
      home: isHome,
      limits: isLimits,
    },
  ],
  ['signal', { type: isAnything, token: isToken, signal: isSignal }],
  ['end', { type: isAnything, token: isToken }],
  ['ping', { type: isAnything, token: isToken }],
]);

/** Parses one line. Never throws. A line with a token but anything else wrong is `refused`, naming the first wrong field. */
export function parseCommand(line: string): ParsedCommand {
  const value = parseJson(line);
  if (!isRecord(value)) return { kind: 'broken' };
  const token = value['token'];
  if (typeof token !== 'string' || !isToken(token)) return { kind: 'broken' };
  const fields = FIELDS.get(value['type']);
  if (fields === undefined) return { kind: 'refused', token, field: 'type' };
  const field = wrongField(value, fields);
  if (field !== undefined) return { kind: 'refused', token, field };
  return { kind: 'command', command: value as unknown as RunnerCommand };
}

function wrongField(value: Record<string, unknown>, fields: Fields): string | undefined {
  const wrong = Object.entries(fields).find(([name, check]) => !Object.hasOwn(value, name) || !check(value[name]));
  if (wrong !== undefined) return wrong[0];
  return Object.keys(value).find((name) => !Object.hasOwn(fields, name));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
