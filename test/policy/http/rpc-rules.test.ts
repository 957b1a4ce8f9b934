import { describe, expect, it } from 'vitest';
import { decideRpc } from '../../../src/policy/http/decide-http.ts';
import { parseRpcBody } from '../../../src/protocol/json-rpc.ts';
import { decideSent, type HttpParts, httpToolOf, verdictOf } from './http-policy-of.ts';

/** Decides the text of a body. */
function verdict(parts: HttpParts, body: string): string {
  const decision = decideRpc(new Map([['tool', httpToolOf(parts)]]), 'tool', parseRpcBody(Buffer.from(body)));
  return decision.reason ?? 'allow';
}

/** Decides a call of `m` with these parameters, as JSON text. */
function filtered(filter: unknown, params: string | undefined): string {
  const parts = { jsonrpc_allow_methods: ['m'], jsonrpc_param_filters: { m: filter } };
  return verdict(parts, `{"jsonrpc":"2.0","id":1,"method":"m"${params === undefined ? '' : `,"params":${params}`}}`);
}

describe('methods', () => {
  const parts = { jsonrpc_allow_methods: ['a', 'b'], jsonrpc_deny_methods: ['b'] };
  it.each([
    ['a', 'allow'],
    ['b', 'rule-denies'],
    ['A', 'no-rule'],
    ['a ', 'no-rule'],
    ['__proto__', 'no-rule'],
  ])('%j: %s', (method, reason) => {
    expect(verdict(parts, JSON.stringify({ jsonrpc: '2.0', id: 1, method }))).toBe(reason);
  });

  it('are all denied where none is named', () => {
    expect(verdict({ jsonrpc_allow_methods: [] }, '{"jsonrpc":"2.0","method":"a"}')).toBe('no-rule');
    expect(verdict({ jsonrpc_deny_methods: ['b'] }, '{"jsonrpc":"2.0","method":"a"}')).toBe('no-rule');
    expect(verdict({ allow: ['POST /x'] }, '{"jsonrpc":"2.0","method":"a"}')).toBe('no-rule');
  });

  it('are compared as they are, though an asterisk stands in one', () => {
    expect(verdict({ jsonrpc_allow_methods: ['*'] }, '{"jsonrpc":"2.0","method":"a"}')).toBe('no-rule');
  });
});

describe('answers of a client', () => {
  it('pass where the server may ask', () => {
    const answer = '{"jsonrpc":"2.0","id":1,"result":{}}';
    expect(verdict({ jsonrpc_allow_methods: ['a'] }, answer)).toBe('no-rule');
    expect(verdict({ jsonrpc_allow_methods: ['a'], server_allow_methods: ['sampling/createMessage'] }, answer)).toBe(
      'allow',
    );
  });
});

describe('a filter on text', () => {
  const filter = { field: 'to', allow_patterns: ['+1*', 'me'], deny_patterns: ['+1900*'], allow_keys: ['to', 'text'] };
  it.each([
    ['{"to":"+15"}', 'allow'],
    ['{"to":"me"}', 'allow'],
    ['{"to":["+15","me"],"text":"x"}', 'allow'],
    ['{"to":"+49"}', 'value-refused'],
    ['{"to":"x+1"}', 'value-refused'],
    ['{"to":"+19001"}', 'value-refused'],
    ['{"to":["+15","+49"]}', 'value-refused'],
    ['{"to":[]}', 'value-refused'],
    ['{"to":[["+15"]]}', 'value-refused'],
    ['{"to":{"0":"+15"}}', 'value-refused'],
    ['{"to":null}', 'value-refused'],
    ['{"to":true}', 'value-refused'],
    ['{"to":1}', 'value-refused'],
    ['{"to":"+1\\n"}', 'value-refused'],
    ['{"to":"+1\\u2028"}', 'value-refused'],
    ['{"to":"+15","other":1}', 'value-refused'],
    ['{"To":"+15"}', 'value-refused'],
    ['{}', 'value-refused'],
    ['["+15"]', 'value-refused'],
    [undefined, 'value-refused'],
  ])('%s: %s', (params, reason) => expect(filtered(filter, params)).toBe(reason));

  it('with a pattern that spells a line end lets it through, and one that denies covers it', () => {
    expect(filtered({ field: 'to', allow_patterns: ['a\nb'], allow_keys: ['to'] }, '{"to":"a\\nb"}')).toBe('allow');
    expect(filtered({ field: 'to', deny_patterns: ['a*'], allow_keys: ['to'] }, '{"to":"a\\nb"}')).toBe(
      'value-refused',
    );
  });

  it('that only denies lets any other text through', () => {
    const only = { field: 'to', deny_patterns: ['a*'], allow_keys: ['to'] };
    expect([filtered(only, '{"to":"b"}'), filtered(only, '{"to":"ab"}'), filtered(only, '{"to":1}')]).toEqual([
      'allow',
      'value-refused',
      'value-refused',
    ]);
  });

  it('whose list is empty allows nothing', () => {
    expect(filtered({ field: 'to', allow_patterns: [], allow_keys: ['to'] }, '{"to":"b"}')).toBe('value-refused');
  });
});

