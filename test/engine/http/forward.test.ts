import type { IncomingMessage, RequestListener } from 'node:http';
import { request as httpRequest, Agent } from 'node:http';
import { gzipSync } from 'node:zlib';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpHead, HttpPermit, Upstream } from '../../../src/model/http.ts';
import type { OpenScanner } from '../../../src/model/content.ts';
import {
  body,
  exchangeRaw,
  type Gate,
  isWholeAnswer,
  type Listening,
  permitFor,
  readUntil,
  SECRET,
  secretIn,
  startGate,
  startUpstream,
  TOKEN,
  until,
  upstreamAt,
} from './http-fixtures.ts';

interface Seen {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: string;
}

let gate: Gate;
let upstream: Listening;
let seen: Seen[] = [];
afterEach(async () => {
  await gate.close();
  await upstream.close();
  seen = [];
});

const OK: RequestListener = (_request, response) => void response.end('ok');

type Overrides = Partial<HttpPermit> | ((head: HttpHead) => Partial<HttpPermit>);

/** An upstream that notes what it gets and then answers, and a gate before it. */
async function start(answer: RequestListener, overrides: Overrides = {}, at: Partial<Upstream> = {}): Promise<void> {
  upstream = await startUpstream((request, response) => {
    void note(request).then(() => answer(request, response));
  });
  gate = startGate({
    permit: (head) => {
      const { method, path, query, headers } = head;
      const own = typeof overrides === 'function' ? overrides(head) : overrides;
      return permitFor(upstreamAt(upstream.port, at), { method, path, query, headers, ...own });
    },
  });
}

async function note(request: IncomingMessage): Promise<void> {
  const text = await body(request).catch(() => Buffer.from('(broken)'));
  const { method, url, rawHeaders } = request;
  seen.push({ line: `${method} ${url}`, headers: rawHeaders, body: text.toString('latin1') });
}

