/**
 * Reads an argument list where nothing is known of the tool: arguments stand for themselves, in order. What is known of a
 * tool's options is in `profile/`.
 */

/** What the rules ask about an argument: found once for a request, not once for a rule. */
export interface Argument {
  readonly text: string;
  /** Begins with `-`. No wildcard of an allow ever matches such an argument. */
  readonly dashed: boolean;
  /** Holds `://`: some tool may fetch it. */
  readonly urlLike: boolean;
  /** Holds a `..` segment, raw or percent-encoded: some tool may leave a directory by it. */
  readonly climbs: boolean;
  /** `blank`: tab or newline, and no other control character. `other`: one that could forge what a person reads. */
  readonly controls: 'none' | 'blank' | 'other';
}

export interface ParsedArgv {
  readonly arguments: readonly Argument[];
}

/** Parses an argument list. Never throws, in time linear in its length. */
export function parse(argv: readonly string[]): ParsedArgv {
  return { arguments: argv.map(argumentFrom) };
}

/** True where the text is a url from its first character on, but for blanks that a tool may skip. */
export function isUrl(text: string): boolean {
  return /^[\s\p{Cc}]*[a-z][a-z0-9+.-]*:\/\//iu.test(text);
}

/** The value of `--name=value`; undefined for an argument without one. */
export function attachedValue(argument: Argument): string | undefined {
  const equals = argument.dashed ? argument.text.indexOf('=') : -1;
  return equals === -1 ? undefined : argument.text.slice(equals + 1);
}

function argumentFrom(text: string): Argument {
  return {
    text,
    dashed: text.startsWith('-'),
    urlLike: text.includes('://'),
    climbs: climbs(text),
    controls: /[^\P{Cc}\t\n]/u.test(text) ? 'other' : /[\t\n]/.test(text) ? 'blank' : 'none',
  };
}

/**
 * `..` between two ends of a segment. `=` and `:` may come before a path in an argument (`if=../x`, `host:../x`), and
 * `?`, `#` and `;` end one for what reads urls. `%252e` is `%2e` for what decodes twice.
 */
const DOT_DOT = /(?:^|[/\\=:]|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){2}(?:$|[/\\?#;]|%(?:25)*(?:2f|5c))/i;

/** True where a `..` segment stands in the text, raw or percent-encoded. */
export function climbs(text: string): boolean {
  // Parsers of urls drop tabs and line ends, so that `.<tab>.` is `..` to them (WHATWG URL, 4.4).
  return DOT_DOT.test(text.replace(/[\t\n\r]/g, ''));
}
