import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/model/problem.ts';
import { compareProblems, didYouMean, formatProblem, hasErrors, nearestWord } from '../../src/model/problem.ts';

const at = (file: string, line: number, column: number, severity: Problem['severity'] = 'error'): Problem => ({
  severity,
  place: { file, line, column },
  path: 'tools.op',
  message: 'is wrong',
});

describe('problem', () => {
  it('prints a place that an editor can jump to', () => {
    expect(formatProblem(at('policies/a.yaml', 3, 7))).toBe('policies/a.yaml:3:7: tools.op: is wrong');
    expect(formatProblem({ ...at('a', 1, 1), path: '' })).toBe('a:1:1: is wrong');
  });

  it('escapes what a file name or a path could do to a terminal', () => {
    expect(formatProblem({ ...at('a\u001b[2J', 1, 1), path: 'x\ny' })).toBe('a\\x1b[2J:1:1: x\\ny: is wrong');
  });

  it('orders by file, then line, then column', () => {
    const sorted = [at('b', 1, 1), at('a', 10, 1), at('a', 2, 9), at('a', 2, 3)].toSorted(compareProblems);
    expect(sorted.map((p) => `${p.place.file}${p.place.line}.${p.place.column}`)).toEqual([
      'a2.3',
      'a2.9',
      'a10.1',
      'b1.1',
    ]);
  });

  it('tells errors from warnings', () => {
    expect(hasErrors([at('a', 1, 1, 'warning')])).toBe(false);
    expect(hasErrors([at('a', 1, 1, 'warning'), at('a', 1, 1)])).toBe(true);
  });

  it('finds the word that was meant', () => {
    const keys = ['timeout_secs', 'output_limit_bytes', 'stdin'];
    expect(nearestWord('tiemout_secs', keys)).toBe('timeout_secs');
    expect(nearestWord('stdn', keys)).toBe('stdin');
    expect(nearestWord('colour', keys)).toBeUndefined();
    expect(nearestWord('x'.repeat(100_000), keys)).toBeUndefined();
    expect(didYouMean('stdni', keys)).toBe(" (did you mean 'stdin'?)");
    expect(didYouMean('colour', keys)).toBe('');
  });

  it('finds a word itself at no distance', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 20 }),
        fc.array(fc.string({ maxLength: 20 })),
        (word, others) => {
          expect(nearestWord(word, [...others, word])).toBe(word);
        },
      ),
    );
  });
});
