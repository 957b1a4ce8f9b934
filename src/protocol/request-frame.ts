/**
 * The request inside a frame: JSON of a strict schema, checked field by field. Unknown keys are refused, so that a
 * newer client's wish is never silently dropped.
 */
import type { Meta, ReplyForm, ToolRequest } from '../model/request.ts';
import { quoted } from '../model/visible.ts';
import { parseStrictJson } from './strict-json.ts';

/** A request as a door hands it on: the tool's part, and what concerns the reply and the audit only. */
export interface WireRequest extends ToolRequest {
  readonly reply: ReplyForm;
  readonly meta: Meta;
}

export type ParsedRequest =
  | { readonly ok: true; readonly request: WireRequest }
  | {
      readonly ok: false;
      readonly reason: 'malformed' | 'unsupported-version' | 'too-large';
      readonly message: string;
    };

/** What `execve` takes on Linux (MAX_ARG_STRLEN, execve(2)), without the NUL that ends it. */
export const MAX_ARGUMENT_BYTES = 131_071;
/** Far above any call, and few enough that deciding about them stays cheap. */
const MAX_ARGUMENTS = 16_384;
const MAX_META_WORDS = 16;
const MAX_META_CHARS = 128;

const KEYS = ['v', 'tool', 'argv', 'cwd', 'env', 'reply', 'meta'];

class Refused extends Error {
  readonly reason: 'malformed' | 'unsupported-version' | 'too-large';
  constructor(message: string, reason: 'malformed' | 'unsupported-version' | 'too-large' = 'malformed') {
    super(message);
    this.reason = reason;
  }
}

/** Parses the bytes of a frame. Never throws. */
export function parseRequest(payload: Buffer): ParsedRequest {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return { ok: false, reason: 'malformed', message: 'frame is not valid UTF-8' };
  }
  return parseRequestText(text);
}

/** Parses a request's JSON text, for the command line's tools that read requests a line. Never throws. */
export function parseRequestText(text: string): ParsedRequest {
  const json = parseStrictJson(text);
  if (!json.ok) return { ok: false, reason: 'malformed', message: `not strict JSON: ${json.message}` };
  try {
    return { ok: true, request: requestFrom(json.value) };
  } catch (thrown) {
    if (thrown instanceof Refused) return { ok: false, reason: thrown.reason, message: thrown.message };
    throw thrown;
  }
}

/** Checks one argument list, whichever form it came in. Returns what is wrong, or undefined. */
export function argumentsProblem(
  argv: readonly string[],
): { reason: 'malformed' | 'too-large'; message: string } | undefined {
  if (argv.length > MAX_ARGUMENTS) return { reason: 'too-large', message: `more than ${MAX_ARGUMENTS} arguments` };
  for (const [index, argument] of argv.entries()) {
    if (argument.includes('\0')) return { reason: 'malformed', message: `argument ${index + 1} holds NUL` };
    if (argument.length > MAX_ARGUMENT_BYTES / 3 && Buffer.byteLength(argument) > MAX_ARGUMENT_BYTES) {
      return { reason: 'too-large', message: `argument ${index + 1} is longer than ${MAX_ARGUMENT_BYTES} bytes` };
    }
  }
  return undefined;
}

function requestFrom(value: unknown): WireRequest {
  const object = objectFrom(value, 'request');
  // The version comes first: what else a newer request holds cannot be judged here.
  const version = object['v'];
  if (version !== undefined && version !== 1) {
    throw new Refused('its version is not 1; upgrade the gateway or the shim', 'unsupported-version');
  }
  for (const key of Object.keys(object)) if (!KEYS.includes(key)) throw new Refused(`unknown key ${quoted(key, 40)}`);
  const argv = argvFrom(object['argv']);
  return {
    tool: stringFrom(object['tool'], 'tool'),
    argv,
    cwd: object['cwd'] === undefined ? undefined : withoutNul(stringFrom(object['cwd'], 'cwd'), 'cwd'),
    env: wordsFrom(object['env'], 'env'),
    reply: replyFrom(object['reply']),
    meta: metaFrom(object['meta']),
  };
}

function argvFrom(value: unknown): string[] {
  if (!Array.isArray(value)) throw new Refused("'argv' must be a list of strings");
  const argv = value.map((item: unknown, index) => stringFrom(item, `argv[${index}]`));
  const problem = argumentsProblem(argv);
  if (problem !== undefined) throw new Refused(problem.message, problem.reason);
  return argv;
}

function metaFrom(value: unknown): Meta {
  const meta = wordsFrom(value, 'meta');
  if (meta.size > MAX_META_WORDS) throw new Refused(`'meta' has more than ${MAX_META_WORDS} words`);
  for (const [name, word] of meta) {
    if (name.length > MAX_META_CHARS || word.length > MAX_META_CHARS) {
      throw new Refused(`'meta' has a word longer than ${MAX_META_CHARS} characters`);
    }
  }
  return meta;
}

function replyFrom(value: unknown): ReplyForm {
  if (value === undefined) return 'raw';
  if (value !== 'raw' && value !== 'frames') throw new Refused("'reply' must be 'raw' or 'frames'");
  return value;
}

function wordsFrom(value: unknown, key: string): Map<string, string> {
  if (value === undefined) return new Map();
  const words = new Map<string, string>();
  for (const [name, word] of Object.entries(objectFrom(value, `'${key}'`))) {
    words.set(withoutNul(name, key), withoutNul(stringFrom(word, `${key}.${name}`), key));
  }
  return words;
}

function objectFrom(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refused(`${what} must be an object`);
  return value as Record<string, unknown>;
}

function stringFrom(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Refused(`${quoted(what, 40)} must be a string`);
  return value;
}

function withoutNul(text: string, key: string): string {
  if (text.includes('\0')) throw new Refused(`'${key}' holds NUL`);
  return text;
}
