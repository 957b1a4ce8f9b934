/** What is in requests: JSON-RPC under rules, and bytes that two servers could read in two ways. */
import { request as httpRequest, Agent, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestGateway, until } from '../helpers/gateway.ts';
import { ask, type Answer, Forwards, HttpUpstream } from '../helpers/http-upstream.ts';

const policy = (origin: string): string => `
version: 1
tools:
  web: {type: http, upstream: "${origin}", allow: ["GET /echo", "POST /echo"]}
  rpc:
    type: http
    upstream: ${origin}/base
    allow: ["POST /rpc"]
    jsonrpc_allow_methods: [send, version]
    jsonrpc_param_filters: {send: {field: recipient, allow_patterns: ["+1*"], allow_keys: [recipient, message]}}
`;

let upstream: HttpUpstream;
let gateway: TestGateway;
let forwards: Forwards;
beforeAll(async () => {
  upstream = await HttpUpstream.start();
  gateway = await TestGateway.start({ policies: { test: policy(upstream.origin) } });
  forwards = await Forwards.open(gateway, { web: 'web:80', rpc: 'rpc:80' });
});
afterAll(async () => {
  forwards.close();
  upstream.stop();
  await gateway.stop();
});
beforeEach(() => upstream.forget());

const decisions = (tool: string): Record<string, unknown>[] =>
  gateway.audit().filter((one) => one['event'] === 'decision' && one['tool'] === tool);

describe('JSON-RPC', () => {
  const post = (body: unknown): Promise<Answer> =>
    ask(forwards.socket('rpc'), '/rpc', { body: typeof body === 'string' ? body : JSON.stringify(body) });
  const send = (recipient: unknown, id = 1): object => ({
    jsonrpc: '2.0',
    id,
    method: 'send',
    params: { recipient, message: 'hi' },
  });

  it('that is allowed arrives as it was checked, and as it is on record', async () => {
    expect((await post(send('+15550001'))).status).toBe(200);
    const [got] = upstream.requests;
    expect(got).toMatchObject({ method: 'POST', url: '/base/rpc', headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(String(got?.body))).toEqual(send('+15550001'));
    const http = { method: 'POST', path: '/rpc', rpc: { kind: 'call', method: 'send' } };
    expect(decisions('rpc').at(-1)).toMatchObject({ verdict: 'allow', http });
    expect(JSON.stringify(decisions('rpc').at(-1)?.['http'])).toContain('+15550001');
  });

  it.each([
    ['another method', { jsonrpc: '2.0', id: 7, method: 'listGroups' }, 'no-rule'],
    ['another recipient', send('+44', 7), 'value-refused'],
    ['one recipient of two', send(['+1', '+44'], 7), 'value-refused'],
    ['a number for a text', send(15, 7), 'value-refused'],
    ['parameters by position', { jsonrpc: '2.0', id: 7, method: 'send', params: ['+1', 'hi'] }, 'value-refused'],
  ])('with %s is refused with an error object', async (_what, body, reason) => {
    const answer = await post(body);
    expect(answer.status).toBe(403);
    const error = { code: -32001, data: { reason, request: expect.any(String) } };
    expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: '2.0', id: 7, error });
    expect(upstream.raw).toEqual([]);
    expect(decisions('rpc').at(-1)).toMatchObject({ verdict: 'deny', reason });
  });

  it('in a batch of which one is denied is denied as a whole, with a record for each', async () => {
    const before = decisions('rpc').length;
    const answer = await post([send('+1', 1), send('+44', 2), { jsonrpc: '2.0', id: 3, method: 'version' }]);
    expect(answer.status).toBe(403);
    const errors = JSON.parse(answer.body) as { id: number; error: { code: number } }[];
    expect(errors.map(({ id, error }) => [id, error.code])).toEqual([
      [1, -32001],
      [2, -32001],
      [3, -32001],
    ]);
    expect(upstream.raw).toEqual([]);
    const records = decisions('rpc').slice(before);
    expect(records.map((one) => one['verdict'])).toEqual(['deny', 'deny', 'deny']);
    expect(new Set(records.map((one) => one['request'])).size).toBe(1);
  });

  it('in a batch that is allowed arrives whole', async () => {
    const batch = [send('+1', 1), { jsonrpc: '2.0', method: 'version' }];
    expect((await post(batch)).status).toBe(200);
    expect(JSON.parse(String(upstream.requests[0]?.body))).toEqual(batch);
  });

  it.each([
    ['no JSON', '{'],
    ['two documents', '{"jsonrpc":"2.0","id":1,"method":"version"} {}'],
    ['a key twice', '{"jsonrpc":"2.0","id":1,"method":"version","method":"listGroups"}'],
    ['a byte order mark', '\ufeff{"jsonrpc":"2.0","id":1,"method":"version"}'],
    ['nothing', ''],
    ['an empty batch', '[]'],
  ])('that is %s is refused', async (_what, body) => {
    const answer = await post(body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(upstream.raw).toEqual([]);
  });
});

