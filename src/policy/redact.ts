/**
 * The arguments and the directory as the audit log may hold them: bounded, without the values that options with telling
 * names carry, and without what `input_deny` finds. A net, not a promise: what an operator knows to be secret belongs into
 * `redact_patterns`.
 */
import { type ContentRule, placeholder } from './content/content-rule.ts';
import { findContent } from './content/content-rules.ts';
import type { CliTool } from './policy.ts';

/** Arguments for the record. */
export interface RedactedArgv {
  /** Null where the policy keeps arguments out of the audit log. */
  readonly argv: readonly string[] | null;
  /** True where something was cut to fit. */
  readonly cut: boolean;
}

const MAX_ARGUMENT_BYTES = 4096;
const MAX_TOTAL_BYTES = 16_384;
/** What stands in place of a value. */
export const REDACTED = '[redacted]';

/** Parts of names that mean a credential. `auth` is not the beginning of `author`, which is no secret. */
const TELLING =
  /token|passw(?:or)?d|passphrase|passcode|secret|api[-_]?key|access[-_]?key|private[-_]?key|auth(?!ors?(?![a-z]))|credential|bearer|cookie/i;

/** `--name=value`, `name=value`, `Name: value`: the name, with what separates it from its value. */
const NAMED_VALUE = /^(-{0,2}[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?:=|: ?))[^]+$/;

/** The password of a url's user. */
const URL_PASSWORD = /(:\/\/[^\s/?#@:]*:)[^\s/?#@]+@/g;

/** Redacts and bounds an argument list; `tool` is undefined where the client has no such tool. Never throws. */
export function redactArgv(tool: CliTool | undefined, argv: readonly string[]): RedactedArgv {
  if (tool?.audit.logArgv === false) return { argv: null, cut: false };
  const patterns = (tool?.audit.redactPatterns ?? []).map((pattern) => pattern.toLowerCase());
  const kept = argv.map((argument, index) => redact(argument, argv[index - 1], patterns));
  return bounded(withoutContent(tool?.content.input ?? [], argv, kept));
}

/** Redacts and bounds the directory that the client names. Never throws. */
export function redactDirectory(tool: CliTool | undefined, directory: string): string {
  const rules = tool?.content.input ?? [];
  const [text = ''] = withoutContent(rules, [directory], [directory]);
  const cut = cutToBytes(text, MAX_ARGUMENT_BYTES);
  return cut.length < text.length ? `${cut}...` : text;
}

/**
 * What the policy refuses as content is not kept either. Nor is anything behind it: a key whose lines are an argument
 * each is found by its first line, and the others are what is worth keeping secret.
 */
function withoutContent(rules: readonly ContentRule[], texts: readonly string[], kept: readonly string[]): string[] {
  let marker: string | null = null;
  return texts.map((text, index) => {
    const found = marker === null && rules.length > 0 ? findContent(rules, text) : null;
    if (found !== null) marker = placeholder(found.name);
    return marker ?? kept[index] ?? '';
  });
}

function redact(argument: string, before: string | undefined, patterns: readonly string[]): string {
  if (before !== undefined && takesValue(before) && isTelling(before, patterns)) return REDACTED;
  const name = NAMED_VALUE.exec(argument)?.[1];
  if (name !== undefined && isTelling(name, patterns)) return name + REDACTED;
  const attached = patterns.some((pattern) => isShortOption(pattern) && argument.toLowerCase().startsWith(pattern));
  if (attached && argument.length > 2) return argument.slice(0, 2) + REDACTED;
  return argument.replace(URL_PASSWORD, `$1${REDACTED}@`);
}

/** An option whose value, if it has one, is the next argument. */
function takesValue(argument: string): boolean {
  return argument.startsWith('-') && argument !== '-' && argument !== '--' && !argument.includes('=');
}

/** Whether a name means a credential, or holds one of `patterns`, which are in lower case. */
export function isTelling(name: string, patterns: readonly string[]): boolean {
  const lower = name.toLowerCase();
  return (
    TELLING.test(lower) ||
    patterns.some((pattern) => (isShortOption(pattern) ? lower === pattern : lower.includes(pattern)))
  );
}

/** `-p`: compared as a whole, or it would be found in `--path`. */
function isShortOption(pattern: string): boolean {
  return /^-[^-]$/.test(pattern);
}

function bounded(argv: readonly string[]): RedactedArgv {
  const kept: string[] = [];
  let left = MAX_TOTAL_BYTES;
  let cut = false;
  for (const argument of argv) {
    if (left <= 0) return { argv: kept, cut: true };
    const text = cutToBytes(argument, Math.min(MAX_ARGUMENT_BYTES, left));
    kept.push(text);
    cut ||= text.length < argument.length;
    // An empty argument costs its quotes and comma, so that no number of them fills a record.
    left -= Buffer.byteLength(text) + 3;
  }
  return { argv: kept, cut };
}

/** The longest beginning of whole characters that fits. */
function cutToBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(maxBytes)).read);
}
