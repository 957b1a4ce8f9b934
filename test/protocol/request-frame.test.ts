import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ARGUMENT_BYTES, parseRequest, parseRequestText } from '../../src/protocol/request-frame.ts';

const refusal = (text: string): string => {
  const parsed = parseRequestText(text);
  return parsed.ok ? 'accepted' : `${parsed.reason}: ${parsed.message}`;
};

describe('parseRequest', () => {
  it('reads every field', () => {
    const text = JSON.stringify({
      v: 1,
      tool: 'op',
      argv: ['item', ''],
      cwd: '/x',
      env: { LANG: 'C' },
      reply: 'frames',
      meta: { run: '42' },
    });
    const parsed = parseRequest(Buffer.from(text));
    expect(parsed).toEqual({
      ok: true,
      request: {
        tool: 'op',
        argv: ['item', ''],
        cwd: '/x',
        env: new Map([['LANG', 'C']]),
        reply: 'frames',
        meta: new Map([['run', '42']]),
      },
    });
  });

  it('needs tool and argv only', () => {
    expect(parseRequestText('{"tool":"op","argv":[]}')).toMatchObject({
      ok: true,
      request: { cwd: undefined, reply: 'raw' },
    });
  });

  it.each([
    ['[]', 'malformed: request must be an object'],
    ['{"argv":[]}', "malformed: 'tool' must be a string"],
    ['{"tool":"op"}', "malformed: 'argv' must be a list of strings"],
    ['{"tool":1,"argv":[]}', "malformed: 'tool' must be a string"],
    ['{"tool":"op","argv":"x"}', "malformed: 'argv' must be a list of strings"],
    ['{"tool":"op","argv":[1]}', "malformed: 'argv[0]' must be a string"],
    ['{"tool":"op","argv":["a\\u0000b"]}', 'malformed: argument 1 holds NUL'],
    ['{"tool":"op","argv":[],"cwd":1}', "malformed: 'cwd' must be a string"],
    ['{"tool":"op","argv":[],"cwd":"/a\\u0000"}', "malformed: 'cwd' holds NUL"],
    ['{"tool":"op","argv":[],"env":[]}', "malformed: 'env' must be an object"],
    ['{"tool":"op","argv":[],"env":{"A":1}}', "malformed: 'env.A' must be a string"],
    ['{"tool":"op","argv":[],"env":{"A\\u0000B":"x"}}', "malformed: 'env' holds NUL"],
    ['{"tool":"op","argv":[],"reply":"json"}', "malformed: 'reply' must be 'raw' or 'frames'"],
    ['{"tool":"op","argv":[],"meta":{"a":{}}}', "malformed: 'meta.a' must be a string"],
    ['{"tool":"op","argv":[],"stdin":"x"}', "malformed: unknown key 'stdin'"],
    ['{"v":2,"tool":"op","argv":[],"new":1}', 'unsupported-version: its version is not 1'],
    ['{"v":"1","tool":"op","argv":[]}', 'unsupported-version: its version is not 1'],
    ['{"tool":"op","tool":"gh","argv":[]}', 'malformed: not strict JSON: duplicate key "tool"'],
    ['{"tool":"op","argv":["\\ud800"]}', 'malformed: not strict JSON: lone surrogate'],
  ])('refuses %s', (text, why) => {
    expect(refusal(text)).toContain(why);
  });

  it('refuses an argument that execve could not take, by its bytes', () => {
    const request = (argument: string): string => JSON.stringify({ tool: 'op', argv: [argument] });
    expect(refusal(request('a'.repeat(MAX_ARGUMENT_BYTES)))).toBe('accepted');
    expect(refusal(request('a'.repeat(MAX_ARGUMENT_BYTES + 1)))).toContain('too-large');
    expect(refusal(request('é'.repeat(MAX_ARGUMENT_BYTES / 2 + 1)))).toContain('too-large');
  });

  it('refuses more arguments than any call has', () => {
    const request = (count: number): string =>
      JSON.stringify({ tool: 'op', argv: Array.from({ length: count }, () => '') });
    expect(refusal(request(16_384))).toBe('accepted');
    expect(refusal(request(16_385))).toContain('too-large: more than 16384 arguments');
  });

  it('bounds what a client says about its call', () => {
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'x']));
    expect(refusal(JSON.stringify({ tool: 'op', argv: [], meta: many }))).toContain('more than 16 words');
    expect(refusal(JSON.stringify({ tool: 'op', argv: [], meta: { a: 'x'.repeat(129) } }))).toContain(
      'longer than 128',
    );
  });

  it('refuses bytes that are not UTF-8, a byte order mark included', () => {
    expect(parseRequest(Buffer.from([0x7b, 0xff, 0x7d]))).toMatchObject({
      ok: false,
      message: 'frame is not valid UTF-8',
    });
    expect(parseRequest(Buffer.from('\ufeff{"tool":"op","argv":[]}'))).toMatchObject({
      ok: false,
      reason: 'malformed',
    });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        (bytes) => typeof parseRequest(Buffer.from(bytes)).ok === 'boolean',
      ),
    );
    fc.assert(fc.property(fc.json(), (text) => typeof parseRequestText(text).ok === 'boolean'));
  });
});
