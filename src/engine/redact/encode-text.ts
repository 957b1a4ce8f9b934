/** Writes a text as other programs escape it. What each notation leaves alone is taken from the program named beside it. */

/** How percent-encoding is written. */
export interface PercentStyle {
  /** The characters besides letters and digits that stay as they are. */
  readonly plain: string;
  /** What a space becomes. Default: `%20`. */
  readonly space?: '+';
  readonly hex: 'lower' | 'upper';
}

/**
 * Makes a function that percent-encodes the bytes of a text (RFC 3986, section 2.1). It never throws, also where
 * `encodeURIComponent` does.
 */
export function percentEncoder({ plain, space, hex }: PercentStyle): (text: string) => string {
  return byteEncoder((byte) => {
    const character = String.fromCharCode(byte);
    if (character === ' ' && space !== undefined) return space;
    return /[A-Za-z0-9]/.test(character) || plain.includes(character) ? character : percentByte(byte, hex);
  });
}

/** Makes a function that percent-encodes every byte. */
export function percentEncoderOfAll(hex: 'lower' | 'upper'): (text: string) => string {
  return byteEncoder((byte) => percentByte(byte, hex));
}

function byteEncoder(encode: (byte: number) => string): (text: string) => string {
  const encoded = Array.from({ length: 256 }, (_, byte) => encode(byte));
  return (text) => {
    let written = '';
    for (const byte of Buffer.from(text)) written += encoded[byte] ?? '';
    return written;
  };
}

function percentByte(byte: number, hex: 'lower' | 'upper'): string {
  const digits = byte.toString(16).padStart(2, '0');
  return `%${hex === 'upper' ? digits.toUpperCase() : digits}`;
}

/** How a JSON string is written, beyond what `JSON.stringify` escapes. */
export interface JsonStyle {
  /** Characters that become `\uXXXX`, and how its digits are written. */
  readonly escaped: { readonly characters: string; readonly hex: 'lower' | 'upper' };
  /** The same for all that is not ASCII, and DEL. `none`: it stays. */
  readonly ascii: 'lower' | 'upper' | 'none';
  /** Whether `/` becomes `\/`. */
  readonly slash: boolean;
}

/** The text inside a JSON string (RFC 8259, section 7), without the quotes around it. */
export function jsonEscape(text: string, { escaped, ascii, slash }: JsonStyle): string {
  // Matched in UTF-16, as the escape is defined: a pair of surrogates becomes two escapes.
  return text.replaceAll(/[^ !#-[\]-~]|[/&'<>+`]/g, (character) => {
    if (escaped.characters.includes(character)) return unicodeEscape(character, escaped.hex);
    if (character >= '\u007f') return ascii === 'none' ? character : unicodeEscape(character, ascii);
    if (character === '/') return slash ? '\\/' : '/';
    return JSON.stringify(character).slice(1, -1);
  });
}

function unicodeEscape(character: string, hex: 'lower' | 'upper'): string {
  const digits = character.charCodeAt(0).toString(16).padStart(4, '0');
  return `\\u${hex === 'upper' ? digits.toUpperCase() : digits}`;
}

/** The text in HTML or XML, with quotes as they are given. */
export function htmlEscape(text: string, quotes: { readonly double: string; readonly single: string }): string {
  const escapes: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': quotes.double,
    "'": quotes.single,
  };
  return text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? character);
}

/** The text with each of a character written twice. */
export function doubleCharacter(text: string, character: string): string {
  return text.replaceAll(character, () => character + character);
}

/** The text inside single quotes, with each quote in it outside of them: after a backslash, or in double quotes. */
export function singleQuote(text: string, how: 'backslash' | 'double'): string {
  return text.replaceAll("'", how === 'backslash' ? `'\\''` : `'"'"'`);
}

/** The same as git writes it, which takes `!` out of the quotes as well (git's quote.c, `sq_quote_buf`): csh reads it there. */
export function singleQuoteOfGit(text: string): string {
  return text.replaceAll(/['!]/g, "'\\$&'");
}

/** The same with quotes that follow each other in one pair of double quotes, and none opened after the last: dash. */
export function singleQuoteRuns(text: string): string {
  const quoted = text.replaceAll(/'+/g, (run) => `'"${run}"'`);
  return text.endsWith("'") ? quoted.slice(0, -1) : quoted;
}

/** The text inside double quotes, where the shell gives four characters a meaning (POSIX.1-2024, XCU 2.2.3). */
export function doubleQuote(text: string): string {
  return text.replaceAll(/[\\"$`]/g, '\\$&');
}

/** Backslashes as `printf %q` of bash writes them (bash's lib/sh/shquote.c, `bstab`), but for one before a first `#` or `~`. */
export function backslashQuote(text: string): string {
  return text.replaceAll(/[ \t\n!"$&'()*,;<>?[\\\]^`{|}]|(?<=[:=])~/g, '\\$&');
}

const ANSI_C: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\u001b': '\\E',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** The text inside `$'...'` as bash writes it; outside UTF-8 locales (`ascii`) with every other byte in octal. */
export function ansiQuote(text: string, ascii: boolean): string {
  const escaped = text.replaceAll(/[\\']/g, '\\$&').replaceAll(/[\0-\x1f\x7f]/g, (c) => ANSI_C[c] ?? octal(c));
  return ascii ? escaped.replaceAll(/[^\0-\x7f]+/g, octal) : escaped;
}

/** Single quotes with `$'...'` for runs of control characters, as GNU ls and printf(1) write them (gnulib's quotearg). */
export function alternateQuote(text: string, ascii: boolean): string {
  const parts = ascii ? /([\0-\x1f\x7f-\uffff]+)(')?|'/g : /([\0-\x1f\x7f]+)(')?|'/g;
  const quoted = text.replaceAll(parts, (_, run: string | undefined, quote: string | undefined) => {
    if (run === undefined) return "'\\''";
    // A quote that follows stands outside of any quotes, so none are opened between the two.
    const inside = ansiQuote(run, ascii).replaceAll('\\E', '\\033');
    return `'$'${inside}'${quote === undefined ? "'" : "\\''"}`;
  });
  // What ends in such a run ends with it: nothing is opened again.
  return /[\0-\x1f\x7f]$/.test(text) || (ascii && /[^\0-\x7f]$/.test(text)) ? quoted.slice(0, -1) : quoted;
}

function octal(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
