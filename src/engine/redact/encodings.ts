/**
 * Every way in which a value may come back: the one list of the encodings that redaction knows. To add one, add a line to
 * `writtenForms`, or to `wrappedForms` where line breaks may stand between its characters. Pure.
 */
import { MIN_REDACTED_BYTES } from '../../model/injection.ts';
import {
  alternateQuote,
  ansiQuote,
  backslashQuote,
  doubleCharacter,
  doubleQuote,
  htmlEscape,
  jsonEscape,
  percentEncoder,
  percentEncoderOfAll,
  singleQuote,
  singleQuoteOfGit,
  singleQuoteRuns,
} from './encode-text.ts';

/** One way in which a value is written. */
export interface Form {
  /** What stands in the output, at least eight bytes. */
  readonly bytes: Buffer;
  /**
   * Whether line breaks, each with indentation after it, may stand between any two bytes, as `\n` and `\r` or as those two
   * characters each; there are then none in `bytes`, and no backslash at their end.
   */
  readonly wraps: boolean;
}

/** Wrapped forms that are shorter could be broken so that no part of them is telling. */
const MIN_WRAPPED_BYTES = 10;

const HEX = ['lower', 'upper'] as const;

/** What percent-encoders leave alone besides letters and digits, and what they make of a space. */
const PERCENT_STYLES = [
  { plain: '-_.~' }, // RFC 3986, section 2.3; PHP's rawurlencode
  { plain: "-_.!~*'()" }, // encodeURIComponent
  { plain: "-_.!~*'();,/?:@&=+$#" }, // encodeURI
  { plain: '-_.~/' }, // Python's quote
  { plain: '-_.~$&+:=@' }, // Go's PathEscape
  { plain: '-_.~$&+,;=' }, // Go's Userinfo: the password in a url
  { plain: "-_.~!$%&'()*+," }, // the same in the URL Standard: JavaScript
  { plain: '-_.~!$%&()*+,/:;=?@[\\]^`{|}' }, // and what stands behind its `?`
  { plain: '-_.*', space: '+' }, // URLSearchParams, Java's URLEncoder
  { plain: '-_.~', space: '+' }, // Go's QueryEscape, Python's quote_plus
  { plain: '-_.', space: '+' }, // PHP's urlencode
] as const;

const PERCENT_ENCODERS = HEX.flatMap((hex) => [
  ...PERCENT_STYLES.map((style) => percentEncoder({ ...style, hex })),
  percentEncoderOfAll(hex),
]);

/** Characters that encoders of JSON write as `\uXXXX`. */
const JSON_ESCAPED = [
  '', // JSON.stringify, Python, jq
  '<>&\u2028\u2029', // Go
  "<>&'", // PHP's JSON_HEX_TAG, JSON_HEX_AMP, JSON_HEX_APOS
  '<>&\'"', // and JSON_HEX_QUOT
  '<>&\'"+`', // .NET
] as const;

/** What escapers of HTML and XML write for the two quotes. */
const HTML_QUOTES = [
  { double: '"', single: "'" }, // text between tags
  { double: '&quot;', single: "'" }, // attributes in browsers and libxml2
  { double: '&quot;', single: '&#39;' }, // lodash, jq's @html
  { double: '&quot;', single: '&#039;' }, // PHP's htmlspecialchars
  { double: '&quot;', single: '&#x27;' }, // Python's html.escape
  { double: '&quot;', single: '&apos;' }, // XML
  { double: '&#34;', single: '&#39;' }, // Go, MarkupSafe
] as const;

/** What is written twice, each by programs of its own: quotes in CSV, SQL and YAML, `$` in compose files, backslashes. */
const DOUBLED = ['"', "'", '$', '\\'] as const;

/** Lines of a private key that are shorter than this give little away, and may be found by chance. */
const MIN_LINE_BYTES = 16;

