import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRedactions } from '../../../src/engine/redact/compiled.ts';
import { formsOf } from '../../../src/engine/redact/encodings.ts';
import { Matcher, type Passed } from '../../../src/engine/redact/matcher.ts';
import { Secret } from '../../../src/model/secret.ts';
import { type NamedValue, Reference } from './reference.ts';

const many = (runs: number) => ({ numRuns: process.env['SLOW'] === undefined ? runs : runs * 50 });

interface Opened {
  readonly matcher: Matcher;
  readonly counts: Map<string, number>;
}

function open(...values: NamedValue[]): Opened {
  const counts = new Map<string, number>();
  const redactions = values.map(([name, value]) => ({ name, value: new Secret(value) }));
  return { matcher: new Matcher(compileRedactions(redactions), counts), counts };
}

function textOf({ out }: Passed): string {
  return out.map((bytes) => bytes.toString('latin1')).join('');
}

/** The output of one stream, which gets these chunks and then ends. */
function redact(values: readonly NamedValue[], ...chunks: (string | Buffer)[]): string {
  const { matcher } = open(...values);
  return [...chunks.map((chunk) => matcher.push(Buffer.from(chunk))), matcher.end()].map(textOf).join('');
}

/** Breaks a text into lines. */
function wrap(text: string, width: number, lineEnd: string): string {
  return text.replaceAll(new RegExp(`.{${width}}(?=.)`, 'gs'), `$&${lineEnd}`);
}

const PASSWORD: NamedValue = ['password', 'p4ss wörd&<\'/$\\"+~?>!'];
const SHORT: NamedValue = ['short', 'hunter2!'];
const KEY: NamedValue = [
  'key',
  `-----BEGIN SHARED KEY-----\n${wrap(randomBytes(300).toString('base64'), 64, '\n')}\n-----END SHARED KEY-----\n`,
];
const EXAMPLES = [PASSWORD, SHORT, KEY];

describe('a form of a value', () => {
  it.each(EXAMPLES)('is replaced, wherever a chunk ends in it: %s', (name, value) => {
    for (const { bytes } of formsOf(value)) {
      const step = bytes.length > 200 ? 37 : 1;
      for (let cut = 0; cut <= bytes.length; cut += step) {
        const [first, second] = [bytes.subarray(0, cut), bytes.subarray(cut)];
        const output = redact(
          [[name, value]],
          Buffer.concat([Buffer.from('\x80>'), first]),
          Buffer.concat([second, Buffer.from('<\x80')]),
        );
        expect(output).toBe(Buffer.from(`\x80>[redacted:${name}]<\x80`).toString('latin1'));
      }
    }
  });

  it.each(EXAMPLES)('gives away at most half of itself where every byte comes alone and late: %s', (name, value) => {
    for (const { bytes } of formsOf(value)) {
      const { matcher, counts } = open([name, value]);
      let output = '';
      for (const byte of bytes) output += textOf(matcher.push(Buffer.of(byte))) + textOf(matcher.flush());
      output += textOf(matcher.push(Buffer.from('.'))) + textOf(matcher.end());
      const given = output.indexOf('[redacted:');
      expect(output).toBe(`${bytes.toString('latin1', 0, given)}[redacted:${name}].`);
      expect(2 * given).toBeLessThanOrEqual(bytes.length);
      expect(counts).toEqual(new Map([[name, 1]]));
    }
  });

  it.each(EXAMPLES)('is replaced at every address in a large chunk: %s', (name, value) => {
    const noise = Buffer.alloc(4096, '. ,');
    for (const { bytes } of formsOf(value)) {
      for (let at = 2000; at < 2008; at += 1) {
        const chunk = Buffer.concat([noise.subarray(0, at), bytes, noise]);
        expect(redact([[name, value]], chunk)).toBe(
          `${noise.toString('latin1', 0, at)}[redacted:${name}]${noise.toString('latin1')}`,
        );
      }
    }
  });

  it('is one of another length for the same beginning: the longest that is there', () => {
    const values: NamedValue[] = [
      ['short', 'password1'],
      ['long', 'password12345'],
    ];
    expect(redact(values, 'password1 password12 password12345')).toBe(
      '[redacted:short] [redacted:short]2 [redacted:long]',
    );
  });
});

