/**
 * What is wrong in a file that an operator wrote: policies, `carapace.yaml`, authorized_keys lines. Readers of such files
 * return all problems at once, as values, and never throw for what a file says.
 */
import type { Place } from './decision.ts';
import { visible } from './visible.ts';

/** One thing that is wrong, and where. */
export interface Problem {
  /** `error`: the file (or the line of keys) is not used. `warning`: it is used, and somebody should look. */
  readonly severity: 'error' | 'warning';
  readonly place: Place;
  /** Where in the document, in words of its own: `tools.git.timeout_secs`; empty where the place says it all. */
  readonly path: string;
  /** What is wrong: lower case, no full stop, expected and actual. Text of the file in it has passed `visible()`. */
  readonly message: string;
}

/** `file:line:column: path: message`, so that editors and terminals can jump there. Safe to print. */
export function formatProblem(problem: Problem): string {
  const { file, line, column } = problem.place;
  const subject = problem.path === '' ? '' : `${visible(problem.path)}: `;
  return `${visible(file, 4096)}:${line}:${column}: ${subject}${problem.message}`;
}

/** Orders problems by file, line and column. */
export function compareProblems(a: Problem, b: Problem): number {
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1;
  return a.place.line - b.place.line || a.place.column - b.place.column;
}

/** True where one of the problems is an error: the file is not to be used. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

/**
 * The candidate that `word` was most likely meant to be, or undefined where none is near: at most a third of the
 * characters differ. Only for messages, never for a decision.
 */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  // Words of an operator are short; a longer one is no typing error, and the distance costs the product of the lengths.
  if (word.length > 64) return undefined;
  let nearest: string | undefined;
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = editDistance(word, candidate, least);
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** ` (did you mean 'x'?)` where a candidate is near, else the empty text: to be put after a message. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const nearest = nearestWord(word, candidates);
  return nearest === undefined ? '' : ` (did you mean '${visible(nearest)}'?)`;
}

/**
 * Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours count one each. Infinity
 * as soon as it is sure to be `limit` or more: most candidates are nothing like the word.
 */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swaps ? at(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1, swapped));
    }
    // A later row is at least as far away, but for a swap, which steps over one.
    if (Math.min(...row) >= limit && Math.min(...last) >= limit) return Infinity;
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
