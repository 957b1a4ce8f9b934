/**
 * The path of a request, taken apart without decoding it. What could be read as another path by somebody else on the way
 * is set apart as odd: only a rule that spells it lets it through.
 *
 * Odd are: escapes of unreserved characters (`%41`: two spellings of one path, RFC 3986 section 6.2.2.2), of `/`, `\`, `%`
 * and control characters, escapes that are none or no UTF-8, `;`, `{name}`, and whatever RFC 3986 section 3.3 has no
 * place for in a segment.
 */

/** One segment. Joined again, `runs` and `odd` in turn are its text. */
export interface Segment {
  readonly text: string;
  readonly odd: readonly string[];
  /** What stands around the odd: one more than those. */
  readonly runs: readonly string[];
  /** True for `.` and `..` in any spelling: no wildcard has a part in such a segment. */
  readonly dots: boolean;
}

/** Every place that may be odd; which is, `isOdd` says. */
const SUSPECT = /\{[\w-]{1,64}\}|(?:%[89a-f][\da-f])+|%[\da-f]{2}|[^\w\-.~!$&'()*+,=:@]/gi;

/** `..` ends a segment's name also before what servers cut off. */
const DOTS = /^(?:\.|%2e){1,2}(?:%20)*(?:;|$)/i;

/** Takes a path apart; it begins with `/`. Never throws, and takes time linear in the path. */
export function readPath(path: string): Segment[] {
  return path.slice(1).split('/').map(readSegment);
}

/** Takes a segment apart, of a request or of a rule. */
export function readSegment(text: string): Segment {
  const odd: string[] = [];
  const runs: string[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(SUSPECT)) {
    if (!isOdd(found)) continue;
    runs.push(text.slice(at, index));
    odd.push(found);
    at = index + found.length;
  }
  return { text, odd, runs: [...runs, text.slice(at)], dots: DOTS.test(text) };
}

function isOdd(found: string): boolean {
  if (!/^%[\da-f]{2}/i.test(found)) return true;
  return /^$|[\p{Cc}\w\-.~/\\%]/u.test(decodeText(found) ?? '');
}

/** Percent-decodes UTF-8; null for what is none. Never throws. */
export function decodeText(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Percent-decodes what can be decoded, and leaves the rest. */
export function decodeLoosely(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (escapes) => decodeText(escapes) ?? escapes);
}

/** The segments as a careless reader may see them: decoded, cut at `;`, without empty and dot segments. For denies. */
export function looseReading(segments: readonly Segment[]): string[] {
  const path = segments.map(({ text }) => decodeLoosely(text)).join('/');
  const read: string[] = [];
  for (const segment of path.split(/[/\\]/)) {
    const name = segment.replace(/[;#?\0].*$/s, '');
    if (name === '..') read.pop();
    else if (name !== '' && name !== '.') read.push(name);
  }
  return read;
}

/** A path as `readPath` took it apart. */
export function formatPathOf(segments: readonly Segment[]): string {
  return `/${segments.map(({ text }) => text).join('/')}`;
}