describe('a form in lines', () => {
  const noise = Buffer.alloc(512, '. ,').toString();

  it.each(EXAMPLES)('is replaced with a break between any two characters, at every address: %s', (name, value) => {
    for (const { bytes } of formsOf(value).filter(({ bytes, wraps }) => wraps && !bytes.includes(' '))) {
      for (const lineEnd of ['\n', '\r\n', '\n  ', '\r\n\t', '\n                ', '\\n', '\\r\\n', '\\n \t']) {
        for (let at = 1; at < Math.min(bytes.length, 80); at += 1) {
          const broken = bytes.toString('latin1', 0, at) + lineEnd + wrap(bytes.toString('latin1', at), 64, lineEnd);
          for (let address = at % 4; address < 8; address += at < 16 ? 1 : 4) {
            const before = noise.slice(0, 300 + address);
            const output = redact([[name, value]], Buffer.from(before + broken + noise, 'latin1'));
            expect(output).toBe(`${before}[redacted:${name}]${noise}`);
          }
        }
      }
    }
  });

  it('is found in lines of one character, where it is followed at all, in linear time', () => {
    const lines = Buffer.from('Q\nU\nF\nB\n'.repeat(8 * 1024));
    const { matcher } = open(['long', 'A'.repeat(64 * 1024)]);
    matcher.push(lines);
    const out = Array.from({ length: 16 }, () => textOf(matcher.push(lines))).join('') + textOf(matcher.end());
    expect(out).toBe('[redacted:long]\n');
  });

  it('does not end at a backslash that is none of a break', () => {
    const joined: NamedValue = ['joined', 'one\\two\nthree\\\\four\nfive\\nsix\\'];
    for (const lineEnd of ['\n', '\\n', '\n    ', '']) {
      const output = redact([joined], `a ${joined[1].replaceAll('\n', lineEnd)} z`);
      expect(output).toBe(lineEnd === '\n' ? 'a [redacted:joined] z' : 'a [redacted:joined]\\ z');
    }
  });

  it('is found behind bytes and breaks that only looked like its beginning', () => {
    const digits = Buffer.from('aaaaaaaab').toString('hex');
    for (let before = 0; before < 40; before += 1) {
      const text = wrap(`${'61'.repeat(before)}${digits}`, 36, '\r\n  ');
      const start = text.search(/(?:6\s*1\s*){8}6\s*2$/);
      expect(redact([['hex', 'aaaaaaaab']], text)).toBe(`${text.slice(0, start)}[redacted:hex]`);
    }
  });

  it('is found in lines that are indented as far as a break may reach, beside other values', () => {
    const indented = (blanks: number) => KEY[1].trimEnd().replaceAll('\n', `\n${' '.repeat(blanks)}`);
    for (let address = 0; address < 4; address += 1) {
      const before = noise.slice(0, 300 + address);
      expect(redact([KEY, SHORT], before + indented(17) + noise)).toBe(`${before}[redacted:key]${noise}`);
      expect(redact([KEY, SHORT], before + indented(18) + noise)).toBe(before + indented(18) + noise);
    }
  });

  it.each([
    [32, '\n'],
    [64, '\n'],
    [64, '\r\n    '],
    [76, '\r\n'],
  ])('is replaced inside of what else was encoded, in lines of %i characters', (width, lineEnd) => {
    const [name, value] = KEY;
    for (let before = 0; before < 100; before += 1) {
      const encoded = Buffer.concat([Buffer.alloc(before, 1), Buffer.from(value), Buffer.alloc(50, 2)]).toString(
        'base64',
      );
      const output = redact([[name, value]], wrap(encoded, width, lineEnd));
      expect(output).toMatch(/^(?:[AQEB=\s]*)\S?\[redacted:key\]\S{0,2}(?:[AgIC=\s]*)$/);
    }
  });

  it.each(['\r\n', '\n    ', ''])('is a key in lines with other ends, indented, or joined: %j', (lineEnd) => {
    const [name, value] = KEY;
    expect(redact([[name, value]], `key: ${value.trimEnd().replaceAll('\n', lineEnd)}\nend`)).toBe(
      'key: [redacted:key]\nend',
    );
  });

  it('is found where two long breaks come before what is telling of it', () => {
    const value: NamedValue = ['blank', `${' '.repeat(16)}ABCDEFGHIJKLM`];
    const digits = Buffer.from(value[1]).toString('hex');
    const lineEnd = `\n${' '.repeat(17)}`;
    const broken = [digits.slice(0, 1), digits.slice(1, 33), digits.slice(33)].join(lineEnd);
    for (let address = 0; address < 4; address += 1) {
      const before = noise.slice(0, 300 + address);
      expect(redact([value, SHORT], before + broken + noise)).toBe(`${before}[redacted:blank]${noise}`);
    }
  });

  it('does not reach over a break that is longer than any indentation', () => {
    const text = Buffer.from(SHORT[1]).toString('base64');
    const broken = `${text.slice(0, 5)}\n${' '.repeat(40)}${text.slice(5)}`;
    expect(redact([SHORT], broken)).toBe(broken);
  });
});

