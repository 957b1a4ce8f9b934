import { afterEach, describe, expect, it } from 'vitest';
import { HTTP_STATUS, type HttpRefusal, refusalBytes, sendRefusal } from '../../../src/engine/http/refusal.ts';
import { EXIT_STATUS } from '../../../src/protocol/exit-status.ts';
import { exchangeRaw, type Gate, isWholeAnswer, startGate } from './http-fixtures.ts';

let gate: Gate;
afterEach(async () => gate.close());

async function refusedWith(
  refusal: Partial<HttpRefusal>,
  bytes = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  enough = isWholeAnswer,
): Promise<string> {
  gate = startGate({
    handle: async (_head, request, response) => {
      response.setHeader('x-left', 'over');
      sendRefusal(request, response, { reason: 'no-rule', message: 'no rule allows this', request: '01K', ...refusal });
    },
  });
  return exchangeRaw(gate, bytes, enough);
}

describe('a refusal', () => {
  it('is a status and JSON that says why', async () => {
    const [head = '', body] = (await refusedWith({})).split('\r\n\r\n');
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 403 Forbidden',
      'content-type: application/json; charset=utf-8',
      'content-length: 77',
      'cache-control: no-store',
      expect.stringMatching(/^Date: /),
      'Connection: keep-alive',
      'Keep-Alive: timeout=300',
    ]);
    expect(body).toBe('{"error":{"code":"no-rule","message":"no rule allows this","request":"01K"}}\n');
  });

  it.each([
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
    [59_500, '60'],
  ])('says after %i ms to come again in %s s', async (retryAfterMs, seconds) => {
    const text = await refusedWith({ reason: 'rate-limited', retryAfterMs });
    expect(text).toContain('HTTP/1.1 429 Too Many Requests');
    expect(text).toContain(`retry-after: ${seconds}\r\n`);
  });

  it('has the body that JSON-RPC has', async () => {
    const body = '{"jsonrpc":"2.0","error":{"code":-32001,"message":"no"},"id":1}';
    expect(await refusedWith({ body })).toContain(`\r\n\r\n${body}\n`);
  });

  it('has no body for HEAD', async () => {
    const text = await refusedWith({}, 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n', (text) => text.includes('\r\n\r\n'));
    expect(text).toMatch(/^HTTP\/1.1 403 Forbidden[^]*\r\n\r\n$/);
  });

  it('closes the connection where a body is still to come, which is not read as a request', async () => {
    const text = await refusedWith(
      {},
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
      () => false,
    );
    expect(text).toMatch(/^connection: close\r$/im);
    expect(text.match(/^HTTP/gm)).toHaveLength(1);
    expect(gate.heads).toHaveLength(1);
  });

  it('keeps the connection where the body was read', async () => {
    gate = startGate({
      handle: async (_head, request, response) => {
        await request.toArray();
        sendRefusal(request, response, { reason: 'no-rule', message: 'no', request: '01K' });
      },
    });
    const text = await exchangeRaw(gate, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na', isWholeAnswer);
    expect(text).toContain('Connection: keep-alive');
  });

  it('closes the connection where an answer has begun', async () => {
    gate = startGate({
      handle: async (_head, request, response) => {
        response.write('half');
        sendRefusal(request, response, { reason: 'internal', message: 'no', request: '01K' });
      },
    });
    expect(isWholeAnswer(await exchangeRaw(gate, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'))).toBe(false);
  });

  it('is the same as bytes, for where there is no response', () => {
    gate = startGate({});
    const text = refusalBytes({ reason: 'malformed', message: 'no', request: '01K' }).toString();
    expect(text).toBe(
      'HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: 62\r\ncache-control: no-store\r\nconnection: close\r\n\r\n' +
        '{"error":{"code":"malformed","message":"no","request":"01K"}}\n',
    );
    expect(isWholeAnswer(text)).toBe(true);
  });

  it('has a status for every reason, and those that may be tried again are told apart', () => {
    gate = startGate({});
    expect(Object.keys(HTTP_STATUS).toSorted()).toEqual(Object.keys(EXIT_STATUS).toSorted());
    for (const [reason, status] of Object.entries(HTTP_STATUS)) {
      const exit = EXIT_STATUS[reason as keyof typeof EXIT_STATUS];
      if (exit === 126) expect(status).toBe(403);
      if (exit === 69 || exit === 74 || exit === 75) expect([429, 502, 503]).toContain(status);
    }
  });
});