describe('a filter on values', () => {
  const filter = { field: 'n', allow_values: [3, 'x', true, null, 0.5], allow_keys: ['n'] };
  it.each([
    ['3', 'allow'],
    ['[3,"x",true,null,0.5]', 'allow'],
    ['"3"', 'value-refused'],
    ['3.0', 'value-refused'],
    ['3e0', 'value-refused'],
    ['"true"', 'value-refused'],
    ['false', 'value-refused'],
    ['""', 'value-refused'],
  ])('%s: %s', (value, reason) => expect(filtered(filter, `{"n":${value}}`)).toBe(reason));
});

describe('the path of a field', () => {
  const at = (field: string, more: object = {}): object => ({ field, allow_patterns: ['ok'], ...more });
  it.each([
    [at('a.b'), '{"a":{"b":"ok"}}', 'allow'],
    [at('a.b'), '{"a":[{"b":"ok"}]}', 'value-refused'],
    [at('a.b'), '{"a.b":"ok"}', 'value-refused'],
    [at('a[].b'), '{"a":[{"b":"ok"},{"b":["ok"]}]}', 'allow'],
    [at('a[].b'), '{"a":[{"b":"ok"},{"b":"no"}]}', 'value-refused'],
    [at('a[].b'), '{"a":[{"b":"ok"},{}]}', 'value-refused'],
    [at('a[].b'), '{"a":[]}', 'value-refused'],
    [at('a[].b'), '{"a":{"b":"ok"}}', 'value-refused'],
    [at('a[].b', { optional: true }), '{"a":[{"b":"ok"},{}]}', 'allow'],
    [at('a', { optional: true }), '{}', 'allow'],
    [at('a', { optional: true }), undefined, 'allow'],
    [at('a', { optional: true }), '{"a":null}', 'value-refused'],
    [at('a', { optional: true }), '{"a":[]}', 'value-refused'],
    [at('a.b', { optional: true }), '{"a":"x"}', 'value-refused'],
    [{ field: 'a', field_keys: ['b'] }, '{"a":{"b":1}}', 'allow'],
    [{ field: 'a', field_keys: ['b'] }, '{"a":{"b":1,"c":2}}', 'value-refused'],
    [{ field: 'a', field_keys: ['b'] }, '{"a":"b"}', 'value-refused'],
    [{ field: '__proto__', allow_patterns: ['ok'] }, '{"__proto__":"ok"}', 'allow'],
    [{ field: 'constructor.name', allow_patterns: ['Object'] }, '{}', 'value-refused'],
  ])('%j and %s: %s', (filter, params, reason) => expect(filtered(filter, params)).toBe(reason));
});

describe('several filters', () => {
  it('all hold', () => {
    const both = [
      { field: 'a', allow_patterns: ['1'], allow_keys: ['a', 'b'] },
      { field: 'b', allow_patterns: ['2'] },
    ];
    expect(filtered(both, '{"a":"1","b":"2"}')).toBe('allow');
    expect(filtered(both, '{"a":"1","b":"3"}')).toBe('value-refused');
    expect(filtered(both, '{"a":"3","b":"2"}')).toBe('value-refused');
  });

  it('of which one holds: tools of MCP, each with its arguments', () => {
    const tools = {
      any_of: [
        [
          { field: 'name', allow_values: ['read'], allow_keys: ['name', 'arguments'] },
          { field: 'arguments', field_keys: ['path'] },
          { field: 'arguments.path', allow_patterns: ['/srv/*'] },
        ],
        { field: 'name', allow_values: ['list'], allow_keys: ['name'] },
      ],
    };
    const call = (params: object): string => filtered(tools, JSON.stringify(params));
    expect(call({ name: 'read', arguments: { path: '/srv/x' } })).toBe('allow');
    expect(call({ name: 'list' })).toBe('allow');
    expect(call({ name: 'list', arguments: { path: '/etc' } })).toBe('value-refused');
    expect(call({ name: 'read', arguments: { path: '/etc' } })).toBe('value-refused');
    expect(call({ name: 'read', arguments: { path: '/srv/x', y: 1 } })).toBe('value-refused');
    expect(call({ name: 'write', arguments: { path: '/srv/x' } })).toBe('value-refused');
  });
});

