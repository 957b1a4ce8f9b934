import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue, RpcBody, RpcMessage } from '../../src/model/rpc.ts';
import { formatRpcText } from '../../src/model/rpc-text.ts';
import { formatRpcMessage, parseRpcBody, parseRpcLine, RPC_BOUNDS, rpcError } from '../../src/protocol/json-rpc.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): RpcBody => parseRpcBody(bytesOf(text));
const rewritten = (text: string): string => {
  const body = parse(text);
  if (!body.ok) throw new Error(body.message);
  return formatRpcText(body);
};
const messageOf = (body: RpcBody): string => (body.ok ? '' : body.message);

/** Envelopes of JSON-RPC 2.0 without the members that a test is about. */
const V = '"jsonrpc":"2.0"';

describe('parseRpcBody', () => {
  it('reads a call', () => {
    expect(parse(`{${V},"id":1,"method":"send","params":{"to":["+1"],"n":1.0}}`)).toEqual({
      ok: true,
      batch: false,
      messages: [
        {
          kind: 'call',
          id: { token: '1' },
          method: 'send',
          params: new Map<string, JsonValue>([
            ['to', ['+1']],
            ['n', { token: '1.0' }],
          ]),
        },
      ],
    });
  });

  it('reads a notification, and tells it from a call whose id is null', () => {
    expect(parse(`{${V},"method":"a"}`)).toMatchObject({ messages: [{ id: undefined, params: undefined }] });
    expect(parse(`{${V},"method":"a","id":null}`)).toMatchObject({ messages: [{ id: null }] });
  });

  it('reads answers', () => {
    expect(parse(`{${V},"id":"a","result":null}`)).toMatchObject({
      messages: [{ kind: 'answer', id: 'a', outcome: 'result', value: null }],
    });
    expect(parse(`{${V},"id":null,"error":{"code":-32700}}`)).toMatchObject({
      messages: [{ kind: 'answer', id: null, outcome: 'error', value: new Map([['code', { token: '-32700' }]]) }],
    });
  });

  it('reads batches, also of one message', () => {
    expect(parse(`[{${V},"method":"a","id":1},{${V},"method":"b"},{${V},"id":1,"result":[]}]`)).toMatchObject({
      batch: true,
      messages: [{ method: 'a' }, { method: 'b' }, { kind: 'answer' }],
    });
    expect(parse(`[{${V},"method":"a"}]`)).toMatchObject({ batch: true, messages: [{ method: 'a' }] });
  });

  it('takes blanks around the message', () => {
    expect(parse(` \r\n{${V},"method":"a"}\r\n\n`).ok).toBe(true);
  });

  it.each([
    [`{${V},"method":"a","method":"b"}`, 'duplicate key'],
    [`{${V},"method":"a","\\u006dethod":"b"}`, 'duplicate key'],
    [`{${V},"method":"a","params":{"x":1,"x":2}}`, 'duplicate key'],
    [`\ufeff{${V},"method":"a"}`, 'not strict JSON'],
    [`{${V},"method":"a"} {${V},"method":"b"}`, 'text after the value'],
    [`{${V},"method":"a"}\0`, 'text after the value'],
    [`{${V},"method":"\\ud800"}`, 'lone surrogate'],
    ['', 'expected a value'],
    ['"a"', 'message is not an object'],
    ['1', 'message is not an object'],
    ['null', 'message is not an object'],
    ['{}', 'jsonrpc is not "2.0"'],
    ['{"method":"a","id":1}', 'jsonrpc is not "2.0"'],
    ['{"jsonrpc":2.0,"method":"a"}', 'jsonrpc is not "2.0"'],
    ['{"jsonrpc":"1.0","method":"a"}', 'jsonrpc is not "2.0"'],
    [`{${V},"method":null}`, 'method is not a string'],
    [`{${V},"method":["a"]}`, 'method is not a string'],
    [`{${V},"method":"a","id":true}`, 'id is not a string, number or null'],
    [`{${V},"method":"a","id":[1]}`, 'id is not a string, number or null'],
    [`{${V},"method":"a","id":{}}`, 'id is not a string, number or null'],
    [`{${V},"method":"a","params":null}`, 'params is not an object or array'],
    [`{${V},"method":"a","params":"x"}`, 'params is not an object or array'],
    [`{${V},"method":"a","params":1}`, 'params is not an object or array'],
    [`{${V}}`, 'answer whose id'],
    [`{${V},"id":1}`, 'exactly one of result and error'],
    [`{${V},"id":1,"result":1,"error":1}`, 'exactly one of result and error'],
    [`{${V},"result":1}`, 'answer whose id'],
    [`{${V},"id":{"a":1},"result":1}`, 'answer whose id'],
    [`{${V},"id":1,"params":[],"result":1}`, 'message without a method, with a key other'],
    [`{${V},"id":1,"method":"a","result":1}`, 'call with a key other'],
    ['[]', 'empty batch'],
    [`[[{${V},"method":"a"}]]`, 'message 1: batch within a batch'],
    [`[{${V},"method":"a"},1]`, 'message 2: message is not an object'],
    [`[{${V},"method":"a"},{"method":"b"}]`, 'message 2: jsonrpc'],
  ])('refuses %j', (text, why) => {
    expect(messageOf(parse(text))).toContain(why);
  });

  it.each([
    'Method',
    'METHOD',
    'method ',
    ' method',
    'method\\u0000',
    'ｍｅｔｈｏｄ',
    'methοd',
    'Params',
    'ID',
    'Result',
    'error',
    'extra',
    '__proto__',
    '',
  ])('refuses the key %j beside the method', (key) => {
    expect(messageOf(parse(`{${V},"id":1,"method":"a","${key}":"b"}`))).toBe(
      'call with a key other than jsonrpc, id, method and params',
    );
  });

  it('refuses what is no UTF-8', () => {
    for (const byte of [0xff, 0xc0, 0xed]) {
      const bytes = bytesOf(`{${V},"method":"a?"}`);
      bytes[bytes.indexOf(0x3f)] = byte;
      expect(messageOf(parseRpcBody(bytes))).toBe('not valid UTF-8');
    }
  });

  it('refuses an id that comes twice in a batch, also in another spelling', () => {
    const batch = (...ids: string[]): string =>
      messageOf(parse(`[${ids.map((id) => `{${V},"method":"a","id":${id}}`).join()}]`));
    const same = 'two messages of the batch have the same id';
    expect(batch('1', '2', '"1"', 'null', '"null"', '-1', '1.5')).toBe('');
    expect(batch('1', '1')).toBe(same);
    expect(batch('1', '2', '1.0')).toBe(same);
    expect(batch('100', '1e2')).toBe(same);
    expect(batch('9007199254740992', '9007199254740993')).toBe(same);
    expect(batch('"a"', '"\\u0061"')).toBe(same);
    expect(batch('null', 'null')).toBe(same);
  });

  it('takes notifications and answers that report no id as often as they come', () => {
    expect(parse(`[{${V},"method":"a"},{${V},"method":"a"}]`).ok).toBe(true);
    expect(parse(`[{${V},"id":null,"error":{}},{${V},"id":null,"error":{}}]`).ok).toBe(true);
    expect(parse(`[{${V},"id":1,"error":{}},{${V},"id":1,"result":{}}]`).ok).toBe(false);
  });

  it('has bounds on messages and bytes', () => {
    const batch = (count: number): string => `[${Array.from({ length: count }, () => `{${V},"method":"a"}`).join()}]`;
    expect(parse(batch(100)).ok).toBe(true);
    expect(messageOf(parse(batch(101)))).toBe('batch of more than 100 messages');
    const text = `{${V},"method":"é"}`;
    const size = bytesOf(text).length;
    expect(parseRpcBody(bytesOf(text), { ...RPC_BOUNDS, maxSize: size }).ok).toBe(true);
    expect(parseRpcBody(bytesOf(text), { ...RPC_BOUNDS, maxSize: size - 1 }).ok).toBe(false);
  });

  it('never throws, and says nothing of what it refuses', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      V,
      '"id":1',
      '"method":"hunter2"',
      '"params":',
      '"hunter2"',
      '"error":{}',
      '1e9',
    ];
    const piece = fc.constantFrom(...pieces, '\\', '\n', '\xff');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(piece).map((some) => Buffer.from(some.join(''), 'latin1')),
        ),
        (bytes) => {
          expect(messageOf(parseRpcBody(bytes))).not.toContain('hunter2');
          expect(messageOf(parseRpcLine(bytes))).not.toContain('hunter2');
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('parseRpcLine', () => {
  it('reads a line as text or as bytes, with or without a carriage return at its end', () => {
    const line = `{${V},"method":"é"}`;
    const body = parse(line);
    expect(body.ok).toBe(true);
    for (const read of [line, `${line}\r`, bytesOf(line), bytesOf(`${line}\r`)])
      expect(parseRpcLine(read)).toEqual(body);
  });

  it.each([
    `{${V},\r"method":"a"}`,
    `{${V},"method":"a"}\r\r`,
    `\r{${V},"method":"a"}`,
    `{${V},\n"method":"a"}`,
    `{${V},"method":"a"}\n`,
  ])('refuses a line end within: %j', (line) => {
    expect(messageOf(parseRpcLine(line))).toBe('line end within a line');
  });

  it('refuses an empty line, bytes that are no UTF-8, and what is too long', () => {
    expect(messageOf(parseRpcLine(''))).toContain('expected a value at the end');
    expect(messageOf(parseRpcLine(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('not valid UTF-8');
    expect(parseRpcLine(`{${V},"method":"a"}`, { ...RPC_BOUNDS, maxSize: 10 }).ok).toBe(false);
  });
});

describe('formatRpcText', () => {
  it('writes the envelope in one order, and all within it as it stood', () => {
    expect(rewritten(`{ "params" : {"b":1e2, "a":[ 1.0 ]},"method":"m","id":12345678901234567890, ${V} }`)).toBe(
      `{${V},"id":12345678901234567890,"method":"m","params":{"b":1e2,"a":[1.0]}}`,
    );
    expect(rewritten(`{"result":{"z":1,"a":2},"id":null,${V}}`)).toBe(`{${V},"id":null,"result":{"z":1,"a":2}}`);
    expect(rewritten(`[ {${V},"method":"a"} ]`)).toBe(`[{${V},"method":"a"}]`);
  });

  const id = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer().map((number) => ({ token: String(number) })),
    fc.constant(null),
  );
  const value = fc.constantFrom<JsonValue>(
    null,
    'a\n',
    { token: '1.0' },
    [],
    ['x'],
    new Map([['k', [{ token: '1e5' }]]]),
  );
  const params = fc.constantFrom<readonly JsonValue[] | ReadonlyMap<string, JsonValue> | undefined>(
    [],
    ['a'],
    new Map(),
    new Map([['k', null]]),
    undefined,
  );
  const message: fc.Arbitrary<RpcMessage> = fc.oneof(
    fc.record({
      kind: fc.constant('call' as const),
      id: fc.option(id, { nil: undefined }),
      method: fc.string({ unit: 'binary' }),
      params,
    }),
    fc.record({
      kind: fc.constant('answer' as const),
      id,
      outcome: fc.constantFrom('result' as const, 'error' as const),
      value,
    }),
  );

  it('writes what is read as the same message, on one line', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const text = formatRpcMessage(sent);
        expect(text).not.toMatch(/[\r\n]/);
        expect(parseRpcLine(text)).toEqual({ ok: true, batch: false, messages: [sent] });
      }),
    );
  });

  it('writes batches that are read as the same batch', () => {
    const isNew = (seen: RpcMessage): string => `${seen.kind} ${JSON.stringify(seen.id)}`;
    fc.assert(
      fc.property(fc.uniqueArray(message, { minLength: 1, maxLength: 5, selector: isNew }), ([first, ...rest]) => {
        const body = { ok: true, batch: true, messages: [first!, ...rest] } as const;
        expect(parse(formatRpcText(body))).toEqual(body);
      }),
    );
  });
});

describe('rpcError', () => {
  it('writes an answer with an error object', () => {
    expect(rpcError({ token: '7.0' }, -32001, 'denied', new Map([['reason', 'no-rule']]))).toBe(
      `{${V},"id":7.0,"error":{"code":-32001,"message":"denied","data":{"reason":"no-rule"}}}`,
    );
  });

  it('leaves data away where there is none, and keeps an id of null', () => {
    expect(rpcError(null, -32700, 'a "quoted"\nline')).toBe(
      `{${V},"id":null,"error":{"code":-32700,"message":"a \\"quoted\\"\\nline"}}`,
    );
  });
});
