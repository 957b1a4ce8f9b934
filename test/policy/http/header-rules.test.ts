import { describe, expect, it } from 'vitest';
import { decideHttp } from '../../../src/policy/http/decide-http.ts';
import { decideSent, type HttpParts, httpToolOf, saidOf } from './http-policy-of.ts';

function passing(headers: Readonly<Record<string, string>>, parts: HttpParts = {}): string[] {
  const decision = decideSent(httpToolOf({ allow: ['GET /x'], ...parts }), 'GET /x', { headers });
  return decision.verdict === 'allow' ? decision.permit.headers.map(([name]) => name) : [decision.reason];
}

function denied(headers: readonly (readonly [string, string])[]): string {
  const tool = httpToolOf({ allow: ['GET /x', 'POST /x'] });
  const head = { method: 'POST', path: '/x', query: null, headers };
  return decideHttp(new Map([['tool', tool]]), { tool: 'tool', head, body: null }).reason ?? 'allow';
}

describe('headers of a request', () => {
  it('pass where they are ordinary', () => {
    const ordinary = [
      'accept',
      'content-type',
      'user-agent',
      'range',
      'if-none-match',
      'last-event-id',
      'mcp-session-id',
      'anthropic-version',
    ];
    expect(passing(Object.fromEntries(ordinary.map((name) => [name.toUpperCase(), 'x'])))).toEqual(ordinary);
  });

  it('do not pass where they are anything else, and it is said which', () => {
    const others = {
      Authorization: 'x',
      Cookie: 'x',
      'X-Api-Key': 'x',
      'Proxy-Authorization': 'x',
      Host: 'x',
      Forwarded: 'x',
      'X-Forwarded-For': 'x',
      'X-HTTP-Method-Override': 'DELETE',
      TE: 'trailers',
      Expect: '100-continue',
      Upgrade: 'h2c',
      'Keep-Alive': 'x',
      'X-Anything': 'x',
      'Openai-Organization': 'x',
    };
    const decision = decideSent(httpToolOf({ allow: ['GET /x'] }), 'GET /x', { headers: others });
    expect(decision).toMatchObject({ verdict: 'allow', permit: { headers: [] } });
    expect(decision.headersDropped).toContain('authorization');
    expect(decision.headersDropped).not.toContain('host');
  });

  it('pass where the policy names them, in whatever case', () => {
    expect(passing({ 'x-custom': '1', 'x-other': '2' }, { request_headers: ['X-Custom'] })).toEqual(['x-custom']);
  });

  it('do not pass where the connection names them', () => {
    expect(passing({ Connection: 'close, Accept', Accept: 'x', Range: 'x' })).toEqual(['range']);
  });

  it('do not pass where the gateway writes them', () => {
    const inject = { headers: { 'X-Custom': 'value', Accept: 'text/plain' } };
    expect(passing({ 'x-custom': '1', accept: 'x' }, { request_headers: ['x-custom'], inject })).toEqual([]);
    expect(passing({ authorization: 'x' }, { inject: { basic: { user: 'me', password: { secret: 'p' } } } })).toEqual(
      [],
    );
  });

  it.each([
    [
      [
        ['content-length', '5'],
        ['transfer-encoding', 'chunked'],
      ],
    ],
    [
      [
        ['content-length', '5'],
        ['content-length', '5'],
      ],
    ],
    [[['content-length', '5, 5']]],
    [[['content-length', '+5']]],
    [[['content-length', '']]],
    [[['content-length', '0x5']]],
    [[['transfer-encoding', 'gzip, chunked']]],
    [
      [
        ['transfer-encoding', 'chunked'],
        ['transfer-encoding', 'chunked'],
      ],
    ],
    [[['transfer-encoding', 'identity']]],
    [
      [
        ['content-type', 'a/b'],
        ['content-type', 'c/d'],
      ],
    ],
    [[['x y', '1']]],
    [[['accept', 'a\nb']]],
    [[['accept', 'a\0']]],
    [[['accept', '\u0394']]],
  ] as const)('are refused where they have two readings: %j', (headers) =>
    expect(denied(headers)).toBe('value-refused'),
  );

  it('say whether a body follows', () => {
    const bodyOf = (headers: Record<string, string>, method = 'PUT'): unknown => {
      const decision = decideSent(httpToolOf({ allow: ['* /x'] }), `${method} /x`, { headers });
      return decision.verdict === 'allow' ? decision.permit.body : decision.reason;
    };
    expect(bodyOf({})).toBe('none');
    expect(bodyOf({ 'content-length': '0' })).toBe('none');
    expect(bodyOf({ 'content-length': '1' })).toBe('stream');
    expect(bodyOf({ 'transfer-encoding': 'Chunked' })).toBe('stream');
    for (const method of ['GET', 'HEAD']) {
      expect(bodyOf({ 'content-length': '0' }, method)).toBe('none');
      expect(bodyOf({ 'content-length': '1' }, method)).toBe('value-refused');
    }
  });
});

describe('WebSockets', () => {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'WebSocket',
    'Sec-WebSocket-Key': 'k',
    'Sec-WebSocket-Version': '13',
  };
  it('pass where the policy says so, with the headers of their handshake', () => {
    const tool = httpToolOf({ allow: ['GET /x'], websocket: true });
    const decision = decideSent(tool, 'GET /x', { headers });
    expect(decision).toMatchObject({
      verdict: 'allow',
      permit: {
        websocket: true,
        headers: [
          ['sec-websocket-key', 'k'],
          ['sec-websocket-version', '13'],
        ],
      },
    });
    expect(decideSent(tool, 'GET /x')).toMatchObject({ permit: { websocket: false } });
  });

  it('are refused where it does not', () => {
    expect(passing(headers)).toEqual(['no-rule']);
  });
});

describe('names of headers in a policy', () => {
  it.each([
    [{ request_headers: ['Authorization'] }, 'never passes from a client'],
    [{ request_headers: ['X_Forwarded_For'] }, 'never passes from a client'],
    [{ request_headers: ['proxy-x'] }, 'never passes from a client'],
    [{ request_headers: ['a b'] }, 'is no name of a header'],
    [{ inject: { headers: { Host: 'x' } } }, 'concerns the connection'],
    [{ inject: { headers: { 'Content-Length': '1' } } }, 'concerns the connection'],
    [{ inject: { headers: { 'Transfer-Encoding': 'x' } } }, 'concerns the connection'],
    [{ inject: { headers: { 'a:b': 'x' } } }, 'is no name of a header'],
    [{ response_headers: ['Connection'] }, 'concerns the connection'],
  ])('%j is refused: %s', (parts, message) => {
    expect(saidOf({ allow: ['GET /x'], ...parts }).join('\n')).toContain(message);
    expect(saidOf({ allow: ['GET /x'], ...parts })[0]).toMatch(/^error/);
  });
});
