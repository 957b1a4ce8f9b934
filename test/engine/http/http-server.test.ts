import { setTimeout as delay } from 'node:timers/promises';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { sendContinue } from '../../../src/engine/http/request-head.ts';
import { readBody } from '../../../src/engine/http/read-body.ts';
import {
  body,
  exchangeRaw,
  type Gate,
  type GateOptions,
  isWholeAnswer,
  readUntil,
  startGate,
  until,
} from './http-fixtures.ts';

let gate: Gate;
afterEach(async () => gate.close());

/** A gate that answers with what it was handed. */
function startEcho(options: Omit<GateOptions, 'handle' | 'permit'> = {}): void {
  gate = startGate({
    ...options,
    handle: async (head, request, response) => {
      sendContinue({ request, response });
      const text = (await body(request).catch(() => Buffer.alloc(0))).toString('latin1');
      response.end(JSON.stringify({ ...head, body: text }));
    },
  });
}

const HEAD = 'Host: x\r\n';
const POST = `POST / HTTP/1.1\r\n${HEAD}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** What smuggles a request past somebody who reads it in another way. Each is refused, and nothing behind it is read. */
const VECTORS: readonly (readonly [string, string, number])[] = [
  ['a length beside a transfer coding', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a transfer coding beside a length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ['two lengths', `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, 400],
  ['two lengths that differ', `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
  ['a list of lengths', `${POST}Content-Length: 1, 1\r\n\r\na`, 400],
  ['a length with a sign', `${POST}Content-Length: +1\r\n\r\na`, 400],
  ['a length in hex', `${POST}Content-Length: 0x1\r\n\r\na`, 400],
  ['a length with a blank in it', `${POST}Content-Length: 1 1\r\n\r\na`, 400],
  ['a length that is empty', `${POST}Content-Length: \r\n\r\n`, 400],
  ['a coding that is none', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 0],
  ['chunked that is not last', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400],
  ['another coding before chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['two codings', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
  ['chunked twice', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a blank before the colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a vertical tab before the value', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
  ['a folded line', `GET / HTTP/1.1\r\n${HEAD}X-A: b\r\n c\r\n\r\n`, 400],
  ['a folded transfer coding', `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400],
  ['LF alone, everywhere', 'GET / HTTP/1.1\nHost: x\n\n', 400],
  ['LF alone behind a header', 'GET / HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n', 400],
  ['LF alone at the end', 'GET / HTTP/1.1\r\nHost: x\r\n\n', 400],
  ['CR alone', 'GET / HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n', 400],
  ['CR CR for CRLF CRLF', 'GET / HTTP/1.1\r\nHost: x\r\rGET /b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two hosts', `GET / HTTP/1.1\r\n${HEAD}Host: y\r\n\r\n`, 400],
  ['another expectation', `${POST}Expect: miracles\r\nContent-Length: 0\r\n\r\n`, 400],
  ['two content types', `${POST}Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n`, 400],
  ['an absolute target', `GET http://evil.example/ HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['the target *', `OPTIONS * HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['CONNECT', `CONNECT x:80 HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['bytes above ASCII in the target', `GET /\xc3\xa9 HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['a tab in the target', `GET /a\tb HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['NUL in the target', `GET /a\0b HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['a target that is no path', `GET a HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 505],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: x\r\n\r\n', 505],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${HEAD}\r\n`, 400],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['an unknown method', `FOO / HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['a method in lower case', `get / HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['NUL in a header', `GET / HTTP/1.1\r\n${HEAD}A: b\0c\r\n\r\n`, 400],
  ['a blank in a name', `GET / HTTP/1.1\r\n${HEAD}A b: c\r\n\r\n`, 400],
  ['a header without a name', `GET / HTTP/1.1\r\n${HEAD}: c\r\n\r\n`, 400],
  ['a header without a colon', `GET / HTTP/1.1\r\n${HEAD}Abc\r\n\r\n`, 400],
  ['a blank before the first header', 'GET / HTTP/1.1\r\n Host: x\r\n\r\n', 400],
  ['too large a head', `GET / HTTP/1.1\r\n${HEAD}A: ${'b'.repeat(33 * 1024)}\r\n\r\n`, 413],
  ['too many headers', `GET / HTTP/1.1\r\n${HEAD}${'a: b\r\n'.repeat(100)}\r\n`, 400],
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01', 400],
];

/** Bodies that cannot be read to their end: the connection is closed without an answer. */
const BROKEN_BODIES: readonly (readonly [string, string])[] = [
  ['LF alone in a chunk extension', `1;a\nb\r\na\r\n0\r\n\r\n`],
  ['LF alone behind sizes', `1\na\n0\n\n`],
  ['a chunk that is longer than its size', `1\r\naXX0\r\n\r\n`],
  ['a size beyond 64 bits', `FFFFFFFFFFFFFFFFF\r\na\r\n`],
  ['a size with a sign', `-1\r\na\r\n`],
  ['a size with 0x', `0x1\r\na\r\n0\r\n\r\n`],
  ['a blank behind a size', `1 \r\na\r\n0\r\n\r\n`],
  ['a length in the trailers', `0\r\nContent-Length: 5\r\n\r\n`],
];

describe('the server', () => {
  it.each(VECTORS)('refuses %s', async (_name, bytes, status) => {
    startEcho();
    const text = await exchangeRaw(gate, `${bytes}GET /smuggled HTTP/1.1\r\n${HEAD}\r\n`);
    expect(text === '' ? 0 : Number(text.split(' ')[1])).toBe(status);
    expect(gate.heads.filter(({ path }) => path !== '/')).toEqual([]);
    if (status === 0) return;
    expect(gate.heads).toEqual([]);
    expect(gate.refusals).toHaveLength(1);
    expect(text.match(/^HTTP\/1.1/gm)).toHaveLength(1);
  });

  it.each(BROKEN_BODIES)('closes the connection for %s', async (_name, bytes) => {
    startEcho();
    const client = gate.open();
    const answer = readUntil(client);
    client.write(CHUNKED);
    await until(() => gate.heads.length === 1);
    client.write(`${bytes}GET /smuggled HTTP/1.1\r\n${HEAD}\r\n`);
    expect(await answer).toBe('');
    expect(gate.heads.map(({ path }) => path)).toEqual(['/']);
  });

  it('hands on a head as it came, and drops chunk extensions and trailers', async () => {
    startEcho();
    const text = await exchangeRaw(
      gate,
      `\r\nPOST /%41/..;x?q=%zz&&a HTTP/1.1\r\nHOST: whoever\r\nX-A: 1\r\nTransfer-Encoding: Chunked\r\nx-a:  2 \r\n\r\n1;ext=1\r\na\r\n0\r\nX-T: t\r\n\r\n`,
      isWholeAnswer,
    );
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toEqual({
      method: 'POST',
      path: '/%41/..;x',
      query: 'q=%zz&&a',
      headers: [
        ['host', 'whoever'],
        ['x-a', '1'],
        ['transfer-encoding', 'Chunked'],
        ['x-a', '2'],
      ],
      body: 'a',
    });
  });

  it('reads the same however the bytes are cut', async () => {
    startEcho();
    const bytes = `POST /a?b HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nxyzGET /c HTTP/1.1\r\n${HEAD}\r\n`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 10 }), async (cuts) => {
        const client = gate.open();
        const answer = readUntil(client, (text) => (text.match(/"body"/g) ?? []).length === 2);
        const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
        for (const [index, end] of ends.entries()) {
          client.write(bytes.slice(index === 0 ? 0 : ends[index - 1], end));
          await delay(0);
        }
        const text = await answer;
        expect([...text.matchAll(/"path":"([^"]+)"/g)].map(([, path]) => path)).toEqual(['/a', '/c']);
        client.destroy();
      }),
      { numRuns: 20 },
    );
  });

  it('never hands on a request that fuzzed bytes are not, and lives', async () => {
    startEcho();
    const word = fc.constantFrom(
      'GET / HTTP/1.1\r\n',
      'Host: x\r\n',
      'Content-Length: 3\r\n',
      '\r\n',
      '\n',
      '\r',
      ' ',
      'a',
      '0',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 12 }),
        async (words) => {
          const client = gate.open();
          client.resume().write(Buffer.from(words.join(''), 'latin1'));
          await delay(1);
          client.destroy();
          for (const { headers } of gate.heads.splice(0))
            expect(headers.filter(([name]) => name === 'host')).toHaveLength(1);
        },
      ),
      { numRuns: 150 },
    );
    expect(await exchangeRaw(gate, `GET / HTTP/1.1\r\n${HEAD}\r\n`, isWholeAnswer)).toContain('200 OK');
  });

  it('answers requests that were sent ahead one after the other, in their order', async () => {
    const begun: string[] = [];
    gate = startGate({
      handle: async ({ path }, _request, response) => {
        begun.push(`begin ${path}`);
        await delay(path === '/1' ? 20 : 0);
        begun.push(`end ${path}`);
        response.end(path);
      },
    });
    const requests = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\n${HEAD}\r\n`).join('');
    const text = await exchangeRaw(gate, requests, (text) => text.includes('/3'));
    expect(text.match(/\/\d$|\/\d(?=HTTP)/g)).toEqual(['/1', '/2', '/3']);
    expect(begun).toEqual(['begin /1', 'end /1', 'begin /2', 'end /2', 'begin /3', 'end /3']);
  });

  it('closes a connection on which too many are sent ahead', async () => {
    gate = startGate({ handle: () => new Promise(() => {}) });
    expect(await exchangeRaw(gate, `GET / HTTP/1.1\r\n${HEAD}\r\n`.repeat(33))).toBe('');
    expect(gate.http.connections()).toBe(0);
  });

  it('keeps a connection for the next request, and each has its caller', async () => {
    startEcho();
    const client = gate.open();
    for (const path of ['/a', '/b']) {
      const answer = readUntil(client, isWholeAnswer);
      client.write(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`);
      expect(await answer).toContain(`"path":"${path}"`);
      client.removeAllListeners('data');
    }
    expect(gate.http.connections()).toBe(1);
    client.destroy();
  });

  it('ends a request whose head does not come in time', async () => {
    startEcho({ headersTimeoutMs: 50, requestTimeoutMs: 1000, checkIntervalMs: 10 });
    const text = await exchangeRaw(gate, `GET / HTTP/1.1\r\nHost: `);
    expect(text).toContain('HTTP/1.1 408 Request Timeout');
    expect(gate.refusals).toEqual([{ reason: 'frame-timeout', message: 'the request did not come in time' }]);
    await until(() => gate.http.connections() === 0);
  });

  it('ends a connection on which nothing comes at all', async () => {
    startEcho({ headersTimeoutMs: 50, requestTimeoutMs: 1000, checkIntervalMs: 10 });
    expect(await exchangeRaw(gate, '')).toContain('408');
    await until(() => gate.http.connections() === 0);
  });

  it('ends a request whose body does not come in time', async () => {
    startEcho({ headersTimeoutMs: 50, requestTimeoutMs: 60, checkIntervalMs: 10 });
    expect(await exchangeRaw(gate, `${POST}Content-Length: 5\r\n\r\nabc`)).toBe('');
    expect(gate.http.connections()).toBe(0);
  });

  it('ends a connection that nobody uses any more', async () => {
    startEcho({ keepAliveMs: 30, checkIntervalMs: 10 });
    expect(await exchangeRaw(gate, `GET / HTTP/1.1\r\n${HEAD}\r\n`)).toContain('200 OK');
    expect(gate.http.connections()).toBe(0);
  });

  it('takes a client that has ended its side for gone', async () => {
    gate = startGate({ handle: async (_head, _request, response) => void (await once(response, 'close')) });
    const client = gate.open();
    client.resume().write(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await until(() => gate.heads.length === 1);
    client.end();
    await once(client, 'close');
    expect(gate.http.connections()).toBe(0);
  });

  it('answers a defect with 500, and closes the connection where an answer had begun', async () => {
    gate = startGate({
      handle: async ({ path }, _request, response) => {
        if (path === '/late') response.write('half');
        await Promise.reject(new Error('defect'));
      },
    });
    expect(await exchangeRaw(gate, `GET / HTTP/1.1\r\n${HEAD}\r\n`, isWholeAnswer)).toContain('"code":"internal"');
    expect(await exchangeRaw(gate, `GET /late HTTP/1.1\r\n${HEAD}\r\n`)).not.toContain('0\r\n\r\n');
    expect(gate.refusals.map(({ reason }) => reason)).toEqual(['internal', 'internal']);
  });

  it('says 100 once the body is wanted, and not where it is refused', async () => {
    gate = startGate({
      handle: async ({ path }, request, response) => {
        const read = path === '/yes' ? await readBody({ request, response }, 10) : undefined;
        if (read?.ok === true) response.end(read.body);
        else response.writeHead(403, { connection: 'close' }).end();
      },
    });
    const expecting = (path: string): string =>
      `POST ${path} HTTP/1.1\r\n${HEAD}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`;
    expect(await exchangeRaw(gate, expecting('/no'))).toMatch(/^HTTP\/1.1 403/);
    const client = gate.open();
    const answer = readUntil(client, (text) => text.endsWith('abc'));
    client.write(expecting('/yes'));
    client.once('data', () => client.write('abc'));
    expect(await answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/);
    client.destroy();
  });

  it('passes a wish to upgrade over where no WebSocket is allowed', async () => {
    startEcho();
    const wish = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n';
    const text = await exchangeRaw(gate, `${POST}${wish}Content-Length: 2\r\n\r\nhi`, isWholeAnswer);
    expect(text).toContain('200 OK');
    expect(text).toContain('"body":"hi"');
  });

  it.each([
    ['another protocol', 'Upgrade: h2c\r\n'],
    ['two protocols', 'Upgrade: websocket, h2c\r\n'],
    ['a body', 'Upgrade: websocket\r\nContent-Length: 3\r\n'],
  ])('upgrades to WebSocket, and not with %s', async (_name, headers) => {
    startEcho();
    const client = gate.open({ websocket: true });
    const answer = readUntil(client);
    client.write(`GET / HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\n${headers}\r\nabc`);
    expect(await answer).toContain('400 Bad Request');
    expect(gate.heads).toEqual([]);
  });

  it('ends every connection when it is closed', async () => {
    gate = startGate({ handle: () => new Promise(() => {}) });
    const clients = Array.from({ length: 5 }, () => gate.open({ websocket: false }));
    const closed = Promise.all(clients.map((client) => once(client.resume(), 'close')));
    gate.http.close();
    await closed;
    expect(gate.http.connections()).toBe(0);
  });
});