describe('the lines of a private key', () => {
  const body = wrap(randomBytes(210).toString('base64'), 64, '\n');
  const pem = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
  const numbered = (text: string) => text.replaceAll(/^(?=.)/gm, '  1\t');
  const marked = numbered(pem).replaceAll(/\t[^-\n]{16,}$/gm, '\t[redacted:pem]');

  it('are replaced each by itself, and its frame stays', () => {
    expect(marked.match(/redacted/g)).toHaveLength(5);
    expect(redact([['pem', pem]], numbered(pem))).toBe(marked);
    expect(redact([['pem', pem]], pem)).toBe('[redacted:pem]');
  });

  it('are replaced where the key is in a JSON document, of which the public lines stay', () => {
    const account = JSON.stringify({ type: 'service_account', private_key: pem, uri: 'https://example.com/' }, null, 2);
    expect(redact([['pem', account]], numbered(pem))).toBe(marked);
    const [, type = '', key = '', uri = ''] = account.split('\n');
    expect(redact([['pem', account]], `${type}\n|${uri}`)).toBe(`${type}\n|${uri}`);
    expect(redact([['pem', account]], key)).not.toContain(body.slice(0, 64));
  });

  it('are no values where they are short, or those of a certificate', () => {
    const short = '-----BEGIN PRIVATE KEY-----\nAbCdEfGhIjKlMno\n-----END PRIVATE KEY-----';
    expect(redact([['pem', short]], '1 AbCdEfGhIjKlMno.')).toBe('1 AbCdEfGhIjKlMno.');
    const certificate = pem.replaceAll('PRIVATE KEY', 'CERTIFICATE');
    expect(redact([['pem', certificate]], numbered(pem))).toBe(numbered(pem));
  });

  it('are found also after half of the key went by, and the rest of the key is replaced with them', () => {
    const { matcher } = open(['pem', pem]);
    const [start, rest] = [pem.slice(0, 50), pem.slice(50)];
    const output = [matcher.push(Buffer.from(start)), matcher.flush(), matcher.push(Buffer.from(rest)), matcher.end()];
    expect(output.map(textOf).join('')).toMatch(/^-----BEGIN PRIVATE KEY-----\n.{22}\[redacted:pem\]$/);
  });
});

