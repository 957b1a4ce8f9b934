/**
 * Splits a plain exec command (`ssh gw op item list`) into words as a POSIX shell splits them, and refuses whatever a
 * shell would do more than that: this form is for people who debug by hand, and must never mean something else than it
 * looks. Source: POSIX.1-2017 XCU section 2.2 (quoting) and 2.3 (token recognition).
 */

export type CommandWords =
  | { readonly ok: true; readonly words: readonly string[] }
  | { readonly ok: false; readonly message: string };

/** What a shell expands, inside double quotes too; and the operators that it acts on outside quotes. Each is refused. */
const EXPANSIONS = '$`';
const OPERATORS = `;|&<>()\n${EXPANSIONS}`;

interface Splitter {
  readonly text: string;
  at: number;
  /** The word being read; undefined between words, so that `''` is a word and a blank is none. */
  word: string | undefined;
  readonly words: string[];
}

/** Splits a command. Quotes and backslash group, nothing expands; `*`, `?`, `[` and `~` are themselves. Never throws. */
export function splitCommandWords(text: string): CommandWords {
  const splitter: Splitter = { text, at: 0, word: undefined, words: [] };
  while (splitter.at < text.length) {
    const problem = step(splitter);
    if (problem !== undefined) return { ok: false, message: problem };
  }
  endWord(splitter);
  return { ok: true, words: splitter.words };
}

/** Reads one character or one quoted run; returns what is wrong, if anything is. */
function step(splitter: Splitter): string | undefined {
  const char = splitter.text[splitter.at] ?? '';
  if (char === ' ' || char === '\t') return blank(splitter);
  if (char === "'") return singleQuoted(splitter);
  if (char === '"') return doubleQuoted(splitter);
  if (char === '\\') return escaped(splitter);
  if (OPERATORS.includes(char)) return unquoted(char);
  if (char === '#' && splitter.word === undefined) return unquoted('#');
  add(splitter, char);
  splitter.at += 1;
  return undefined;
}

function blank(splitter: Splitter): undefined {
  endWord(splitter);
  splitter.at += 1;
}

function singleQuoted(splitter: Splitter): string | undefined {
  const end = splitter.text.indexOf("'", splitter.at + 1);
  if (end === -1) return 'a single quote is not closed';
  add(splitter, splitter.text.slice(splitter.at + 1, end));
  splitter.at = end + 1;
  return undefined;
}

function doubleQuoted(splitter: Splitter): string | undefined {
  add(splitter, '');
  splitter.at += 1;
  for (;;) {
    const char = splitter.text[splitter.at];
    if (char === undefined) return 'a double quote is not closed';
    if (EXPANSIONS.includes(char)) return `'${char}' is not expanded here; use single quotes`;
    splitter.at += 1;
    if (char === '"') return undefined;
    // Inside double quotes a backslash escapes only these (POSIX.1-2017 XCU 2.2.3).
    const next = splitter.text[splitter.at] ?? '';
    if (char === '\\' && next !== '' && '$`"\\'.includes(next)) {
      add(splitter, next);
      splitter.at += 1;
    } else {
      add(splitter, char);
    }
  }
}

function escaped(splitter: Splitter): string | undefined {
  const next = splitter.text[splitter.at + 1];
  if (next === undefined || next === '\n') return 'a backslash has nothing to escape';
  add(splitter, next);
  splitter.at += 2;
  return undefined;
}

function unquoted(char: string): string {
  return `${char === '\n' ? 'a newline' : `'${char}'`} outside quotes; no shell runs here, so quote it if it is part of an argument`;
}

function add(splitter: Splitter, text: string): void {
  splitter.word = (splitter.word ?? '') + text;
}

function endWord(splitter: Splitter): void {
  if (splitter.word !== undefined) splitter.words.push(splitter.word);
  splitter.word = undefined;
}
