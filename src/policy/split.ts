/**
 * Splits one line of text into words at blanks. Quotes only group, a backslash makes the next character literal, nothing
 * else is special. Patterns and the calls written in `tests:` are both split here, so that both read alike.
 */

/** One character (code point) of a word. */
export interface WordChar {
  readonly text: string;
  /** True where a backslash made it itself: it is then never a wildcard. */
  readonly literal: boolean;
}

export interface SplitWord {
  /** The word as it was written, quotes and backslashes included: for messages. */
  readonly source: string;
  readonly chars: readonly WordChar[];
}

export type Split =
  | { readonly ok: true; readonly words: readonly SplitWord[] }
  | { readonly ok: false; readonly message: string };

/**
 * `pattern`: inside double quotes a backslash makes any next character literal, as it does outside. `shell`: there it
 * does so only before `"`, `\`, `$` and a backtick (POSIX.1-2017 XCU 2.2.3), so that a call reads as typed at a prompt.
 */
export type SplitDialect = 'pattern' | 'shell';

const BLANKS = ' \t\n';
const SHELL_ESCAPES = '"\\$`';

interface Splitter {
  readonly dialect: SplitDialect;
  readonly points: readonly string[];
  at: number;
  /** Undefined between words, so that `''` is a word and a blank is none. */
  word: { source: string; readonly chars: WordChar[] } | undefined;
  quote: '"' | "'" | undefined;
  readonly words: SplitWord[];
}

/** Splits `text`. Only an unclosed quote is an error; a backslash at the end is itself. Never throws. */
export function splitWords(text: string, dialect: SplitDialect): Split {
  const splitter: Splitter = { dialect, points: Array.from(text), at: 0, word: undefined, quote: undefined, words: [] };
  while (splitter.at < splitter.points.length) step(splitter);
  if (splitter.quote !== undefined) {
    const kind = splitter.quote === '"' ? 'double' : 'single';
    return { ok: false, message: `a ${kind} quote is not closed; write \\${splitter.quote} for the character itself` };
  }
  endWord(splitter);
  return { ok: true, words: splitter.words };
}

/** The words' plain text, where no wildcards are wanted. */
export function plainText(word: SplitWord): string {
  return word.chars.map((char) => char.text).join('');
}

function step(splitter: Splitter): void {
  const char = splitter.points[splitter.at] ?? '';
  const next = splitter.points[splitter.at + 1];
  splitter.at += 1;
  if (splitter.quote === undefined && BLANKS.includes(char)) return endWord(splitter);
  const word = (splitter.word ??= { source: '', chars: [] });
  word.source += char;
  if (char !== '\\' || next === undefined || !escapes(splitter, next)) return addPlain(splitter, word.chars, char);
  word.source += next;
  word.chars.push({ text: next, literal: true });
  splitter.at += 1;
}

function addPlain(splitter: Splitter, chars: WordChar[], char: string): void {
  if (char === splitter.quote) splitter.quote = undefined;
  else if (splitter.quote === undefined && isQuote(char)) splitter.quote = char;
  else chars.push({ text: char, literal: char === '\\' });
}

function isQuote(char: string): char is '"' | "'" {
  return char === '"' || char === "'";
}

function escapes(splitter: Splitter, next: string): boolean {
  if (splitter.quote === "'") return false;
  return splitter.quote === undefined || splitter.dialect === 'pattern' || SHELL_ESCAPES.includes(next);
}

function endWord(splitter: Splitter): void {
  if (splitter.word !== undefined) splitter.words.push(splitter.word);
  splitter.word = undefined;
}
