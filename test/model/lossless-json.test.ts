import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/model/rpc.ts';
import { formatJsonValue } from '../../src/model/rpc-text.ts';
import { LOSSLESS_BOUNDS, parseLosslessJson } from '../../src/model/lossless-json.ts';
import { parseStrictJson } from '../../src/protocol/strict-json.ts';

const valueOf = (text: string): JsonValue => {
  const parsed = parseLosslessJson(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};
const rewritten = (text: string): string => formatJsonValue(valueOf(text));
const messageOf = (text: string): string => {
  const parsed = parseLosslessJson(text);
  return parsed.ok ? '' : parsed.message;
};

const token = fc
  .stringMatching(/^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$/)
  .map((text) => ({ token: text }));
const anyText = fc.string({ unit: 'binary' });
const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom(null, true, false),
    anyText,
    token,
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor', '1', '0')), tie('value')), {
        maxLength: 5,
      })
      .map((entries): JsonValue => new Map(entries)),
  ),
}));

describe('parseLosslessJson and formatJsonValueValue', () => {
  it('write what they read, and read what they write', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(valueOf(formatJsonValue(value))).toEqual(value);
        expect(rewritten(formatJsonValue(value))).toBe(formatJsonValue(value));
      }),
    );
  });

  it('keep the meaning of what JSON.stringify writes, with blanks or without', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: 'binary' }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(JSON.parse(rewritten(text))).toEqual(JSON.parse(text));
        expect(rewritten(text)).toBe(rewritten(rewritten(text)));
      }),
    );
  });

  it('write plain text as JSON.stringify does', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(formatJsonValue(text)).toBe(JSON.stringify(text));
      }),
    );
  });

  it.each(['0', '-0', '1.0', '1e3', '1E+3', '100', '12345678901234567890', '0.1000000000000000000000001', '-1e-999'])(
    'keep the number %s as it stands',
    (number) => {
      expect(rewritten(`[ ${number} ]`)).toBe(`[${number}]`);
      expect(valueOf(number)).toEqual({ token: number });
    },
  );

  it('keep the order of keys, also of those that look like numbers', () => {
    expect(rewritten('{"b":1,"2":{},"a":[],"1":null}')).toBe('{"b":1,"2":{},"a":[],"1":null}');
  });

  it('take __proto__ for a key', () => {
    const value = valueOf('{"__proto__":{"x":1}}');
    expect(value).toEqual(new Map([['__proto__', new Map([['x', { token: '1' }]])]]));
    expect(formatJsonValue(value)).toBe('{"__proto__":{"x":1}}');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('write strings on one line, with the escapes that they need', () => {
    expect(rewritten('"\\u0061\\/\\n\\u0000\\ud83d\\ude00\\""')).toBe('"a/\\n\\u0000😀\\""');
  });

  it.each([
    ['{"a":1,"a":2}', 'duplicate key before offset 10'],
    ['{"a":{"b":1,"\\u0062":2}}', 'duplicate key'],
    ['{"__proto__":1,"__proto__":2}', 'duplicate key'],
    ['"\\ud800"', 'lone surrogate'],
    ['{"\\udc00":1}', 'lone surrogate'],
    ['"\ud800"', 'lone surrogate'],
    ['1e999', 'number too large'],
    ['[1]x', 'text after the value'],
    ['{}{}', 'text after the value'],
    ['"a\tb"', 'control character'],
    ['"a\0b"', 'control character'],
    ['\ufeff{}', 'expected a value at offset 0'],
    ['{}\ufeff', 'text after the value'],
    ['\u00a0{}', 'expected a value'],
    ['[1,]', 'expected a value'],
    ['{"a":1,}', 'expected a key'],
    ["{'a':1}", 'expected a key'],
    ['[1]//', 'text after the value'],
    ['+1', 'expected a value'],
    ['.5', 'expected a value'],
    ['Infinity', 'expected a value'],
    ['', 'expected a value at the end'],
  ])('refuses %j', (text, why) => {
    expect(messageOf(text)).toContain(why);
  });

  it('say nothing of the text in what they refuse', () => {
    for (const text of ['{"hunter2":1,"hunter2":1}', '["hunter2\\q"]', '[hunter2]', '"hunter2', '["a"] hunter2']) {
      expect(messageOf(text)).toMatch(/^[a-z]/);
      expect(messageOf(text)).not.toContain('hunter2');
    }
  });
});

describe('the bounds of parseLosslessJson', () => {
  const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

  it('are on nesting', () => {
    expect(rewritten(nested(65))).toBe(nested(65));
    expect(messageOf(nested(66))).toBe('nested deeper than 64');
    expect(messageOf('{"a":'.repeat(1_000_000))).toBe('nested deeper than 64');
  });

  it('are on the keys of one object', () => {
    const keys = (count: number): string => `{${Array.from({ length: count }, (_, i) => `"k${i}":0`).join()}}`;
    expect(messageOf(keys(4096))).toBe('');
    expect(messageOf(keys(4097))).toBe('more than 4096 keys in an object');
  });

  it('are on all values together', () => {
    const items = (count: number): string => `[${Array.from({ length: count }, () => '{}').join()}]`;
    expect(messageOf(items(99_999))).toBe('');
    expect(messageOf(items(100_000))).toBe('more than 100000 values');
  });

  it('are on the length, and each may be set apart', () => {
    const bounds = { ...LOSSLESS_BOUNDS, maxSize: 4 };
    expect(parseLosslessJson('[12]', bounds).ok).toBe(true);
    expect(parseLosslessJson('[123]', bounds)).toEqual({ ok: false, message: 'longer than 4' });
    expect(parseLosslessJson('[[1]]', { ...LOSSLESS_BOUNDS, maxDepth: 1 }).ok).toBe(false);
  });
});

describe('all readings of JSON', () => {
  const soup = fc.string({
    unit: fc.constantFrom(...'{}[]",:0123456789.eE+-\\ntrufalsd8 \t\r\u00e9\ud800\ufeff'.split('')),
  });
  /** JSON with one unit changed, put in or taken out. */
  const damaged = fc
    .tuple(fc.json({ stringUnit: 'binary' }), fc.nat(), fc.string({ unit: 'binary', maxLength: 1 }), fc.nat(1))
    .map(([text, at, put, gone]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + put + text.slice(place + gone);
    });

  it('accept the same texts, and no text that JSON.parse refuses; none throws', () => {
    fc.assert(
      fc.property(fc.oneof(soup, damaged, fc.string({ unit: 'binary' })), (text) => {
        const lossless = parseLosslessJson(text);
        expect(parseStrictJson(text).ok).toBe(lossless.ok);
        if (lossless.ok) expect(JSON.parse(formatJsonValue(lossless.value))).toEqual(JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('agree on values', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const strict = parseStrictJson(formatJsonValue(value));
        expect(JSON.stringify(strict.ok ? strict.value : undefined)).toBe(
          JSON.stringify(JSON.parse(formatJsonValue(value))),
        );
      }),
    );
  });
});