describe('what is no form', () => {
  it('arrives unchanged: beginnings, endings, and forms with one byte changed', () => {
    for (const [name, value] of EXAMPLES) {
      for (const { bytes } of formsOf(value)) {
        for (const at of [0, 1, bytes.length >> 1, bytes.length - 1]) {
          const changed = Buffer.from(bytes);
          changed[at] = 0x80;
          // The end of one form may be the beginning of another, which is what the reference knows.
          const reference = new Reference([[name, value]]);
          if (bytes.length < 100)
            expect(redact([[name, value]], changed)).toBe(reference.push(changed) + reference.end());
        }
        expect(redact([[name, value]], bytes.subarray(0, 3))).toBe(bytes.toString('latin1', 0, 3));
        expect(redact([[name, value]], bytes.subarray(-7))).toBe(bytes.toString('latin1').slice(-7));
      }
    }
  });

  it('arrives unchanged where it is binary', () => {
    const bytes = randomBytes(1 << 20);
    const { matcher } = open(...EXAMPLES);
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 65_521) out.push(...matcher.push(bytes.subarray(at, at + 65_521)).out);
    out.push(...matcher.end().out);
    expect(Buffer.concat(out).equals(bytes)).toBe(true);
  });

  it('passes at once, as a part of the chunk that came', () => {
    const chunk = Buffer.alloc(1000, 'x.');
    const { out, held } = open(...EXAMPLES).matcher.push(chunk);
    expect(held).toBe('none');
    expect(out).toHaveLength(1);
    expect(out[0]?.buffer).toBe(chunk.buffer);
  });

  it('is all there is without values', () => {
    expect(redact([], 'hunter2! and all else')).toBe('hunter2! and all else');
  });
});