describe('parameters of known methods', () => {
  it('are the harmless ones and those that are filtered, where the policy does not say', () => {
    const send = (filter: unknown, params: object): string =>
      verdict(
        { jsonrpc_allow_methods: ['send'], jsonrpc_param_filters: { send: filter } },
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'send', params }),
      );
    const filter = { field: 'recipient', allow_patterns: ['+1*'] };
    expect(send(filter, { recipient: '+1', message: 'x', quoteTimestamp: 5 })).toBe('allow');
    for (const key of ['recipients', 'groupId', 'username', 'noteToSelf', 'account', 'attachment', 'attachments', 'to'])
      expect(send(filter, { recipient: '+1', [key]: 'x' })).toBe('value-refused');
    expect(send({ ...filter, allow_keys: ['recipient', 'attachment'] }, { recipient: '+1', attachment: 'x' })).toBe(
      'allow',
    );
    expect(send({ ...filter, allow_keys: ['recipient'] }, { recipient: '+1', message: 'x' })).toBe('value-refused');
    expect(
      send({ any_of: [filter, { field: 'groupId', allow_patterns: ['g'] }] }, { groupId: 'g', message: 'x' }),
    ).toBe('allow');
  });
});

describe('JSON-RPC over HTTP', () => {
  const tool = httpToolOf({ allow: ['POST /rpc', 'GET /events', 'DELETE /rpc'], jsonrpc_allow_methods: ['a', 'b'] });
  const call = (method: string, id?: number): object => ({
    jsonrpc: '2.0',
    ...(id === undefined ? {} : { id }),
    method,
  });

  it('is decided message by message, and one that is denied denies them all', () => {
    const body = JSON.stringify([call('a', 1), call('x', 2), call('b')]);
    const decision = decideSent(tool, 'POST /rpc', { body });
    expect(decision).toMatchObject({ verdict: 'deny', reason: 'no-rule', token: 'x' });
    expect(decision.elements.map(({ method, verdict: each }) => [method, each])).toEqual([
      ['a', 'allow'],
      ['x', 'deny'],
      ['b', 'allow'],
    ]);
  });

  it('is sent as it was checked, and as JSON, whatever the client called it', () => {
    const body = ' {"id": 1.50, "method":"\\u0061", "jsonrpc":"2.0", "params": {"b": 1e3, "a": [ ]}}\n';
    const decision = decideSent(tool, 'POST /rpc', { body, headers: { 'Content-Type': 'text/plain', Accept: '*/*' } });
    expect(decision).toMatchObject({
      verdict: 'allow',
      permit: {
        body: { text: '{"jsonrpc":"2.0","id":1.50,"method":"a","params":{"b":1e3,"a":[]}}' },
        headers: [
          ['accept', '*/*'],
          ['content-type', 'application/json'],
        ],
      },
    });
  });

  it('says what rules looked at, for the record', () => {
    const filter = {
      m: [
        { field: 'to', allow_patterns: ['*'], allow_keys: ['to', 'a'] },
        { field: 'a.b', optional: true, allow_values: [1] },
      ],
    };
    const rules = httpToolOf({ jsonrpc_allow_methods: ['m'], jsonrpc_param_filters: filter });
    const body = '{"jsonrpc":"2.0","method":"m","params":{"to":["x","y"]}}';
    expect(decideSent(rules, 'POST /', { body }).elements[0]?.looked).toEqual(new Map([['to', ['x', 'y']]]));
  });

  it('is expected of whatever can carry a body', () => {
    expect(verdictOf(tool, 'POST /rpc')).toBe('value-refused');
    expect(verdictOf(tool, 'DELETE /rpc')).toBe('value-refused');
    expect(verdictOf(tool, 'POST /rpc', { body: 'text' })).toBe('value-refused');
    expect(verdictOf(tool, 'GET /events')).toBe('allow');
    expect(verdictOf(tool, 'GET /events', { body: JSON.stringify(call('a')) })).toBe('value-refused');
    expect(verdictOf(tool, 'GET /events', { headers: { 'Content-Length': '0' } })).toBe('allow');
  });

  it('has to be plain UTF-8', () => {
    const body = JSON.stringify(call('a'));
    const sent = (headers: Record<string, string>): string => verdictOf(tool, 'POST /rpc', { body, headers });
    expect(sent({ 'Content-Encoding': 'gzip' })).toBe('value-refused');
    expect(sent({ 'Content-Encoding': 'identity' })).toBe('allow');
    expect(sent({ 'Content-Type': 'application/json; charset=utf-16' })).toBe('value-refused');
    expect(sent({ 'Content-Type': "application/json;x=1; Charset = 'latin1'" })).toBe('value-refused');
    expect(sent({ 'Content-Type': 'application/json; charset=UTF-8' })).toBe('allow');
  });
});