const get = (path: string, ...headers: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: client.example\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
const post = (text: string, ...headers: string[]): string =>
  `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n${text}`;

const ask = async (bytes: string): Promise<string> => exchangeRaw(gate, bytes, isWholeAnswer);
const INJECT: HttpPermit['inject'] = {
  headers: new Map([['authorization', secretIn('Bearer ', SECRET)]]),
  query: new Map(),
  path: new Map(),
  basic: null,
};
/** Without what stands between chunks. */
const dechunked = (answer: string): string => answer.replaceAll(/\r\n[0-9a-f]+\r\n/g, '');
/** Finds `poison`. */
const scannerFor =
  (action: 'end' | 'redact'): OpenScanner =>
  (met) => ({
    push: (text) => {
      if (!text.includes('poison')) return text;
      met({ name: 'poison', action });
      return action === 'end' ? '' : text.replaceAll('poison', '[redacted:poison]');
    },
    pause: () => '',
    end: () => '',
    holds: () => false,
  });

describe('the request that the upstream gets', () => {
  it('is made of the permit: its headers, the upstream as host, and nothing about the connection', async () => {
    await start(OK, {}, { basePath: '/base' });
    await ask(
      get(
        '/a/%62?q=1&r',
        'Accept: */*',
        'X-Two: 1',
        'x-two: 2',
        'Connection: x-two',
        'Keep-Alive: 1',
        'TE: trailers',
        'Proxy-Authorization: x',
        'Expect: 100-continue',
        'Upgrade: h2c',
      ),
    );
    expect(seen).toEqual([
      {
        line: 'GET /base/a/%62?q=1&r',
        headers: [
          'host',
          `127.0.0.1:${upstream.port}`,
          'accept',
          '*/*',
          'x-two',
          '1',
          'x-two',
          '2',
          'Connection',
          'keep-alive',
        ],
        body: '',
      },
    ]);
  });

  it('has what is injected, whatever the client sent under these names', async () => {
    await start(OK, {
      inject: {
        headers: new Map([['authorization', secretIn('Bearer ', SECRET)]]),
        query: new Map([['api key', secretIn('a b+c/&', SECRET)]]),
        path: new Map([
          ['token', secretIn('12:', SECRET, '/é')],
          ['unused', secretIn({ kind: 'secret', name: 'missing' })],
        ]),
        basic: null,
      },
    });
    await ask(get('/bot{token}/send?api%20key=mine&x=1&api+key=mine', 'Authorization: Bearer mine'));
    expect(seen[0]?.line).toBe(`GET /bot12:${TOKEN}%2F%C3%A9/send?x=1&api%20key=a%20b%2Bc%2F%26${TOKEN}`);
    expect(seen[0]?.headers).toEqual([
      'host',
      `127.0.0.1:${upstream.port}`,
      'accept-encoding',
      'identity',
      'authorization',
      `Bearer ${TOKEN}`,
      'Connection',
      'keep-alive',
    ]);
  });

  it('has basic authentication, which is taken out of the answer as a whole', async () => {
    await start((request, response) => void response.end(`you sent ${request.headers.authorization}`), {
      inject: {
        ...INJECT,
        headers: new Map(),
        basic: { user: secretIn({ kind: 'secret', name: 'user' }), password: secretIn(SECRET) },
      },
    });
    const pair = Buffer.from(`alice-of-wonderland:${TOKEN}`).toString('base64');
    expect(dechunked(await ask(get('/')))).toContain('you sent Basic [redacted:basic]');
    expect(seen[0]?.headers).toContain(`Basic ${pair}`);
  });

  it.each([
    [
      'a secret is missing',
      { ...INJECT, headers: new Map([['x', secretIn({ kind: 'secret', name: 'missing' } as const)]]) },
      'secret-unavailable',
    ],
    [
      'a value leads elsewhere',
      { ...INJECT, path: new Map([['up', { parts: ['..'], redacted: false }]]) },
      'secret-unavailable',
    ],
    [
      'a value is empty',
      { ...INJECT, path: new Map([['up', { parts: [''], redacted: false }]]) },
      'secret-unavailable',
    ],
  ])('is not sent where %s', async (_name, inject, reason) => {
    await start(OK, { inject });
    const answer = await ask(get('/a/{up}/b'));
    expect(answer).toContain('503 Service Unavailable');
    expect(answer).toContain(`"code":"${reason}"`);
    expect(seen).toEqual([]);
    expect(JSON.stringify(answer)).not.toContain('missing');
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH'])(
    'says how long its body is, for %s too, so that no body is taken for a request',
    async (method) => {
      await start(OK);
      const smuggled = get('/smuggled');
      const head = `${method} / HTTP/1.1\r\nHost: x\r\n`;
      await exchangeRaw(gate, `${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`, (text) =>
        text.includes('\r\n\r\n'),
      );
      await exchangeRaw(
        gate,
        `${head}Transfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
        (text) => text.includes('\r\n\r\n'),
      );
      expect(seen.map(({ line, body }) => [line, body])).toEqual([
        [`${method} /`, smuggled],
        [`${method} /`, smuggled],
      ]);
      expect(seen[0]?.headers).toContain('content-length');
      expect(seen[1]?.headers).toContain('transfer-encoding');
    },
  );

  it('carries the text that was checked in place of the bytes that came', async () => {
    await start(OK, { body: { text: '{"id":1.0,"ü":"ß"}' } });
    await ask(post('{"id":1.0,  "evil":1}', 'Content-Type: application/json', 'Content-Encoding: gzip'));
    expect(seen[0]?.body).toBe(Buffer.from('{"id":1.0,"ü":"ß"}').toString('latin1'));
    expect(seen[0]?.headers).toContain('20');
    expect(seen[0]?.headers).not.toContain('content-encoding');
  });

  it('has no trailers: they come after the decision', async () => {
    await start(OK);
    await ask('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\nX-Late: 1\r\n\r\n');
    expect(seen[0]).toMatchObject({ line: 'POST /', body: 'a' });
    expect(seen[0]?.headers.join(' ')).not.toContain('Late');
  });
});

describe('requests of any bytes', () => {
  const plain = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '.', '%2F', '/', '?', '=', '&'), maxLength: 8 });
  const hostile = fc.string({ unit: fc.constantFrom(...Array.from('a;:@#{}[]|\\^`"<> \t\r\n\0\u00e9')), maxLength: 4 });
  const token = fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: hostile });
  const header = fc.tuple(
    fc.constantFrom(
      'Host',
      'X-A',
      'Content-Length',
      'Transfer-Encoding',
      'Connection',
      'Expect',
      'Upgrade',
      'TE',
      'Trailer',
    ),
    fc.oneof(token, fc.constantFrom('0', '3', 'chunked', 'close', 'x-a', 'websocket')),
  );
  const text = fc.constantFrom(
    '',
    'abc',
    '3\r\nabc\r\n0\r\n\r\n',
    '0\r\n\r\n',
    'GET /inner HTTP/1.1\r\nHost: x\r\n\r\n',
    '3;e\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  );
  const end = fc.constantFrom(...Array<string>(10).fill('\r\n'), '\n', '\r');
  const odd = fc
    .tuple(
      fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'CONNECT', 'get'),
      token,
      fc.array(header, { maxLength: 2 }),
      end,
      text,
    )
    .map(
      ([method, target, headers, lineEnd, rest]) =>
        `${method} /${target} HTTP/1.1\r\nHost: x${lineEnd}${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${rest}`,
    );
  const proper = fc
    .tuple(
      fc.constantFrom('GET', 'DELETE', 'POST'),
      plain,
      fc.constantFrom(
        '',
        'Content-Length: 3\r\n\r\nabc',
        'Transfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
      ),
    )
    .map(([method, target, rest]) => `${method} /${target} HTTP/1.1\r\nHost: x\r\n${rest === '' ? '\r\n' : rest}`);
  const message = fc.oneof(proper, odd);

  it('reach the upstream as they were handed to whoever decides, or not at all', async () => {
    await start(OK);
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 3 }), async (messages) => {
        seen = [];
        gate.heads.length = 0;
        const client = gate.open();
        client.resume().write(Buffer.from(messages.join(''), 'latin1'));
        await delay(10);
        client.destroy();
        await until(() => gate.upstreams.connections() <= 16 && gate.http.connections() === 0);
        const decided = gate.heads.map(
          ({ method, path, query }) => `${method} ${path}${query === null ? '' : `?${query}`}`,
        );
        const whole = seen.filter((each) => each.body !== '(broken)');
        compared += seen.length;
        // In their order; the last ones may have been cut off with their connection.
        expect(decided.slice(0, seen.length)).toEqual(seen.map(({ line }) => line));
        for (const { headers } of whole) {
          const names = headers.filter((_name, index) => index % 2 === 0).map((name) => name.toLowerCase());
          expect(names.filter((name) => ['te', 'trailer', 'upgrade', 'expect'].includes(name))).toEqual([]);
          expect(names.filter((name) => name === 'host')).toHaveLength(1);
          expect(names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length).toBeLessThan(
            2,
          );
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 150) },
    );
    expect(compared).toBeGreaterThan(10);
  });
});

