import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../src/model/rpc.ts';
import { formatRpcText } from '../../../src/model/rpc-text.ts';
import { formatPathOf, readPath } from '../../../src/policy/http/request-path.ts';
import { parseRpcBody } from '../../../src/protocol/json-rpc.ts';
import { decideSent, httpToolOf, verdictOf } from './http-policy-of.ts';

/** Segments as attackers write them, with pieces of plain ones between. */
const piece = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'api',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%00',
    '%0d%0a',
    '%',
    '%2',
    '%25',
  ),
  fc.constantFrom(
    ';',
    '*',
    '**',
    '{t}',
    '%7Bt%7D',
    '%41',
    '%c0%af',
    '%C3%A9',
    '%20',
    '+',
    ':',
    '@',
    '#',
    '|',
    '~',
    '-',
  ),
  fc.string({ minLength: 1, maxLength: 3 }),
);
const segment = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('').replaceAll(/[/?\s]/g, ''));
const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`);

/** As some server might read a path: decoded, once and twice. */
function looseSegments(sent: string): string[] {
  const once = sent.replaceAll(/%[\da-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
  const twice = once.replaceAll(/%[\da-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
  return [once, twice].flatMap((text) => text.split(/[/\\]/).map((each) => each.split(';')[0]?.trimEnd() ?? ''));
}

const wild = [
  '* /**',
  'GET /*',
  'GET /*/*',
  'GET /a*/**',
  'GET /api/**/b',
  'GET /*.',
  'GET /.*',
  'GET /*2F*',
  'GET /*a*b*',
];

describe('paths that wildcards allow', () => {
  const tools = wild.map((rule) => httpToolOf({ allow: [rule] }));

  it('have one reading: no dot segment, slash, backslash or NUL in any encoding', () => {
    fc.assert(
      fc.property(path, fc.constantFrom(...tools), (target, tool) => {
        const decision = decideSent(tool, `GET ${target}`);
        if (decision.verdict === 'deny') return;
        const read = looseSegments(target);
        expect(read).not.toContain('.');
        expect(read).not.toContain('..');
        expect(target).not.toMatch(/%(?:2f|5c|00|2e)|[\\;#{}]|\/\/|[^\x21-\x7e]/i);
        // Decoding changes neither the number of segments nor that decoding again changes nothing.
        expect(decodeURIComponent(target).split('/').length).toBe(target.split('/').length);
        expect(decision.permit.path).toBe(target);
      }),
      { numRuns: 20_000 },
    );
  });

  it('are many of those that are plain', () => {
    const plain = fc.array(fc.stringMatching(/^[\w~:@-]{1,6}$/), { minLength: 1, maxLength: 5 });
    const [all] = tools;
    fc.assert(
      fc.property(plain, (segments) => {
        if (all !== undefined) expect(verdictOf(all, `GET /${segments.join('/')}`)).toBe('allow');
      }),
    );
  });
});

describe('a path', () => {
  it('is the same put together again', () => {
    fc.assert(
      fc.property(path, (target) => {
        const segments = readPath(target);
        expect(formatPathOf(segments)).toBe(target);
        for (const { text, odd, runs } of segments)
          expect(runs.map((run, index) => run + (odd[index] ?? '')).join('')).toBe(text);
      }),
    );
  });

  it('that a rule spells is matched by it, whatever it holds', () => {
    fc.assert(
      fc.property(path, (target) => {
        fc.pre(/^[\x21-\x7e]+$/.test(target) && !/[*{}#]/.test(target));
        expect(verdictOf(httpToolOf({ allow: [`GET ${target}`] }), `GET ${target}`)).toBe('allow');
      }),
      { numRuns: 300 },
    );
  });
});

const line = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE', 'x', ''),
    path,
    fc.option(fc.constantFrom('', 'a=1', 'a=1&b=2', 'a=%zz', '%61=1', 'c;d')),
  )
  .map(([method, target, query]) => `${method} ${target}${query === null ? '' : `?${query}`}`);
const rule = fc.constantFrom(
  'GET /a',
  'GET /a/*',
  '* /**',
  '* /**?*',
  'POST /api?a=*',
  'DELETE /b/**',
  'GET /*/b?a=1&*',
  'GET /a%2Fb',
  'GET /a/../b',
);

describe('decisions', () => {
  it('do not depend on the order of rules, and a deny beats an allow', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), fc.array(rule, { maxLength: 3 }), line, (allow, deny, sent) => {
        const decision = decideSent(httpToolOf({ allow, deny }), sent);
        const turned = decideSent(httpToolOf({ allow: allow.toReversed(), deny: deny.toReversed() }), sent);
        expect(turned.reason).toBe(decision.reason);
        if (decision.verdict === 'allow' && turned.verdict === 'allow') expect(turned.permit).toEqual(decision.permit);
        const denied = decideSent(httpToolOf({ allow, deny: [...deny, '* /'] }), sent);
        expect(denied.verdict).toBe('deny');
      }),
      { numRuns: 400 },
    );
  });

  it('send what was compared', () => {
    const tool = httpToolOf({
      allow: ['* /**?*', 'GET /a%2Fb', 'GET /a/../b', 'GET /;/{t}'],
      inject: { path: { t: { secret: 't' } } },
    });
    fc.assert(
      fc.property(line, (sent) => {
        const decision = decideSent(tool, sent);
        if (decision.verdict === 'deny') return;
        const { method, path: own, query } = decision.permit;
        const target = sent.slice(sent.indexOf(' ') + 1).replace(/\?$/, '');
        expect(`${method} ${own}${query === null ? '' : `?${query}`}`).toBe(`${sent.split(' ')[0]} ${target}`);
      }),
    );
  });

  it('are made of anything, without an error', () => {
    const tool = httpToolOf({ allow: ['* /**?*', 'POST /rpc'], deny: ['* /x?a=*'], jsonrpc_allow_methods: ['m'] });
    const headers = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('connection', 'content-type', 'content-length')),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.string(), fc.string(), headers, fc.string(), (method, target, sent, body) => {
        expect(decideSent(tool, `${method} ${target}`, { headers: sent, body }).tool).toBe('tool');
      }),
    );
  });
});

const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('0', '-0', '1.50', '1e3', '123456789012345678901234567890').map((token) => ({ token })),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 3 }).map((members) => new Map(members)),
  ),
})).value;

describe('JSON-RPC', () => {
  it('that passes is written and read again as the same', () => {
    const tool = httpToolOf({ jsonrpc_allow_methods: ['m'] });
    fc.assert(
      fc.property(fc.array(json, { maxLength: 3 }), fc.boolean(), (params, batch) => {
        const call = { kind: 'call' as const, id: { token: '1' }, method: 'm', params };
        const text = formatRpcText({ ok: true, batch, messages: [call] });
        const parsed = parseRpcBody(Buffer.from(text));
        fc.pre(parsed.ok);
        const decision = decideSent(tool, 'POST /', { body: text });
        expect(decision).toMatchObject({ verdict: 'allow', permit: { body: { text } } });
        if (parsed.ok) expect(formatRpcText(parsed)).toBe(text);
      }),
    );
  });

  it('has every element of a filtered field looked at', () => {
    const filter = { m: { field: 'to', allow_patterns: ['+1*'], allow_keys: ['to'] } };
    const tool = httpToolOf({ jsonrpc_allow_methods: ['m'], jsonrpc_param_filters: filter });
    const value = fc.oneof(
      fc.constantFrom('+1', '+15', '+1\n', '+49', ' +1', '', null, 1, [], ['+1'], {}),
      fc.jsonValue({ maxDepth: 2 }),
    );
    fc.assert(
      fc.property(fc.oneof(value, fc.array(value)), (to) => {
        const good = (each: unknown): boolean => typeof each === 'string' && /^\+1[^\p{Cc}\p{Zl}\p{Zp}]*$/u.test(each);
        const expected = Array.isArray(to) ? to.length > 0 && to.every(good) : good(to);
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'm', params: { to } });
        expect(decideSent(tool, 'POST /', { body }).verdict).toBe(expected ? 'allow' : 'deny');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('time', () => {
  // Counted in units of work: ten times the text takes about ten times as long, however it is made.
  it.each([
    ['a path of segments', (size: number) => `GET ${'/a'.repeat(size)}`],
    ['a path of one segment', (size: number) => `GET /${'a'.repeat(2 * size)}`],
    ['odd segments', (size: number) => `GET ${'/%2e%'.repeat(size)}`],
    ['braces', (size: number) => `GET /${'{a'.repeat(size)}`],
    ['escapes beyond ASCII', (size: number) => `GET /${'%c3'.repeat(size)}`],
    ['parameters', (size: number) => `GET /x?${'a=1&'.repeat(size)}`],
    ['one long value', (size: number) => `GET /x?q=${'ab'.repeat(size)}`],
  ])('is linear in %s', { retry: 3 }, (_what, make) => {
    const tool = httpToolOf({
      allow: ['GET /**/b/**/a*a*b/**/c?*', 'GET /*a*a*a*a*b', 'GET /x?q=*a*b*a*c&a=*'],
      deny: ['* /**/a/**/b/**/c', '* /x?q=*a*b*c*d'],
    });
    const took = (size: number): number => {
      const sent = make(size);
      const times = Array.from({ length: 5 }, () => {
        const started = performance.now();
        decideSent(tool, sent);
        return performance.now() - started;
      });
      return Math.min(...times);
    };
    took(1000);
    // Generous: it is a square (a factor of 100) that must not be.
    expect(took(40_000)).toBeLessThan(Math.max(took(4000), 5) * 60);
  });
});