/** All forms of a value, each once; none of a value that is too short. The value itself is the first. */
export function formsOf(value: string): Form[] {
  if (Buffer.byteLength(value) < MIN_REDACTED_BYTES) return [];
  const wrapped = wrappedForms(value).filter((bytes) => bytes.length >= MIN_WRAPPED_BYTES);
  return [
    ...unique(writtenForms(value)).map((bytes) => ({ bytes, wraps: false })),
    ...unique(wrapped).map((bytes) => ({ bytes, wraps: true })),
  ];
}

function writtenForms(value: string): string[] {
  return [
    value,
    ...PERCENT_ENCODERS.map((encode) => encode(value)),
    ...jsonForms(value),
    ...HTML_QUOTES.map((quotes) => htmlEscape(value, quotes)),
    ...DOUBLED.map((character) => doubleCharacter(value, character)),
    ...linesOfPrivateKeys(value),
    singleQuote(value, 'backslash'),
    singleQuote(value, 'double'),
    singleQuoteOfGit(value),
    singleQuoteRuns(value),
    doubleQuote(value),
    backslashQuote(value),
    ...[true, false].flatMap((ascii) => [ansiQuote(value, ascii), alternateQuote(value, ascii)]),
  ];
}

function wrappedForms(value: string): string[] {
  return [
    ...[0, 1, 2].flatMap((alignment) => base64Forms(value, alignment)),
    ...base64Forms(value, 0).map((text) => encodeURIComponent(text)),
    ...HEX.map((hex) => hexOf(value, hex)),
    ...(value.includes('\n') ? [joinedLines(value)] : []),
  ];
}

/**
 * The lines of each private key in PEM (RFC 7468) that a value is or holds, also within JSON: programs print them one by one,
 * with numbers, quotes or colours between. Headers and what stands around a key are public.
 */
function linesOfPrivateKeys(value: string): string[] {
  const parts = value.split('-----');
  const keys = parts.filter((_, index) => /^BEGIN .*PRIVATE KEY/.test(parts[index - 1] ?? ''));
  const lines = keys.flatMap((key) => key.split(/\s|\\+[rn]/));
  return lines.filter((line) => line.length >= MIN_LINE_BYTES && /^[A-Za-z0-9+/]+={0,2}$/.test(line));
}

/** A key in several lines, as it looks indented, joined, or with other line ends; without the backslash at its end, if any. */
function joinedLines(value: string): string {
  return value.replaceAll(/(?:[\r\n]|\\[rn])+[ \t]*/g, '').replace(/(?<!\\)\\+$/, '');
}

/** A JSON string, and such a string inside another: a document that is kept as text in a field. */
function jsonForms(value: string): string[] {
  const escapes = JSON_ESCAPED.flatMap((characters) => HEX.map((hex) => ({ characters, hex })));
  const once = escapes.flatMap((escaped) =>
    [false, true].flatMap((slash) =>
      (['none', ...HEX] as const).map((ascii) => jsonEscape(value, { escaped, slash, ascii })),
    ),
  );
  return [...once, JSON.stringify(once[0]).slice(1, -1)];
}

/**
 * Base64 (RFC 4648, sections 4 and 5) of a value with that many bytes (modulo 3) before it in what was encoded: the
 * characters that the value alone decides, and, where it is the end of what was encoded, those after them.
 */
function base64Forms(value: string, alignment: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(alignment), Buffer.from(value)]);
  const text = bytes.toString('base64');
  const begin = Math.ceil((alignment * 8) / 6);
  const inside = text.slice(begin, Math.floor((bytes.length * 8) / 6));
  const forms = [inside, text.slice(begin).replaceAll('=', ''), text.slice(begin)];
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
}

function hexOf(value: string, hex: 'lower' | 'upper'): string {
  const digits = Buffer.from(value).toString('hex');
  return hex === 'upper' ? digits.toUpperCase() : digits;
}

function unique(texts: readonly string[]): Buffer[] {
  return [...new Set(texts)].map((text) => Buffer.from(text));
}
