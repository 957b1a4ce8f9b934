/**
 * One line of an authorized_keys file, taken apart as sshd does it (sshkey_advance_past_options and
 * sshauthopt_parse in OpenSSH): options, key type, key, comment. What the parts mean is judged elsewhere.
 */
/** `name` or `name="value"`. Names in lower case: sshd compares them so. */
export interface KeyOption {
  readonly name: string;
  /** Without its quotes; null for an option that has none. */
  readonly value: string | null;
}

export interface KeyLine {
  readonly options: readonly KeyOption[];
  readonly type: string;
  readonly base64: string;
  /** The rest of the line, as it stands. */
  readonly comment: string;
}

export type ParsedKeyLine =
  | { readonly ok: true; readonly line: KeyLine }
  /** `reason`: one clause, safe to print; `column` counts characters from 1. */
  | { readonly ok: false; readonly reason: string; readonly column: number };

/** Key types begin like this; an options field never does. */
const KEY_TYPE = /^(ssh-|ecdsa-sha2-|rsa-sha2-|sk-|webauthn-sk-)/;

/** Takes a line apart. Blank lines and comments are the caller's to skip. Never throws. */
export function parseKeyLine(text: string): ParsedKeyLine {
  const start = text.search(/[^ \t]/);
  if (start === -1) return bad('line is blank', 1);
  const hasOptions = !KEY_TYPE.test(text.slice(start));
  const options = hasOptions ? parseOptions(text, start) : { options: [], end: start };
  if ('reason' in options) return { ok: false, ...options };
  const rest = /^[ \t]*([^ \t]+)[ \t]+([^ \t]+)[ \t]*(.*)$/s.exec(text.slice(options.end));
  const [, type, base64, comment = ''] = rest ?? [];
  if (type === undefined || base64 === undefined) return bad('expected a key type and a key', options.end + 1);
  return { ok: true, line: { options: options.options, type, base64, comment: comment.trimEnd() } };
}

type Fault = { readonly reason: string; readonly column: number };

/** `\"` in a value is a quotation mark; any other backslash is itself (opt_dequote in OpenSSH). */
const OPTION = /([A-Za-z0-9-]+)(?:="((?:\\"|[^"\\]|\\(?!"))*)")?/y;

/** Reads options up to the first blank outside quotes. `end` is the index of that blank. */
function parseOptions(text: string, start: number): { readonly options: KeyOption[]; readonly end: number } | Fault {
  const options: KeyOption[] = [];
  let at = start;
  for (;;) {
    OPTION.lastIndex = at;
    const [whole, name, value] = OPTION.exec(text) ?? [];
    if (whole === undefined || name === undefined) return fault('expected an option or a key type', at);
    options.push({ name: name.toLowerCase(), value: value?.replaceAll('\\"', '"') ?? null });
    at += whole.length;
    const next = text.charAt(at);
    if (/^[ \t]?$/.test(next)) return { options, end: at };
    if (next !== ',') return fault(`expected ',' or a blank after ${name}, or its value in double quotes`, at);
    at += 1;
  }
}

function fault(reason: string, index: number): Fault {
  return { reason, column: index + 1 };
}

function bad(reason: string, column: number): ParsedKeyLine {
  return { ok: false, reason, column };
}
