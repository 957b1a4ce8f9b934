import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decideTool } from '../../../src/policy/decide.ts';
import { decideHttp, decideRpc } from '../../../src/policy/http/decide-http.ts';
import { explainHttpDecision } from '../../../src/policy/http/explain-http.ts';
import { injectionsOf } from '../../../src/policy/injections.ts';
import { goodPolicy, policyText } from '../policy-of.ts';
import { decideSent, httpPolicyText, httpToolOf, saidOf } from './http-policy-of.ts';

const ALLOW = { allow: ['GET /x'] };

describe('an upstream', () => {
  it.each([
    [
      'https://api.example.com',
      { protocol: 'https:', host: 'api.example.com', port: 443, basePath: '', allowPrivate: false },
    ],
    [
      'https://API.example.com:8443/base/',
      { host: 'api.example.com', port: 8443, basePath: '/base', allowPrivate: false },
    ],
    ['http://localhost:1', { protocol: 'http:', host: 'localhost', port: 1, allowPrivate: true }],
    ['http://127.0.0.1', { host: '127.0.0.1', port: 80, allowPrivate: true }],
    ['http://[::1]:80/a/b', { host: '::1', port: 80, basePath: '/a/b', allowPrivate: true }],
    ['https://10.0.0.1', { host: '10.0.0.1', allowPrivate: true }],
  ])('%s', (upstream, expected) => expect(httpToolOf({ ...ALLOW, upstream }).upstream).toMatchObject(expected));

  it.each([
    ['api.example.com', 'is no upstream'],
    ['ftp://x', 'is no upstream'],
    ['https://me:pw@x', 'is no upstream'],
    ['https://x?y', 'is no upstream'],
    ['https://x/#y', 'base path that is not plain'],
    ['https://x/a/../b', 'base path that is not plain'],
    ['https://x//a', 'base path that is not plain'],
    ['https://x:0', 'is no upstream'],
    ['https://x:70000', 'is no upstream'],
    ['http://0x7f.1', "means the host '127.0.0.1'; write that"],
    ['http://2130706433', "means the host '127.0.0.1'; write that"],
    ['https://[0:0::1]', "means the host '[::1]'; write that"],
    ['http://api.example.com', "is http to another host; write https, or 'plain_http: true'"],
    ['http://localhost.example.com', 'is http to another host'],
  ])('%s is refused: %s', (upstream, message) => {
    expect(saidOf({ ...ALLOW, upstream })[0]).toMatch(/^error: upstream: /);
    expect(saidOf({ ...ALLOW, upstream })[0]).toContain(message);
  });

  it('with a name may lie in private ranges where the policy says so', () => {
    expect(httpToolOf({ ...ALLOW, upstream: 'https://x', private: true }).upstream.allowPrivate).toBe(true);
  });

  it('proves the gateway with a certificate and its key, or with neither', () => {
    const both = { client_cert: { file: '/etc/c.pem' }, client_key: { secret: 'key' } };
    expect(httpToolOf({ ...ALLOW, ...both }).upstream.clientCertificate).toMatchObject({ key: { redacted: true } });
    expect(saidOf({ ...ALLOW, client_cert: both.client_cert })).toEqual([
      'error: client_cert: client_cert and client_key go together',
    ]);
  });
});