describe('a body', () => {
  it.each([
    ['is refused where none is allowed', { body: 'none' } as const, post('a')],
    [
      'that announces too much is refused',
      { limits: { ...permitFor(upstreamAt(1)).limits, maxBodyBytes: 3 } },
      post('abcd'),
    ],
  ])('%s', async (_name, overrides, bytes) => {
    await start(OK, overrides);
    const answer = await ask(bytes);
    expect(answer).toContain('413 ');
    expect(answer).toContain('"code":"too-large"');
    expect(seen).toEqual([]);
  });

  it('that turns out too large is refused, and the upstream gets no end of it', async () => {
    await start(OK, { limits: { ...permitFor(upstreamAt(1)).limits, maxBodyBytes: 3 } });
    const chunked = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n';
    const answer = await ask(chunked);
    expect(answer).toContain('413 ');
    expect(answer).toMatch(/^connection: close/im);
    await until(() => seen.length === 1 || upstream.server.listening);
    expect(seen.filter(({ body }) => body !== '(broken)')).toEqual([]);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'limited', reason: 'too-large', status: null });
  });

  it('is searched where the policy says so, and the upstream gets no end of what it refuses', async () => {
    await start(OK, { content: { output: null, input: scannerFor('end') } });
    expect(await ask(post('harmless'))).toContain('200 OK');
    const answer = await ask(post('this is poison'));
    expect(answer).toContain('403 Forbidden');
    expect(answer).toContain('"code":"content-refused"');
    expect(gate.outcomes[1]).toMatchObject({ kind: 'limited', detector: 'poison', redactions: { poison: 1 } });
    expect(await ask(post(gzipSync('poison').toString('latin1'), 'Content-Encoding: gzip'))).toContain('403 ');
    expect(seen.map(({ body }) => body).filter((text) => text !== '(broken)')).toEqual(['harmless']);
  });

  it('of a client that leaves has no end either', async () => {
    await start(OK);
    const client = gate.open();
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    await until(() => gate.upstreams.connections() > 0);
    client.destroy();
    await until(() => gate.outcomes.length === 1);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'abandoned', status: null });
    await until(() => gate.upstreams.connections() === 0);
    expect(seen.filter(({ body }) => body !== '(broken)')).toEqual([]);
  });

  it('is waited for with 100 only once it may be sent', async () => {
    await start(OK, ({ path }) => (path === '/no' ? { body: 'none' } : {}));
    const expecting = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`;
    expect(await exchangeRaw(gate, expecting('/no'))).toMatch(/^HTTP\/1.1 413/);
    const client = gate.open();
    const answer = readUntil(client, (text) => text.endsWith('ok'));
    client.write(expecting('/'));
    client.once('data', () => client.write('abc'));
    expect(await answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/);
    expect(seen.at(-1)?.body).toBe('abc');
    expect(seen.at(-1)?.headers).not.toContain('expect');
    client.destroy();
  });

  it('may be answered before it is whole', async () => {
    upstream = await startUpstream((_request, response) => void response.writeHead(401).end('no'));
    gate = startGate({ permit: ({ method }) => permitFor(upstreamAt(upstream.port), { method }) });
    const client = gate.open();
    const answer = readUntil(client);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
    expect(await answer).toMatch(/^HTTP\/1.1 401 [^]*connection: close[^]*no\r\n0\r\n\r\n$/i);
    await until(() => gate.outcomes.length === 1);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'answered', status: 401 });
  });
});

describe('the answer that the client gets', () => {
  it('has its status, the headers that may pass and its bytes', async () => {
    await start(
      (_request, response) => {
        response.writeHead(418, 'secret words', [
          'Content-Type',
          'text/plain',
          'Set-Cookie',
          'a=1',
          'X-Custom',
          'c',
          'X-Mine',
          '1',
          'X-Mine',
          '2',
          'Server',
          'nginx',
          'X-RateLimit-Remaining',
          '5',
          'anthropic-ratelimit-requests-limit',
          '9',
          'Connection',
          'x-custom, close',
          'Proxy-Authenticate',
          'Basic',
          'Access-Control-Allow-Origin',
          '*',
          'ETag',
          '"x"',
          'Date',
          'Thu, 01 Jan 1970 00:00:00 GMT',
          'Content-Length',
          '3',
        ]);
        response.end('abc');
      },
      { responseHeaders: new Set(['x-mine', 'x-custom']) },
    );
    expect((await ask(get('/'))).split('\r\n')).toEqual([
      "HTTP/1.1 418 I'm a Teapot",
      'content-type: text/plain',
      'x-mine: 1',
      'x-mine: 2',
      'x-ratelimit-remaining: 5',
      'anthropic-ratelimit-requests-limit: 9',
      'etag: "x"',
      'date: Thu, 01 Jan 1970 00:00:00 GMT',
      'content-length: 3',
      'Connection: keep-alive',
      'Keep-Alive: timeout=300',
      '',
      'abc',
    ]);
  });

  it('has cookies only where the policy lists them', async () => {
    await start((_request, response) => void response.setHeader('set-cookie', ['a=1', 'b=2']).end(), {
      responseHeaders: new Set(['set-cookie']),
    });
    expect((await ask(get('/'))).match(/set-cookie: .*/g)).toEqual(['set-cookie: a=1', 'set-cookie: b=2']);
  });

  it.each([
    ['/b/next?x=1#y', '/next?x=1#y'],
    ['next', '/a/next'],
    ['../../b/c', '/c'],
    ['http://ORIGIN/b/c', '/c'],
    ['http://ORIGIN/b', '/'],
    ['//ORIGIN/b/c', '/c'],
    ['http://user:pw@ORIGIN/b/c', '/c'],
    ['http://ORIGIN/outside', undefined],
    ['http://ORIGIN/bb', undefined],
    ['/b//evil.example/', undefined],
    ['https://ORIGIN/b/c', undefined],
    ['http://evil.example/b/c', undefined],
    ['//evil.example/b/c', undefined],
    ['javascript:alert(1)', undefined],
    ['http://[', undefined],
  ])('has the redirect %s as %s', async (location, expected) => {
    await start(
      (_request, response) =>
        void response.writeHead(302, { location: location.replace('ORIGIN', `127.0.0.1:${upstream.port}`) }).end(),
      {},
      { basePath: '/b' },
    );
    expect(/^location: (.*)\r$/m.exec(await ask(get('/a/x')))?.[1]).toBe(expected);
    expect(seen).toHaveLength(1);
  });

  it('has no body where there is none: HEAD, 204, 304', async () => {
    await start(
      (request, response) => {
        const status = Number(request.url?.slice(1));
        response.writeHead(status, status === 204 ? {} : { 'content-length': 5 });
        response.end(request.method === 'HEAD' || status !== 200 ? undefined : 'hello');
      },
      { inject: INJECT },
    );
    const client = gate.open();
    const answer = readUntil(client, (text) => text.includes('HTTP/1.1 304') && text.endsWith('\r\n\r\n'));
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const)
      client.write(`${method} /${status} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const text = await answer;
    expect(text.split('\r\n\r\n').map((head) => head.split('\r\n')[0])).toEqual([
      'HTTP/1.1 200 OK',
      'HTTP/1.1 204 No Content',
      'HTTP/1.1 304 Not Modified',
      '',
    ]);
    expect(text.match(/content-length: 5/g)).toHaveLength(2);
    expect(text).not.toContain('chunked');
    client.destroy();
  });

  it('has trailers that may pass', async () => {
    await start(
      (_request, response) => {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('a');
        response.addTrailers({ 'x-sum': `1 ${TOKEN}`, 'x-other': '2' });
        response.end();
      },
      { responseHeaders: new Set(['x-sum']), inject: INJECT },
    );
    expect(
      await exchangeRaw(gate, get('/'), (text) => text.endsWith('\r\n\r\n') && text.includes('\r\n0\r\n')),
    ).toMatch(/\r\n1\r\na\r\n0\r\nx-sum: 1 \[redacted:token\]\r\n\r\n$/);
  });

  it('may be a part, or encoded, where nothing has to be found in it', async () => {
    const zipped = gzipSync('hello');
    await start((request, response) => {
      if (request.headers.range === undefined) response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
      else response.writeHead(206, { 'content-range': 'bytes 0-1/5' }).end('he');
    });
    expect(await ask(get('/', 'Range: bytes=0-1'))).toMatch(
      /206 Partial Content\r\ncontent-range: bytes 0-1\/5[^]*\r\nhe\r\n/,
    );
    const client = gate.open();
    const answer = readUntil(client, isWholeAnswer);
    client.write(get('/', 'Accept-Encoding: gzip'));
    expect(await answer).toContain(zipped.toString('latin1'));
    expect(seen[1]?.headers).toContain('gzip');
    client.destroy();
  });

  it('is 502 where it is encoded or a part although it has to be searched', async () => {
    await start(
      (request, response) => {
        if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(TOKEN));
        else response.writeHead(206).end(TOKEN.slice(0, 5));
      },
      { inject: INJECT },
    );
    for (const path of ['/gzip', '/part']) {
      const answer = await ask(get(path, 'Accept-Encoding: gzip', 'Range: bytes=0-4', 'If-Range: x'));
      expect(answer).toContain('502 Bad Gateway');
      expect(answer).toContain('"code":"upstream-unavailable"');
    }
    expect(seen.map(({ headers }) => headers.filter((text) => /gzip|range|bytes/i.test(text)))).toEqual([[], []]);
  });

  it.each([
    ['taken out of headers and body', true],
    ['left where the policy says redact: false', false],
  ])('has what was injected %s', async (_name, redact) => {
    await start(
      (request, response) => {
        const sent = request.headers.authorization ?? '';
        const encoded = Buffer.from(TOKEN).toString('base64');
        response.writeHead(200, {
          etag: `"${sent}"`,
          link: encoded,
          'content-length': 2 * sent.length + encoded.length,
        });
        response.write(sent.slice(0, 15));
        setTimeout(() => response.end(`${sent.slice(15)}${encoded}${sent}`), 5);
      },
      { inject: INJECT, redact },
    );
    const answer = await ask(get('/'));
    expect(answer.includes(TOKEN)).toBe(!redact);
    expect(answer.includes('content-length')).toBe(!redact);
    if (!redact) return;
    expect(answer).toContain('etag: "Bearer [redacted:token]"\r\nlink: [redacted:token]\r\n');
    expect(dechunked(answer)).toContain('Bearer [redacted:token][redacted:token]Bearer [redacted:token]');
    expect(gate.outcomes[0]).toMatchObject({ redactions: { token: 5 }, firstByteMs: expect.any(Number) });
  });

  it('is cut off where content is met that ends it, in a header before anything is sent', async () => {
    await start(
      (request, response) => {
        if (request.url === '/header') response.setHeader('etag', 'poison');
        response.write('good ');
        setTimeout(() => response.end('poison'), 20);
      },
      { content: { input: null, output: scannerFor('end') } },
    );
    expect(await ask(get('/header'))).toContain('403 Forbidden');
    const cut = await exchangeRaw(gate, get('/body'));
    expect(cut).toMatch(/good \r\n$/);
    expect(gate.outcomes[1]).toMatchObject({
      kind: 'limited',
      reason: 'content-refused',
      detector: 'poison',
      status: 200,
    });
  });
});

