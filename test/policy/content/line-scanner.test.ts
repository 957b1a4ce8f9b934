import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentRule } from '../../../src/policy/content/content-rule.ts';
import { findContent, scannerOf } from '../../../src/policy/content/content-rules.ts';
import { compileLinePattern } from '../../../src/policy/content/line-pattern.ts';
import { MAX_MATCH_BYTES } from '../../../src/policy/content/line-scanner.ts';
import { bytesOf, rulesFor, scan } from './scanning.ts';

function patternRule(name: string, pattern: string, action: 'redact' | 'end' = 'redact'): ContentRule {
  const compiled = compileLinePattern(pattern);
  if (!compiled.ok) throw new Error(compiled.message);
  return { name, action, finds: compiled.find };
}

const internal = patternRule('internal-id', 'INTERNAL-[0-9]{6}');
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

describe('a pattern in a stream', () => {
  const whole = 'see INTERNAL-123456, not INTERNAL-12345\nINTERNAL-654321';
  const redacted = 'see [redacted:internal-id], not INTERNAL-12345\n[redacted:internal-id]';

  it('is replaced wherever the stream is cut', () => {
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const { out, met } = scan([internal], [whole.slice(0, cut), whole.slice(cut)]);
      expect(out).toBe(redacted);
      expect(met).toEqual(['internal-id', 'internal-id']);
    }
    expect(scan([internal], bytesOf(whole)).out).toBe(redacted);
  });

  it('ends the call before any of it passes', () => {
    const strict = patternRule('internal-id', 'INTERNAL-[0-9]{6}', 'end');
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(scan([strict], [whole.slice(0, cut), whole.slice(cut)])).toEqual({ out: 'see ', met: ['internal-id'] });
    }
  });

  it('passes each complete line at once, and one that is not in a pause', () => {
    for (const rules of [[internal], [...rulesFor(['jwt']), internal]]) {
      const scanner = scannerOf(rules)?.(() => {});
      expect(scanner?.push('first\nsecond')).toBe('first\n');
      expect(scanner?.holds()).toBe(true);
      expect(scanner?.pause()).toBe('second');
      expect(scanner?.holds()).toBe(false);
      expect(scanner?.push(' line\n')).toBe(' line\n');
    }
  });

  it('is met, and its rest replaced, when its beginning passed in a pause', () => {
    const { out, met } = scan([internal], ['INTERNAL-123', '456 ok\n'], true);
    expect(out).toBe('INTERNAL-123[redacted:internal-id] ok\n');
    expect(met).toEqual(['internal-id']);
  });

  it('is met once when it goes on behind a pause', () => {
    const digits = patternRule('digits', '[0-9]{3,}');
    expect(scan([digits], ['a 123', '456', '789 b\n'], true)).toEqual({
      out: 'a [redacted:digits] b\n',
      met: ['digits'],
    });
  });

  it('does not reach over the end of a line', () => {
    const rule = patternRule('pair', 'a\\s+b');
    expect(scan([rule], ['a\nb a  b'])).toEqual({ out: 'a\nb [redacted:pair]', met: ['pair'] });
  });

  it('reads lines as UTF-8, and passes what is none as it is', () => {
    const rule = patternRule('word', 'gr.n|ö+');
    expect(scan([rule], bytesOf(latin1('über grün: ööö \u{1f600}')))).toEqual({
      out: latin1('über [redacted:word]: [redacted:word] \u{1f600}'),
      met: ['word', 'word'],
    });
    const binary = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
    expect(scan([internal], bytesOf(binary)).out).toBe(binary);
  });
});

it('ends the call for a rule that ends although another rule replaces the same', () => {
  const rules = [patternRule('all', 'key=[a-z0-9]+'), patternRule('strict', 'y=[0-9]+', 'end')];
  expect(scan(rules, ['x key=123 z\n']).met).toContain('strict');
  expect(scan(rules, ['x key=123', ' z\n'], true).met).toContain('strict');
});

describe('a long line', () => {
  const secret = 'INTERNAL-123456';

  it('hides no match, wherever it lies', () => {
    for (let before = MAX_MATCH_BYTES - 20; before < MAX_MATCH_BYTES * 2 + 20; before += 7) {
      const line = `${'x'.repeat(before)}${secret}${'y'.repeat(3 * MAX_MATCH_BYTES)}`;
      const { out, met } = scan([internal], [line]);
      expect(met).toEqual(['internal-id']);
      expect(out).toBe(line.replace(secret, '[redacted:internal-id]'));
    }
  });

  it('has each match replaced that only an earlier piece of it stands before', () => {
    const line = `${'x'.repeat(MAX_MATCH_BYTES - 96)}INTERNAL-111111${'x'.repeat(181)}INTERNAL-222222${'x'.repeat(6000)}`;
    const { out, met } = scan([internal], [line]);
    expect(met).toEqual(['internal-id', 'internal-id']);
    expect(out).toBe(line.replaceAll(/INTERNAL-\d+/g, '[redacted:internal-id]'));
  });

  it('hides no match of the longest length', () => {
    const rule = patternRule('long', `<x*>`);
    const long = `<${'x'.repeat(MAX_MATCH_BYTES - 2)}>`;
    for (const before of [0, 1, MAX_MATCH_BYTES - 1, MAX_MATCH_BYTES, MAX_MATCH_BYTES + 1, 5 * MAX_MATCH_BYTES - 3]) {
      const line = 'y'.repeat(before) + long + 'y'.repeat(MAX_MATCH_BYTES);
      expect(scan([rule], [line])).toEqual({ out: line.replace(long, '[redacted:long]'), met: ['long'] });
    }
  });
});

it('finds the same in a stream as in each line, whatever the chunks are', () => {
  const rules = [internal, patternRule('mail', '[a-z]+@corp'), patternRule('ab', '(?:ab)+c?')];
  const piece = fc.oneof(
    fc.constantFrom('INTERNAL-', '123456', 'abab', 'c', '@corp', 'ann', '\n', ' ', '\r\n'),
    fc.string({ maxLength: 4 }).map(latin1),
  );
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 6 }), (chunks) => {
      const pieces = chunks.map((each) => each.join(''));
      const whole = pieces.join('');
      expect(scan(rules, pieces)).toEqual(scan(rules, [whole]));
      expect(scan(rules, bytesOf(whole))).toEqual(scan(rules, [whole]));
      const alone = whole.split('\n').map((line) => scan(rules, [line]).out);
      expect(scan(rules, [whole]).out).toBe(alone.join('\n'));
      const expected = whole
        .replaceAll(/INTERNAL-[0-9]{6}/g, '')
        .replaceAll(/[a-z]+@corp/g, '')
        .replaceAll(/(?:ab)+c?/g, '');
      if (!/@|INTERNAL/.test(whole)) expect(scan(rules, [whole]).out.replaceAll('[redacted:ab]', '')).toBe(expected);
    }),
    { numRuns: process.env['SLOW'] === '1' ? 5000 : 200 },
  );
});

it('looks for patterns in what detectors leave', () => {
  const rules = [...rulesFor(['card-number']), internal];
  const { out, met } = scan(rules, bytesOf('card 4111111111111111, id INTERNAL-123456\n'));
  expect(out).toBe('card [redacted:card-number], id [redacted:internal-id]\n');
  expect(met).toEqual(['card-number', 'internal-id']);
});

it('is found in arguments, in any of their lines', () => {
  expect(findContent([internal], 'a\nINTERNAL-123456')).toEqual({ name: 'internal-id' });
  expect(findContent([internal], 'INTERNAL-\n123456')).toBeNull();
});