describe('reading a body whole', () => {
  function startReading(maxBytes: number): void {
    gate = startGate({
      handle: async (_head, request, response) => {
        const read = await readBody({ request, response }, maxBytes);
        response.end(read.ok ? `${read.body.length}` : read.reason);
      },
    });
  }

  it.each([
    ['a length', `${POST}Content-Length: 4\r\n\r\nabcd`, '4'],
    ['a length that is too large', `${POST}Content-Length: 5\r\n\r\nabcde`, 'too-large'],
    ['chunks', `${CHUNKED}2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n`, '4'],
    ['chunks that are too large', `${CHUNKED}2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n`, 'too-large'],
    ['nothing', `GET / HTTP/1.1\r\n${HEAD}\r\n`, '0'],
  ])('of %s', async (_name, bytes, expected) => {
    startReading(4);
    expect((await exchangeRaw(gate, bytes, isWholeAnswer)).split('\r\n\r\n')[1]).toBe(expected);
  });

  it('ends where the client leaves', async () => {
    const reads: unknown[] = [];
    gate = startGate({
      handle: async (_head, request, response) => void reads.push(await readBody({ request, response }, 10)),
    });
    const client = gate.open();
    client.write(`${POST}Content-Length: 4\r\n\r\nab`);
    await until(() => gate.heads.length === 1);
    client.destroy();
    await until(() => reads.length === 1);
    expect(reads).toEqual([{ ok: false, reason: 'gone' }]);
  });
});