describe('an upstream', () => {
  it('that is not there is 502, and the client learns no address', async () => {
    await start(OK);
    const { port } = upstream;
    await upstream.close();
    const answer = await ask(get('/'));
    expect(answer).toContain('502 Bad Gateway');
    expect(answer).toContain('"message":"the upstream cannot be reached"');
    expect(gate.outcomes[0]).toMatchObject({ detail: `connect ECONNREFUSED 127.0.0.1:${port}` });
    upstream = await startUpstream(OK);
  });

  it.each([
    ['closes without an answer', ''],
    ['answers with no HTTP', 'SSH-2.0-OpenSSH\r\n'],
    ['answers with a second length', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'answers with a length and a coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['answers with another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['answers with a head that has no end', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(70_000)}`],
    ['answers with an odd status', 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n'],
    [
      'changes the protocol unasked',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
  ])('that %s is 502', async (_name, bytes) => {
    await start(OK);
    upstream.server.removeAllListeners('connection');
    upstream.server.on('connection', (socket) => {
      socket.on('error', () => {}).once('data', () => void socket.end(Buffer.from(bytes, 'latin1')));
    });
    expect(await ask(get('/'))).toMatch(/^HTTP\/1.1 502 Bad Gateway[^]*"code":"upstream-unavailable"/);
    await until(() => gate.upstreams.connections() === 0);
  });

  it.each(['a length', 'chunks'])("that breaks off within %s closes the client's connection", async (how) => {
    await start((_request, response) => {
      if (how === 'a length') response.setHeader('content-length', 10);
      response.write('abc', () => setTimeout(() => response.destroy(), 10));
    });
    const answer = await exchangeRaw(gate, get('/'));
    expect(answer).toContain('200 OK');
    expect(isWholeAnswer(answer)).toBe(false);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'broken', status: 200, bytes: { request: 0, response: 3 } });
  });

  it('that does not answer in time is 504', async () => {
    await start(() => {}, { limits: { ...permitFor(upstreamAt(1)).limits, timeLimitMs: 50 } });
    expect(await ask(get('/'))).toMatch(/^HTTP\/1.1 504 Gateway Timeout[^]*"code":"time-limit"/);
    await until(() => gate.upstreams.connections() === 0);
  });

  it('that pauses for too long within an answer is cut off', async () => {
    await start((_request, response) => void response.write('abc'), {
      limits: { ...permitFor(upstreamAt(1)).limits, idleLimitMs: 50 },
    });
    expect(isWholeAnswer(await exchangeRaw(gate, get('/')))).toBe(false);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'limited', reason: 'time-limit', status: 200 });
  });

  it('is left at once when the client goes', async () => {
    await start((_request, response) => void response.write('abc'));
    const client = gate.open();
    const begun = readUntil(client, (text) => text.includes('abc'));
    client.write(get('/'));
    await begun;
    client.destroy();
    await until(() => gate.upstreams.connections() === 0 && gate.outcomes.length === 1);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'abandoned', status: 200 });
  });

  it('gets the next request on the same connection', async () => {
    const sockets = new Set<unknown>();
    await start((request, response) => {
      sockets.add(request.socket);
      response.end('ok');
    });
    for (let i = 0; i < 5; i += 1) await ask(get('/'));
    expect(sockets.size).toBe(1);
    expect(gate.upstreams.connections()).toBe(1);
  });

  it('that tells early hints is answered by its real answer', async () => {
    await start((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.end('ok'));
    });
    expect(await ask(get('/'))).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('is asked by a real client over a kept connection', async () => {
    await start((request, response) => void response.end(request.url));
    const port = await gate.listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of ['/a', '/b', '/c']) {
      const request = httpRequest({ port, path, agent }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect((await body(response)).toString()).toBe(path);
    }
    expect(gate.http.connections()).toBe(1);
    agent.destroy();
  });
});
