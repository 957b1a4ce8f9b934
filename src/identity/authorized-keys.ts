/**
 * A client's file in `authorized_keys.d/`: ordinary authorized_keys lines (sshd(8)) that stock sshd reads as well, each
 * tied to its client and its policies by a forced command.
 *
 * Invariant: an option that is not honoured here exactly is an error, never skipped, because skipping one could only
 * widen what its line was meant to allow.
 */
import type { Place } from '../model/decision.ts';
import type { Problem } from '../model/problem.ts';
import { didYouMean } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import type { AddressRule } from './address.ts';
import { parseFrom } from './address.ts';
import { parseExpiryTime } from './expiry.ts';
import type { ForcedCommand } from './forced-command.ts';
import { parseForcedCommand } from './forced-command.ts';
import type { KeyLine, KeyOption } from './key-line.ts';
import { parseKeyLine } from './key-line.ts';
import type { PublicKey } from './public-key.ts';
import { fingerprint, parsePublicKey } from './public-key.ts';

/** One key of a client, with everything that its line says. */
export interface AuthorizedKey {
  readonly client: string;
  readonly key: PublicKey;
  readonly fingerprint: string;
  /** Names of policies, as the line orders them; at least one, each once. */
  readonly policies: readonly string[];
  /** The forced command's `--dir`; null where it has none. */
  readonly directory: string | null;
  /** Where the client may come from; null for anywhere. */
  readonly from: readonly AddressRule[] | null;
  /** Milliseconds since 1970; null for never. Judge it with `isExpired`. */
  readonly expiresAt: number | null;
  readonly comment: string;
  readonly place: Place;
}

/** Keys and problems of one file. With an error among the problems none of the keys is to be used. */
export interface AuthorizedKeysFile {
  readonly keys: readonly AuthorizedKey[];
  readonly problems: readonly Problem[];
}

/** What sshd reads of a line (SSH_MAX_PUBKEY_BYTES in OpenSSH). */
const MAX_LINE_CHARS = 16_384;

/** Options that only take away. Each is implied by `restrict`, so honouring them takes nothing more. */
const RESTRICTIONS = ['no-agent-forwarding', 'no-port-forwarding', 'no-pty', 'no-user-rc', 'no-x11-forwarding'];
const WITH_VALUE = ['command', 'from', 'expiry-time'];
const KNOWN = ['restrict', ...RESTRICTIONS, ...WITH_VALUE];

/**
 * Reads the text of a client's file. Every problem of every line is returned, with its place in `file`; a key that
 * stands twice is one. Never throws.
 */
export function parseAuthorizedKeys(file: string, client: string, text: string): AuthorizedKeysFile {
  const keys: AuthorizedKey[] = [];
  const problems: Problem[] = [];
  const lineOfKey = new Map<string, number>();
  for (const [index, content] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(content)) continue;
    const place = { file, line: index + 1, column: 1 };
    const parsed = parseLine(content, client, place);
    if ('problems' in parsed) {
      problems.push(...parsed.problems);
      continue;
    }
    const before = lineOfKey.get(parsed.key.base64);
    if (before !== undefined) problems.push(problem(place, `key ${parsed.fingerprint} is on line ${before} already`));
    lineOfKey.set(parsed.key.base64, before ?? place.line);
    keys.push(parsed);
  }
  return { keys, problems };
}

function parseLine(content: string, client: string, place: Place): AuthorizedKey | { problems: Problem[] } {
  if (content.length > MAX_LINE_CHARS)
    return { problems: [problem(place, `line is longer than ${MAX_LINE_CHARS} characters`)] };
  if (/[^\t\P{Cc}]/u.test(content)) return { problems: [problem(place, 'line holds control characters')] };
  const line = parseKeyLine(content);
  if (!line.ok) return { problems: [problem({ ...place, column: line.column }, line.reason)] };
  return judgeLine(line.line, client, place);
}

function judgeLine(line: KeyLine, client: string, place: Place): AuthorizedKey | { problems: Problem[] } {
  const faults = line.options.flatMap((option, i) => faultsOfOption(option, line.options.slice(0, i)));
  const command = judgeCommand(line.options, client);
  const from = judgeFrom(valueOf(line.options, 'from'));
  const expiresAt = judgeExpiry(valueOf(line.options, 'expiry-time'));
  const parsed = parsePublicKey(line.type, line.base64);
  for (const part of [command, from, expiresAt, parsed]) if (!part.ok) faults.push(part.reason);
  if (!command.ok || !from.ok || !expiresAt.ok || !parsed.ok || faults.length > 0) {
    return { problems: faults.map((fault) => problem(place, fault)) };
  }
  return {
    client,
    key: parsed.key,
    fingerprint: fingerprint(parsed.key.blob),
    policies: command.value.policies,
    directory: command.value.directory,
    from: from.value,
    expiresAt: expiresAt.value,
    comment: line.comment,
    place,
  };
}

type Judged<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** What is wrong with an option, whatever its value means. */
function faultsOfOption(option: KeyOption, before: readonly KeyOption[]): string[] {
  const name = quoted(option.name);
  if (!KNOWN.includes(option.name)) return [`option ${name} is not supported${didYouMean(option.name, KNOWN)}`];
  if (before.some((other) => other.name === option.name)) return [`option ${name} stands twice`];
  const takesValue = WITH_VALUE.includes(option.name);
  if (takesValue === (option.value !== null)) return [];
  return [takesValue ? `option ${name} has no value` : `option ${name} takes no value`];
}

function judgeCommand(options: readonly KeyOption[], client: string): Judged<ForcedCommand> {
  const text = valueOf(options, 'command');
  const missing = ['restrict', 'command'].filter((name) => !options.some((option) => option.name === name));
  if (missing.length > 0) return { ok: false, reason: `option ${missing.join(' is missing, option ')} is missing` };
  const parsed = parseForcedCommand(text ?? '');
  if (!parsed.ok) return parsed;
  if (parsed.command.client === client) return { ok: true, value: parsed.command };
  return {
    ok: false,
    reason: `command says client ${quoted(parsed.command.client)}, the file's name says ${quoted(client)}`,
  };
}

function judgeFrom(text: string | null): Judged<readonly AddressRule[] | null> {
  if (text === null) return { ok: true, value: null };
  const parsed = parseFrom(text);
  return parsed.ok ? { ok: true, value: parsed.rules } : parsed;
}

function judgeExpiry(text: string | null): Judged<number | null> {
  if (text === null) return { ok: true, value: null };
  const value = parseExpiryTime(text);
  if (value !== undefined) return { ok: true, value };
  return { ok: false, reason: `expiry-time: ${quoted(text)} is no time of the form YYYYMMDD[HHMM[SS]][Z]` };
}

/** The value of an option; null where the option or its value is missing. */
function valueOf(options: readonly KeyOption[], name: string): string | null {
  return options.find((option) => option.name === name)?.value ?? null;
}

function problem(place: Place, message: string): Problem {
  return { severity: 'error', place, path: '', message };
}