describe('what is injected', () => {
  const inject = {
    headers: { Authorization: 'Bearer ${secret:token}', Accept: 'text/plain', 'X-Api-Key': 'written-out-1' },
    query: { key: { secret: 'k' }, v: '1' },
    basic: { user: 'me', password: { secret: 'p', redact: false } },
  };

  it('is taken out of answers where it is a secret', () => {
    const { headers, basic } = inject;
    const tool = httpToolOf({
      ...ALLOW,
      inject: { query: inject.query, headers: { ...headers, Authorization: undefined }, basic },
    });
    expect(tool.inject.headers.get('x-api-key')?.redacted).toBe(true);
    expect(tool.inject.headers.get('accept')?.redacted).toBe(false);
    expect(tool.inject.query.get('key')?.redacted).toBe(true);
    expect(tool.inject.query.get('v')?.redacted).toBe(false);
    expect(tool.inject.basic?.user.redacted).toBe(false);
    expect(tool.inject.basic?.password.redacted).toBe(false);
    expect(injectionsOf(tool).map(([what]) => what)).toEqual([
      'header accept',
      'header x-api-key',
      'query key',
      'query v',
      'basic user',
      'basic password',
    ]);
  });

  it('is looked at', () => {
    expect(saidOf({ ...ALLOW, inject, request_headers: ['accept'] })).toEqual([
      expect.stringContaining('warning: inject.headers.X-Api-Key: looks like a secret that is written out'),
      'error: inject.basic: sets Authorization, and so does inject.headers',
      'warning: request_headers[0]: accept is also in inject.headers, which wins',
    ]);
    expect(saidOf({ ...ALLOW, inject: { headers: { A: 'x', a: 'y' } } })).toEqual([
      'error: inject.headers: names a header twice',
    ]);
    expect(saidOf({ ...ALLOW, inject: { path: { t: { secret: 't' } } } })).toEqual([
      'warning: inject.path.t: no rule has a placeholder {t}',
    ]);
    expect(saidOf({ ...ALLOW, upstream: 'http://x', plain_http: true, inject: { query: inject.query } })).toEqual([
      'warning: upstream: is http to another host: what is injected can be read on the way',
    ]);
  });
});

describe('a policy on a server is warned about', () => {
  const rpc = { jsonrpc_allow_methods: ['m'], allow: ['POST /x'] };
  it.each([
    [{}, "warning: : allows nothing: it has no 'allow'"],
    [
      { jsonrpc_allow_methods: ['m'] },
      "has no 'allow', which means 'POST /**' and 'GET /api/v1/events', without a query",
    ],
    [{ jsonrpc_allow_methods: ['m'], events: '/e' }, "'POST /**' and 'GET /e'"],
    [{ ...rpc, events: '/e' }, "warning: events: has no meaning beside 'allow'"],
    [{ allow: ['* /**'] }, 'warning: allow[0]: allows every path of the server'],
    [{ allow: ['POST /x'], jsonrpc_deny_methods: ['m'] }, 'allows no JSON-RPC: jsonrpc_allow_methods names no method'],
    [{ ...rpc, jsonrpc_allow_methods: ['a*'] }, "'*' is itself; name each method"],
    [{ ...rpc, jsonrpc_param_filters: { m: { field: 'a', allow_patterns: ['x'] } } }, "has no 'allow_keys'"],
    [{ ...rpc, jsonrpc_param_filters: { x: { allow_keys: [] } } }, 'is not in jsonrpc_allow_methods, so it is denied'],
    [
      { ...rpc, jsonrpc_param_filters: { m: { field: 'a', allow_patterns: [], allow_keys: ['a'] } } },
      'an empty list allows nothing',
    ],
    [{ ...rpc, jsonrpc_param_filters: { m: { field: 'a', allow_keys: ['a'] } } }, "any text passes as 'a'"],
    [{ ...rpc, websocket: true }, 'error: websocket: what passes through a WebSocket is not looked at'],
    [{ ...ALLOW, server_allow_methods: ['x'] }, 'has no meaning without jsonrpc_allow_methods'],
    [{ ...ALLOW, sse_filters: [] }, 'is empty, so no event passes'],
    [{ ...ALLOW, audit: { log_argv: true } }, 'has no meaning for an http tool'],
  ])('%j: %s', (parts, message) => expect(saidOf(parts).join('\n')).toContain(message));

  it('and one without faults is not', () => {
    expect(
      saidOf({ ...rpc, jsonrpc_param_filters: { m: { field: 'a', allow_patterns: ['x'], allow_keys: ['a'] } } }),
    ).toEqual([]);
  });
});