describe('what is held', () => {
  it('is held briefly until half of it is there, and then until it is decided', () => {
    const { matcher } = open(SHORT);
    expect(matcher.push(Buffer.from('x hun'))).toMatchObject({ held: 'briefly' });
    expect(textOf(matcher.push(Buffer.from('t')))).toBe('');
    expect(matcher.flush()).toMatchObject({ out: [], held: 'until-decided' });
    expect(textOf(matcher.push(Buffer.from('er2')))).toBe('');
    expect(textOf(matcher.push(Buffer.from('?')))).toBe('hunter2?');
  });

  it('is replaced at the end of the stream where half of a form is there, and passes where less is', () => {
    expect(redact([SHORT], 'x hun')).toBe('x hun');
    const { matcher, counts } = open(SHORT);
    expect(textOf(matcher.push(Buffer.from('x hunter2')))).toBe('x ');
    expect(matcher.end()).toEqual({ out: [Buffer.from('[redacted:short]')], held: 'none' });
    expect(counts).toEqual(new Map([['short', 1]]));
  });

  it.each(EXAMPLES)('gives at most half of a form away, wherever the stream ends: %s', (name, value) => {
    for (const { bytes } of formsOf(value)) {
      const step = bytes.length > 200 ? 37 : 1;
      for (let length = 0; length <= bytes.length; length += step) {
        const text = bytes.toString('latin1', 0, length);
        const output = redact([[name, value]], Buffer.concat([Buffer.from('\x80>'), bytes.subarray(0, length)]));
        expect(output.slice('\xc2\x80>'.length)).toBe(output.endsWith(']') ? `[redacted:${name}]` : text);
        if (!output.endsWith(']')) expect(2 * length).toBeLessThan(bytes.length);
      }
    }
  });

  it('leaves as its beginning and a marker where the stream ends after a flush', () => {
    const { matcher, counts } = open(SHORT);
    matcher.push(Buffer.from('hun'));
    matcher.flush();
    expect(textOf(matcher.push(Buffer.from('ter2')))).toBe('');
    expect(textOf(matcher.end())).toBe('[redacted:short]');
    expect(counts).toEqual(new Map([['short', 1]]));
  });

  it('leaves the break before the end where it is: the newline behind base64', () => {
    const encoded = Buffer.from('0123456789').toString('base64');
    for (const length of [8, encoded.length - 2, encoded.length - 1, encoded.length]) {
      for (const lineEnd of ['\n', '\r\n', '\n  ']) {
        const { matcher, counts } = open(['digits', '0123456789']);
        const output = textOf(matcher.push(Buffer.from(`a: ${encoded.slice(0, length)}${lineEnd}`)));
        expect(output + textOf(matcher.end())).toBe(`a: [redacted:digits]${lineEnd}`);
        expect(counts).toEqual(new Map([['digits', 1]]));
      }
    }
  });

  it('passes at the end of the stream where a line ended, or another byte came, after it', () => {
    for (let length = 0; length < SHORT[1].length; length += 1) {
      for (const after of ['\n', '\r\n', '.']) {
        const text = `x ${SHORT[1].slice(0, length)}${after}`;
        expect(redact([SHORT], text)).toBe(text);
      }
    }
  });

  it('has the first of the names whose values begin so, where the stream ends before they part', () => {
    const values: NamedValue[] = [
      ['first', 'token-of-one'],
      ['second', 'token-of-two'],
    ];
    expect(redact(values, 'token-of')).toBe('[redacted:first]');
    expect(redact(values, 'token-of-t')).toBe('[redacted:second]');
  });

  it('is one with a form that it overlaps where the stream ends, and no second marker where that has left', () => {
    const values: NamedValue[] = [
      ['first', 'abcdefgh'],
      ['second', 'efgh-012'],
    ];
    expect(redact(values, 'abcdefgh-')).toBe('[redacted:first]');
    expect(redact(values, 'abcdefgh', '-')).toBe('[redacted:first]');
    expect(redact(values, '1abcdefgh\n')).toBe('1[redacted:first]\n');
  });

  it('goes on after a flush: the rest of a form is replaced', () => {
    const { matcher, counts } = open(SHORT);
    matcher.push(Buffer.from('hun'));
    expect(textOf(matcher.flush())).toBe('hun');
    expect(textOf(matcher.push(Buffer.from('ter2! x')))).toBe('[redacted:short] x');
    expect(counts).toEqual(new Map([['short', 1]]));
  });

  it('is replaced by a marker of its own where other bytes have left since the last', () => {
    const { matcher } = open(['first', 'abcdefgh'], ['second', 'efgh-0123456789ABCDEF']);
    expect(textOf(matcher.push(Buffer.from('abcdefgh-01')))).toBe('[redacted:first]');
    expect(textOf(matcher.flush())).toBe('-01');
    expect(textOf(matcher.push(Buffer.from('23456789ABCDEF.')))).toBe('[redacted:second].');
  });

  it('is a copy: the memory of a chunk is used again', () => {
    const { matcher } = open(SHORT);
    const chunk = Buffer.from('hunt');
    matcher.push(chunk);
    chunk.fill('x');
    expect(textOf(matcher.push(Buffer.from('.')))).toBe('hunt.');
  });

  it('stays where a shorter end of it covers half of its form', () => {
    const { matcher } = open(['long', `0123456789-${'x'.repeat(40)}`], ['inner', '89-secret']);
    matcher.push(Buffer.from('0123456789-'));
    expect(textOf(matcher.flush())).toBe('0123456789-'); // three of nine: not half
    const other = open(['long', `0123456789-${'x'.repeat(40)}`], ['inner', '789-secr']).matcher;
    other.push(Buffer.from('0123456789-'));
    expect(textOf(other.flush())).toBe('0123456');
    expect(textOf(other.push(Buffer.from('secr')))).toBe('[redacted:inner]');
  });

  it('leaves as a marker where it is whole and may only become longer', () => {
    const { matcher } = open(['short', 'password1'], ['long', 'password12345']);
    expect(textOf(matcher.push(Buffer.from('password1')))).toBe('');
    expect(textOf(matcher.flush())).toBe('[redacted:short]');
    expect(textOf(matcher.push(Buffer.from('2345 x')))).toBe(' x');
  });
});

describe('values', () => {
  it('of the same text have the first name', () => {
    expect(
      redact(
        [
          ['first', 'same value'],
          ['second', 'same value'],
        ],
        'a same value',
      ),
    ).toBe('a [redacted:first]');
  });

  it('that contain each other, overlap or follow are replaced as far as they reach', () => {
    const values: NamedValue[] = [
      ['outer', 'abcdefgh-12345678-zyxwvuts'],
      ['inner', '12345678'],
      ['other', 'zyxwvuts-overlap'],
    ];
    const text =
      'abcdefgh-12345678-zyxwvuts 12345678 abcdefgh-12345678- abcdefgh-12345678-zyxwvuts-overlap 1234567812345678';
    const expected =
      '[redacted:outer] [redacted:inner] abcdefgh-[redacted:inner]- [redacted:outer] [redacted:inner][redacted:inner]';
    expect(redact(values, text)).toBe(expected);
    expect(redact(values, ...text.split(''))).toBe(expected);
  });

  it('of less than eight bytes are not looked for', () => {
    expect(redact([['tiny', '1234567']], '1234567')).toBe('1234567');
  });
});

