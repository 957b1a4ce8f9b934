/**
 * What a tool may not print and may not be given: looks for all that the rules of `output_deny` or `input_deny` name. A net
 * under the policy, not its boundary: only clear text is looked at, and what is encoded passes.
 */
import type { MetRule, OpenScanner, Scanner } from '../../model/content.ts';
import type { ContentRule } from './content-rule.ts';
import { LineScanner } from './line-scanner.ts';
import { createTokenFinder } from './token-finder.ts';
import { TokenScanner } from './token-scanner.ts';

/** By a policy's rules: they are compiled for the first call that needs them, and used until the policy is gone. */
const scanners = new WeakMap<readonly ContentRule[], OpenScanner>();

/** What looks through a stream for all that the rules find; null where there are no rules. */
export function scannerOf(rules: readonly ContentRule[]): OpenScanner | null {
  if (rules.length === 0) return null;
  const known = scanners.get(rules) ?? compileScanner(rules);
  scanners.set(rules, known);
  return known;
}

function compileScanner(rules: readonly ContentRule[]): OpenScanner {
  // Where two rules find something in the same place, the one that ends the call counts.
  const strictFirst = [
    ...rules.filter(({ action }) => action === 'end'),
    ...rules.filter(({ action }) => action !== 'end'),
  ];
  const tokens = strictFirst.flatMap((rule) =>
    typeof rule.finds === 'function' ? [] : rule.finds.candidates.map((candidate) => ({ rule, candidate })),
  );
  const patterns = strictFirst.flatMap((rule) =>
    typeof rule.finds === 'function' ? [{ rule, find: rule.finds }] : [],
  );
  const finder = createTokenFinder<MetRule>(tokens);
  return (met) => {
    if (patterns.length === 0) return new TokenScanner(finder, met);
    if (tokens.length === 0) return new LineScanner(patterns, met);
    return inTurn(new TokenScanner(finder, met), new LineScanner(patterns, met));
  };
}

/** What passes one scanner is looked through by the next. */
function inTurn(first: Scanner, next: Scanner): Scanner {
  return {
    push: (text) => next.push(first.push(text)),
    pause: () => next.push(first.pause()) + next.pause(),
    end: () => next.push(first.end()) + next.end(),
    holds: () => first.holds() || next.holds(),
  };
}

/** The first rule that finds something in a text, whatever its action; null for none. For arguments, one at a time. */
export function findContent(rules: readonly ContentRule[], text: string): { readonly name: string } | null {
  const met: MetRule[] = [];
  const scanner = scannerOf(rules)?.((rule) => met.push(rule));
  scanner?.push(Buffer.from(text).toString('latin1'));
  scanner?.end();
  const [first] = met;
  return first === undefined ? null : { name: first.name };
}