describe('a policy on a server is refused', () => {
  const filter = (m: unknown): object => ({ jsonrpc_allow_methods: ['m'], jsonrpc_param_filters: { m } });
  it.each([
    [{ binary: '/x' }, "unknown key 'binary'"],
    [{ jsonrpc_allow_method: [] }, "unknown key 'jsonrpc_allow_method' (did you mean 'jsonrpc_allow_methods'?)"],
    [{ inject: { header: {} } }, "unknown key 'header' (did you mean 'headers'?)"],
    [filter({}), "expected 'field', 'allow_keys' or 'any_of'"],
    [filter({ allow_patterns: ['x'] }), "'field' is missing"],
    [filter({ field: 'a..b' }), 'is no path to a field'],
    [filter({ field: 'a[0]' }), 'is no path to a field'],
    [filter({ field: 'a', allow_patterns: ['[x'] }), "'[x'"],
    [filter({ field: 'a', allow_values: [1e21] }), 'is beyond the exact numbers'],
    [filter({ field: 'a', field_keys: [], allow_patterns: ['x'] }), "'field_keys' is for an object"],
    [filter([]), 'is empty'],
    [filter({ field: 'a', alow_patterns: ['x'] }), "unknown key 'alow_patterns'"],
    [filter({ any_of: [] }), "'any_of' is empty"],
    [{ tests: [{ allow: 'x' }] }, 'expected {http: {method: ...'],
    [{ tests: [{ allow: { rpc: { method: 3 } } }] }, 'no JSON-RPC message: method is no text'],
    [{ events: 'x' }, "does not begin with '/'"],
  ])('%j: %s', (parts, message) => {
    const said = saidOf({ ...ALLOW, ...parts });
    expect(said.join('\n')).toContain(message);
    expect(said.join('\n')).toContain('error');
  });
});

describe("the predecessor's policy", () => {
  const file = new URL('../../fixtures/policies/http-tool.yaml', import.meta.url);
  it('loads, and is stricter than it was', () => {
    const { tools, warnings } = goodPolicy(readFileSync(file, 'utf8'));
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining("has no 'allow'")]);
    const rpc = (method: string, params: object): string =>
      decideRpc(tools, 'signal-cli', {
        ok: true,
        batch: false,
        messages: [{ kind: 'call', id: null, method, params: new Map(Object.entries(params)) }],
      }).verdict;
    expect(rpc('send', { recipient: ['+1', '+1'], message: 'x' })).toBe('allow');
    expect(rpc('send', { recipient: ['+1', '+49'], message: 'x' })).toBe('deny');
    expect(rpc('send', { recipient: '+1', account: '+2' })).toBe('deny');
    expect(rpc('sendReaction', { recipients: ['+1'], emoji: 'x' })).toBe('allow');
    expect(rpc('version', {})).toBe('allow');
    expect(rpc('unregister', {})).toBe('deny');
  });
});

describe('tests of a policy on a server', () => {
  const rules = {
    allow: ['GET /x?a=*', 'POST /rpc'],
    jsonrpc_allow_methods: ['m'],
    jsonrpc_param_filters: { m: { field: 'n', allow_values: [3], allow_keys: ['n'] } },
  };
  it('try requests, and messages', () => {
    const tests = [
      { allow: { http: { method: 'GET', path: '/x?a=1' } } },
      { deny: { http: { method: 'GET', path: '/x?b=1' } }, reason: 'no-rule' },
      {
        allow: {
          http: {
            method: 'POST',
            path: '/rpc',
            headers: { 'Content-Type': 'application/json' },
            body: { method: 'm', params: { n: 3 } },
          },
        },
      },
      {
        deny: { http: { method: 'POST', path: '/rpc', body: [{ method: 'm', params: { n: 3 } }, { method: 'x' }] } },
        reason: 'no-rule',
      },
      { allow: { rpc: { method: 'm', params: { n: 3 }, id: 1, jsonrpc: '2.0' } } },
      { deny: { rpc: [{ method: 'm', params: { n: '3' } }] }, reason: 'value-refused' },
      { deny: { http: { method: 'GET', path: '/x', body: 'text' } }, reason: 'value-refused' },
    ];
    expect(saidOf({ ...rules, tests })).toEqual([]);
  });

  it('fail with what came in place of what was expected', () => {
    const tests = [
      { deny: { http: { method: 'GET', path: '/x?a=1' } } },
      { allow: { rpc: { method: 'x' } } },
      { deny: { http: { method: 'POST', path: '/rpc', body: '{"jsonrpc":"2.0","method":"m"}' } } },
    ];
    expect(saidOf({ ...rules, tests })).toEqual([
      expect.stringMatching(
        /^error: tests\[0\]: test failed: expected deny, got allow by line \d+; request: GET \/x\?a=1$/,
      ),
      "error: tests[1]: test failed: expected allow, got deny (no-rule): no rule allows method 'x'; request: JSON-RPC 'x'",
      expect.stringContaining('tests[2]: test failed: write the body as a mapping, not as text'),
    ]);
  });
});

