import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../src/protocol/strict-json.ts';

const valueOf = (text: string): unknown => {
  const parsed = parseStrictJson(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};

describe('parseStrictJson', () => {
  it('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(text.isWellFormed());
        const parsed = parseStrictJson(text);
        // Lone surrogates are the one thing that JSON.stringify writes (escaped) and this refuses.
        if (!parsed.ok) return /surrogate/.test(parsed.message);
        expect(JSON.parse(JSON.stringify(parsed.value))).toEqual(JSON.parse(text));
        return true;
      }),
    );
  });

  it('agrees with JSON.parse about what is no JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE+-\\ntrufals \t'.split('')) }), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (!valid) expect(parseStrictJson(text).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'duplicate key'],
    ['{"a":{"b":1,"\\u0062":2}}', 'duplicate key'],
    ['"\\ud800"', 'lone surrogate'],
    ['"\\udc00\\ud800"', 'lone surrogate'],
    ['1e999', 'number too large'],
    ['[1]x', 'text after the value'],
    ['"a\nb"', 'control character'],
    ['"abc', 'without its end'],
    ['{"a" 1}', "expected ':'"],
    ['{a:1}', 'expected a key'],
    ['[1 2]', "expected ',' or ']'"],
    ['{"a":1 "b":2}', "expected ',' or '}'"],
    ['"\\x41"', 'unknown escape'],
    ['"\\u12"', 'unknown escape'],
    ['tru', 'expected a value'],
    ['01', 'text after the value'],
    ['', 'expected a value at the end'],
    ['NaN', 'expected a value'],
  ])('refuses %s', (text, why) => {
    const parsed = parseStrictJson(text);
    expect(parsed.ok ? '' : parsed.message).toContain(why);
  });

  it('refuses nesting deeper than 32 and takes 32', () => {
    expect(parseStrictJson(`${'['.repeat(33)}${']'.repeat(33)}`).ok).toBe(true);
    expect(parseStrictJson(`${'['.repeat(34)}${']'.repeat(34)}`).ok).toBe(false);
    expect(parseStrictJson('['.repeat(1_000_000)).ok).toBe(false);
  });

  it('refuses more than 4096 keys in an object and takes 4096', () => {
    const keys = (count: number): string => Array.from({ length: count }, (_, i) => `"k${i}":0`).join();
    expect(parseStrictJson(`{${keys(4096)}}`).ok).toBe(true);
    expect(parseStrictJson(`{${keys(4097)}}`).ok).toBe(false);
  });

  it('keeps keys of Object.prototype as plain keys', () => {
    const value = valueOf('{"__proto__":{"x":1},"constructor":2}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('decodes every escape', () => {
    expect(valueOf('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"')).toBe('"\\/\b\f\n\r\té😀');
  });
});