describe('any values in any stream', () => {
  const letters = fc.constantFrom('a', 'b', "'", '/', '<', ' ', '\n', 'é', '~');
  const value = fc.oneof(
    fc.string({ unit: letters, minLength: 8, maxLength: 14 }),
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 12 }),
    fc.string({ minLength: 8, maxLength: 20 }),
    fc.string({ unit: 'binary', minLength: 8, maxLength: 12 }),
  );
  /** A value in lines of hex or base64, after some of its own bytes and before others. */
  const wrapped = (values: readonly string[]) =>
    fc
      .record({
        value: fc.constantFrom(...values),
        encoding: fc.constantFrom('hex' as const, 'base64' as const, 'base64url' as const),
        before: fc.nat(12),
        after: fc.nat(6),
        width: fc.integer({ min: 32, max: 40 }),
        lineEnd: fc.constantFrom('\n', '\r\n', '\n  ', '\r\n\t', '\\n', '\\r\\n'),
      })
      .map(({ value, encoding, before, after, width, lineEnd }) => {
        const bytes = Buffer.from(value);
        const around = Buffer.concat([
          bytes.subarray(0, 1),
          bytes.subarray(0, before),
          bytes,
          bytes.subarray(0, after),
        ]);
        return Buffer.from(wrap(around.toString(encoding), width, lineEnd));
      });
  const stream = fc.array(value, { minLength: 1, maxLength: 3 }).chain((values) => {
    const forms = values.flatMap((one) => formsOf(one).map(({ bytes }) => bytes));
    const piece = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...(forms.length === 0 ? [Buffer.from('-')] : forms)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 1, arbitrary: fc.nat(60).map((length) => Buffer.alloc(length, '. ')) },
      { weight: 2, arbitrary: wrapped(values) },
      { weight: 1, arbitrary: fc.constantFrom('\n', '\r\n', ' ', '\\', '\\n').map((text) => Buffer.from(text)) },
    );
    // A piece, cut at its begin and end; what is left of it may go on in the next.
    const cut = fc
      .tuple(piece, fc.nat(3), fc.nat(3))
      .map(([bytes, skip, drop]) => bytes.subarray(skip % 3 === 1 ? 1 : 0, drop === 1 ? -2 : bytes.length));
    return fc.record({
      values: fc.constant(values.map((text, index): NamedValue => [`v${index}`, text])),
      input: fc.array(fc.oneof(piece, cut), { maxLength: 6 }).map((pieces) => Buffer.concat(pieces)),
      steps: fc.array(fc.record({ length: fc.oneof(fc.nat(3), fc.nat(100)), flush: fc.boolean() }), { maxLength: 12 }),
    });
  });

  it('are redacted as by searching all of it for all forms at each step', () => {
    fc.assert(
      fc.property(stream, ({ values, input, steps }) => {
        const { matcher, counts } = open(...values);
        const reference = new Reference(values);
        const check = (passed: Passed, expected: string): void => {
          expect(textOf(passed)).toBe(expected);
          expect(passed.held).toBe(reference.held());
        };
        let at = 0;
        for (const { length, flush } of [...steps, { length: input.length, flush: false }]) {
          const chunk = input.subarray(at, at + length);
          at += chunk.length;
          check(matcher.push(chunk), reference.push(chunk));
          if (flush) check(matcher.flush(), reference.flush());
        }
        check(matcher.end(), reference.end());
        expect(counts).toEqual(reference.counts);
      }),
      many(150),
    );
  });

  it('leave the same whatever the cuts are', () => {
    fc.assert(
      fc.property(stream, ({ values, input, steps }) => {
        let at = 0;
        const chunks = steps.map(({ length }) => input.subarray(at, (at += length)));
        expect(redact(values, ...chunks, input.subarray(at))).toBe(redact(values, input));
      }),
      many(150),
    );
  });
});