/** What comes back for bytes that are sent as they are, until the gateway closes or is silent. */
async function exchange(bytes: string, quietMs = 150): Promise<string> {
  const socket = connect(forwards.socket('web'));
  let text = '';
  let last = performance.now();
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    last = performance.now();
  });
  socket.on('error', () => undefined).on('close', () => (ended = true));
  await once(socket, 'connect');
  socket.write(bytes, 'latin1');
  await until(() => ended || (text !== '' && performance.now() - last > quietMs), 10_000);
  socket.destroy();
  return text;
}

const HOST = 'Host: x\r\n';
const NEXT = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n';

describe('bytes that could be two requests', () => {
  it.each([
    [
      'a length and chunks',
      `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`,
    ],
    [
      'chunks and a length',
      `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${NEXT}`,
    ],
    ['two lengths', `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 34\r\n\r\n${NEXT}`],
    ['the same length twice', `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${NEXT}`],
    ['lengths in a list', `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 0, 0\r\n\r\n${NEXT}`],
    ['a length with a sign', `POST /echo HTTP/1.1\r\n${HOST}Content-Length: +0\r\n\r\n${NEXT}`],
    ['a coding twice', `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${NEXT}`],
    ['a folded header', `GET /echo HTTP/1.1\r\n${HOST}Accept: a\r\n Content-Length: 34\r\n\r\n${NEXT}`],
    ['a space before the colon', `POST /echo HTTP/1.1\r\n${HOST}Content-Length : 34\r\n\r\n${NEXT}`],
    ['bare line feeds', `GET /echo HTTP/1.1\nHost: x\n\n${NEXT}`],
    ['a bare line feed in a header', `GET /echo HTTP/1.1\r\n${HOST}Accept: a\nX: b\r\n\r\n${NEXT}`],
    ['the absolute form', `GET http://x/echo HTTP/1.1\r\n${HOST}\r\n${NEXT}`],
    ['CONNECT', `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n${NEXT}`],
    ['HTTP/1.0', `GET /echo HTTP/1.0\r\n${HOST}\r\n${NEXT}`],
    ['HTTP/0.9', `GET /echo\r\n${NEXT}`],
    ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${NEXT}`],
    ['no host', `GET /echo HTTP/1.1\r\n\r\n${NEXT}`],
    ['two hosts', `GET /echo HTTP/1.1\r\n${HOST}${HOST}\r\n${NEXT}`],
    ['a NUL in a header', `GET /echo HTTP/1.1\r\n${HOST}Accept: a\0b\r\n\r\n${NEXT}`],
  ])('are refused and nothing is sent: %s', async (_what, bytes) => {
    const text = await exchange(bytes);
    expect(text).toMatch(/^HTTP\/1\.1 (4\d\d|505) /);
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(upstream.raw).toEqual([]);
  });

  it('end the connection where the coding is unknown, and nothing is sent', async () => {
    const bytes = `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${NEXT}`;
    expect(await exchange(bytes)).toMatch(/^(HTTP\/1\.1 4\d\d .*)?$/s);
    expect(upstream.raw).toEqual([]);
  });

  it('are one request where a chunk has an extension, which goes no further', async () => {
    const chunks = '4;ext="x"\r\n';
    const text = await exchange(
      `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunks}body\r\n0\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
    expect(upstream.bytes).not.toContain('ext=');
    expect(upstream.requests.map(({ body }) => String(body))).toEqual(text.includes(' 200 ') ? ['body'] : []);
  });

  it('are one request where they are one, and the next is decided by itself', async () => {
    const text = await exchange(`POST /echo HTTP/1.1\r\n${HOST}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}${NEXT}`);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
    expect(upstream.requests).toMatchObject([{ url: '/echo', body: Buffer.from(NEXT) }]);
  });

  it('are refused where a GET has a body, in which a server might look for parameters', async () => {
    const text = await exchange(`GET /echo HTTP/1.1\r\n${HOST}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}`);
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(upstream.requests).toEqual([]);
  });
});

it('several requests use one connection, each decided by itself', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  const statuses: (number | undefined)[] = [];
  for (const path of ['/echo', '/other', '/echo', '/echo']) {
    const outgoing = httpRequest({ socketPath: forwards.socket('web'), path, agent }).end();
    outgoing.once('socket', (socket) => sockets.add(socket));
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    statuses.push(incoming.statusCode);
    await once(incoming.resume(), 'end');
  }
  agent.destroy();
  expect(statuses).toEqual([200, 403, 200, 200]);
  expect(sockets.size).toBe(1);
  expect(upstream.requests).toHaveLength(3);
});