describe('tools of another type', () => {
  const { tools } = goodPolicy(
    JSON.stringify({
      tools: {
        ...(JSON.parse(httpPolicyText(ALLOW)) as { tools: object }).tools,
        prog: { type: 'cli', binary: '/bin/true', argv_allow_patterns: [''] },
      },
    }),
  );
  const head = { method: 'GET', path: '/x', query: null, headers: [] };

  it('are denied, and it is said how they are reached', () => {
    const call = decideTool(
      tools,
      { tool: 'tool', argv: [], env: new Map([['A', 'b']]), cwd: undefined },
      { kind: 'none' },
    );
    expect(call).toMatchObject({
      verdict: 'deny',
      reason: 'no-rule',
      message: expect.stringContaining('forwarding'),
      envDropped: 1,
    });
    expect(decideHttp(tools, { tool: 'prog', head, body: null })).toMatchObject({
      verdict: 'deny',
      reason: 'no-rule',
      message: expect.stringContaining('program'),
    });
  });

  it('and unknown ones are denied as no tools', () => {
    expect(decideHttp(tools, { tool: 'x', head, body: null }).reason).toBe('no-such-tool');
    expect(decideRpc(tools, 'x', { ok: false, message: '' }).reason).toBe('no-such-tool');
    expect(goodPolicy(policyText('tool', {})).tools.get('tool')?.type).toBe('cli');
  });
});

describe('explainHttpDecision', () => {
  it('tells of each rule and message, and of what is sent', () => {
    const tool = httpToolOf({ allow: ['POST /rpc', 'GET /x'], deny: ['GET /y'], jsonrpc_allow_methods: ['m'] });
    const body = '{"jsonrpc":"2.0","method":"m"}';
    expect(explainHttpDecision(decideSent(tool, 'POST /rpc', { body, headers: { Cookie: 'x' } })).split('\n')).toEqual([
      'allow: tool',
      expect.stringMatching(/^ {2}decided by {2}test\.yaml:\d+$/),
      expect.stringMatching(/^ {2}allow {2}test\.yaml:\d+ {2}'POST \/rpc' {2}matches$/),
      expect.stringMatching(/^ {2}allow {2}test\.yaml:\d+ {2}'GET \/x' {2}no: it is for another method$/),
      expect.stringMatching(/^ {2}deny {3}test\.yaml:\d+ {2}'GET \/y' {2}no: it is for another method$/),
      expect.stringMatching(/^ {2}allow {2}test\.yaml:\d+ {2}'method m' {2}matches$/),
      "  message     'm': allow",
      '  sends       POST http://127.0.0.1:8080/rpc',
      '  body        the messages, written anew',
      '  headers     content-type',
      '  dropped     cookie',
    ]);
    expect(explainHttpDecision(decideSent(tool, 'GET /z'))).toMatch(
      /^deny: tool: no rule allows this method and path \(no-rule\)\n/,
    );
  });
});

describe('rules on content', () => {
  it('look at path, query, headers and JSON-RPC of a request', () => {
    const input_deny = [{ pattern: 'forbidden', name: 'word', action: 'end' }];
    const tool = httpToolOf({ allow: ['GET /**?*'], input_deny });
    const reason = (line: string, headers = {}): string => decideSent(tool, line, { headers }).reason ?? 'allow';
    expect(reason('GET /x')).toBe('allow');
    expect(reason('GET /forbidden')).toBe('content-refused');
    expect(reason('GET /x?a=for%62idden')).toBe('content-refused');
    expect(reason('GET /x', { accept: 'forbidden' })).toBe('content-refused');
    expect(reason('GET /x', { 'x-dropped': 'forbidden' })).toBe('allow');
    const rpc = httpToolOf({ jsonrpc_allow_methods: ['m'], input_deny });
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'm', params: ['forbidden'] });
    expect(decideSent(rpc, 'POST /', { body }).reason).toBe('content-refused');
  });
});
