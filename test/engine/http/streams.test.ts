import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpPermit } from '../../../src/model/http.ts';
import {
  connectedPair,
  dial,
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

const run = promisify(execFile);
const MIB = 1024 * 1024;
const has = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

let gate: Gate;
let upstream: Listening;
const directories: string[] = [];
afterEach(async () => {
  await gate.close();
  await upstream.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'carapace-http-'));
  directories.push(directory);
  return directory;
}

async function start(answer: RequestListener, overrides: Partial<HttpPermit> = {}, websocket = false): Promise<void> {
  upstream = await startUpstream(answer);
  startBefore(upstream.port, overrides, websocket);
}

function startBefore(port: number, overrides: Partial<HttpPermit> = {}, websocket = false): void {
  gate = startGate({
    websocket,
    permit: ({ method, path, query, headers }) =>
      permitFor(upstreamAt(port), {
        method,
        path,
        query,
        headers,
        websocket,
        ...overrides,
        limits: { ...permitFor(upstreamAt(1)).limits, maxBodyBytes: 100 * MIB, ...overrides.limits },
      }),
  });
}

const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const INJECT: HttpPermit['inject'] = {
  headers: new Map([['authorization', secretIn('Bearer ', SECRET)]]),
  query: new Map(),
  path: new Map(),
  basic: null,
};

/** Digests what it is sent, and answers with that and the number of bytes. */
const digestBody: RequestListener = (request, response) => {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.once('end', () => response.end(`${bytes} ${hash.digest('hex')}`));
};

describe('large bodies', () => {
  it.each([
    ['with a length', true, false],
    ['in chunks', false, false],
    ['searched for what was injected', true, true],
  ])('come down as they are: 50 MB %s', async (_name, hasLength, isSearched) => {
    const data = randomBytes(50 * 1000 * 1000);
    await start(
      (_request, response) => {
        if (hasLength) response.setHeader('content-length', data.length);
        response.end(data);
      },
      isSearched ? { inject: INJECT } : {},
    );
    const request = httpRequest({ port: await gate.listen() }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const hash = createHash('sha256');
    await pipeline(response, hash);
    expect(hash.digest('hex')).toBe(digest(data));
    expect(gate.outcomes[0]).toMatchObject({ kind: 'answered', bytes: { request: 0, response: data.length } });
  });

  it.each([
    ['with a length', true],
    ['in chunks', false],
  ])('go up as they are: 30 MB %s', async (_name, hasLength) => {
    const data = randomBytes(30 * 1000 * 1000);
    await start(digestBody);
    const headers = hasLength ? { 'content-length': data.length } : { 'transfer-encoding': 'chunked' };
    const request = httpRequest({ port: await gate.listen(), method: 'PUT', headers });
    await pipeline(Readable.from(slices(data, 100_000)), request);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(Buffer.concat(await response.toArray()).toString()).toBe(`${data.length} ${digest(data)}`);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'answered', bytes: { request: data.length } });
  });

  it.skipIf(!has('curl'))('pass both ways with curl, which waits for a 100 first', async () => {
    const directory = makeDirectory();
    const [up, down] = [randomBytes(30 * 1000 * 1000), randomBytes(5 * 1000 * 1000)];
    writeFileSync(join(directory, 'up'), up);
    const expectations: (string | undefined)[] = [];
    await start((request, response) => {
      expectations.push(request.headers.expect);
      if (request.method === 'PUT') digestBody(request, response);
      else response.end(down);
    });
    const port = await gate.listen();
    const { stdout, stderr } = await run('curl', [
      '-sv',
      '-H',
      'Expect: 100-continue',
      '-T',
      join(directory, 'up'),
      `http://127.0.0.1:${port}/up`,
      '--next',
      '-s',
      '-o',
      join(directory, 'down'),
      `http://127.0.0.1:${port}/down`,
    ]);
    expect(stdout).toBe(`${up.length} ${digest(up)}`);
    expect(stderr).toContain('< HTTP/1.1 100 Continue');
    expect(expectations).toEqual([undefined, undefined]);
    expect(readFileSync(join(directory, 'down')).equals(down)).toBe(true);
  });
});

function* slices(data: Buffer, size: number): Iterable<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** A server for one request whose socket tells how much of its answer was taken from this process. */
async function startRawUpstream(serve: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).once('data', () => serve(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  upstream = {
    port: (server.address() as AddressInfo).port,
    server: createServer(),
    close: async () => void server.close(),
  };
  return upstream.port;
}

/** Writes as much as is taken, and tells how much that was. */
function flood(sink: Writable): () => number {
  let taken = 0;
  const send = (): void =>
    void sink.write(Buffer.alloc(65_536), (error) => {
      if (error !== null && error !== undefined) return;
      taken += 65_536;
      send();
    });
  send();
  return () => taken;
}

describe('a slow side', () => {
  it.each(['large chunks', 'single bytes'])(
    'that reads nothing holds at most 1 MiB of an answer in %s',
    async (how) => {
      // What leaves the upstream's process and did not reach the client is in this one, or in the kernel's buffers, which
      // are measured with a client of their own that reads nothing.
      let taken = 0;
      const piece = Buffer.alloc(how === 'large chunks' ? 65_536 : 1, 'x');
      const framed = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
      const port = await startRawUpstream((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const send = (): void => {
          if (!socket.destroyed)
            socket.write(Buffer.concat(Array<Buffer>(how === 'large chunks' ? 1 : 500).fill(framed)), () => {
              taken = socket.bytesWritten;
              send();
            });
        };
        send();
      });
      const settled = async (): Promise<number> => {
        for (let last = -1; last !== taken; await delay(200)) last = taken;
        return taken;
      };
      const idle = await dial(port);
      idle.pause().write('GET / HTTP/1.1\r\n\r\n');
      await delay(100);
      const inKernel = await settled();
      idle.destroy();
      startBefore(port);
      const [client, channel] = connectedPair();
      gate.http.accept(channel, 'caller', { websocket: false });
      client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      taken = 0;
      await until(() => taken > 0);
      expect((await settled()) - inKernel).toBeLessThan(MIB);
      client.destroy();
      await until(() => gate.outcomes.length === 1 && gate.upstreams.connections() === 0);
    },
  );

  it('that takes nothing of a body holds at most 1 MiB of it', async () => {
    const port = await startRawUpstream((socket) => socket.pause());
    startBefore(port);
    const [client, channel] = connectedPair();
    gate.http.accept(channel, 'caller', { websocket: false });
    const idle = await dial(port);
    idle.write('x');
    const inKernel = flood(idle);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\n');
    const sent = flood(client);
    let last = -1;
    while (last !== sent() + inKernel()) {
      last = sent() + inKernel();
      await delay(300);
    }
    expect(sent() - inKernel()).toBeLessThan(MIB);
    idle.destroy();
    client.destroy();
    await until(() => gate.outcomes.length === 1);
  });
});

/** An upstream of event streams: gives what `events` writes into them. */
const streamOf =
  (open: (response: ServerResponse) => void): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    open(response);
  };

describe('event streams', () => {
  it('begin before their first event, and give each as it comes', async () => {
    let stream: ServerResponse | undefined;
    await start(
      streamOf((response) => {
        response.flushHeaders();
        stream = response;
      }),
    );
    const client = gate.open();
    let text = '';
    client.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    client.write('GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    await until(() => text.includes('\r\n\r\n'));
    expect(text).toContain('content-type: text/event-stream');
    for (const piece of [': hi\n\n', 'data: 1\n', '\n', 'data: 2\r\n\r\n']) {
      text = '';
      stream?.write(piece);
      await until(() => text.includes(piece));
    }
    client.destroy();
    await until(() => stream?.destroyed === true);
  });

  it('are 200 at once, and opens equal closes', async () => {
    const open = new Set<ServerResponse>();
    let opened = 0;
    await start(
      streamOf((response) => {
        opened += 1;
        open.add(response.once('close', () => open.delete(response)));
        response.write('data: hello\n\n');
      }),
    );
    const port = await gate.listen();
    const responses = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const request = httpRequest({ port, agent: false }).end();
        request.on('error', () => {});
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        response.on('error', () => {});
        await once(response, 'data');
        return response;
      }),
    );
    expect([opened, open.size, gate.http.connections(), gate.upstreams.connections()]).toEqual([200, 200, 200, 200]);
    const heard = Promise.all(responses.map(async (response) => once(response, 'data')));
    for (const response of open) response.write('data: all\n\n');
    await heard;
    // Half of them are left by their clients, half are ended by the upstream.
    for (const response of responses.slice(0, 100)) response.destroy();
    await until(() => open.size === 100);
    for (const response of open) response.end();
    await until(() => gate.outcomes.length === 200 && gate.upstreams.connections() <= 16);
    expect(gate.outcomes.filter(({ kind }) => kind === 'abandoned')).toHaveLength(100);
    expect(gate.outcomes.filter(({ kind }) => kind === 'answered')).toHaveLength(100);
    await until(() => gate.http.connections() === 0);
  });

  it.each(['\n', '\r', '\r\n'])(
    'give only the events that pass, with %j as their line end, and what was injected is taken out',
    async (end) => {
      const events = [
        ': a comment with words',
        '',
        'id: 1',
        'event: message',
        'data: from +1',
        `data: ${TOKEN}`,
        '',
        'id: 2',
        'data: from +2',
        'data: keep out',
        '',
        'event: other',
        'data: from +1 as well',
        '',
        '',
      ].join(end);
      await start(
        streamOf((response) => {
          for (const char of events) response.write(char);
          response.end();
        }),
        { inject: INJECT, sseFilter: { passes: ({ type, data }) => data.startsWith('from +1') && type !== 'none' } },
      );
      const client = gate.open();
      const answer = readUntil(client, isWholeAnswer);
      client.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      const body = (await answer)
        .split('\r\n\r\n')
        .slice(1)
        .join('\r\n\r\n')
        .replaceAll(/[0-9a-f]+\r\n([^]*?)\r\n/g, '$1');
      expect(body).toBe(
        ':\n\nevent: message\nid: 1\ndata: from +1\ndata: [redacted:token]\n\nid: 2\n\nevent: other\ndata: from +1 as well\n\n',
      );
      client.destroy();
    },
  );

  it('are cut off where an event is too large to be looked at', async () => {
    await start(
      streamOf((response) => response.write(`data: ${'x'.repeat(2 * MIB)}`)),
      { sseFilter: { passes: () => true } },
    );
    const client = gate.open();
    const answer = readUntil(client);
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(isWholeAnswer(await answer)).toBe(false);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'broken', detail: 'upstream: event of more than 1048576 bytes' });
  });

  it.skipIf(!has('curl'))('reach curl -N, and are closed when it is killed', async () => {
    let stream: ServerResponse | undefined;
    await start(
      streamOf((response) => {
        stream = response;
        response.write('data: 1\n\n');
      }),
    );
    const curl = spawn('curl', ['-sN', `http://127.0.0.1:${await gate.listen()}/`]);
    const [chunk] = (await once(curl.stdout, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('data: 1\n\n');
    curl.kill('SIGKILL');
    await until(() => stream?.destroyed === true);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'abandoned' });
  });
});

describe('a WebSocket', () => {
  const HANDSHAKE =
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a2V5\r\nSec-WebSocket-Version: 13\r\n\r\n';

  /** Echoes bytes behind the handshake. */
  async function startEcho(overrides: Partial<HttpPermit> = {}): Promise<Socket[]> {
    const sockets: Socket[] = [];
    await start((_request, response) => void response.writeHead(426).end('upgrade'), overrides, true);
    upstream.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      sockets.push(socket.on('error', () => {}));
      if (request.url === '/no') socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
      else
        socket.write(
          `HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${request.headers['sec-websocket-key']}\r\nSet-Cookie: a=1\r\nServer: x\r\n\r\nearly`,
        );
      socket.pipe(socket);
    });
    return sockets;
  }

  it('passes bytes both ways once the upstream has agreed, also those that come with the handshake', async () => {
    const sockets = await startEcho();
    const client = gate.open();
    const answer = readUntil(client, (text) => text.endsWith('!'));
    client.write(`${HANDSHAKE}first`);
    client.write(' second!');
    expect(await answer).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: a2V5\r\n\r\nearlyfirst second!',
    );
    client.destroy();
    await until(() => gate.outcomes.length === 1 && sockets[0]?.destroyed === true);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'answered', status: 101, bytes: { request: 13, response: 18 } });
    expect(gate.upstreams.connections()).toBe(0);
  });

  it('carries much, and is ended when the upstream ends it', async () => {
    const sockets = await startEcho();
    const data = randomBytes(5 * MIB);
    const client = gate.open();
    client.write(HANDSHAKE);
    await until(() => sockets.length === 1);
    const received: Buffer[] = [];
    let length = 0;
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        received.push(chunk);
        length += chunk.length;
        done();
      },
    });
    client.pipe(sink);
    for (const slice of slices(data, 50_000)) if (!client.write(slice)) await once(client, 'drain');
    await until(() => length > data.length);
    expect(Buffer.concat(received).subarray(-data.length).equals(data)).toBe(true);
    sockets[0]?.end();
    await until(() => gate.http.connections() === 0);
    expect(gate.outcomes[0]).toMatchObject({ kind: 'answered' });
  });

  it('is an ordinary answer where the upstream does not agree', async () => {
    await startEcho();
    const client = gate.open();
    const answer = readUntil(client);
    client.write(HANDSHAKE.replace('/ws', '/no'));
    expect(await answer).toMatch(/^HTTP\/1.1 401 Unauthorized\r\ncontent-length: 2\r\n[^]*no$/);
  });

  it('is refused where what was injected would have to be found in it', async () => {
    await startEcho({ inject: INJECT });
    const client = gate.open();
    const answer = readUntil(client);
    client.write(HANDSHAKE);
    expect(await answer).toMatch(/^HTTP\/1.1 403 [^]*"code":"content-refused"/);
  });

  it('is ended with its response', async () => {
    const sockets = await startEcho();
    const client = gate.open();
    const closed = once(client.resume(), 'close');
    client.write(HANDSHAKE);
    await until(() => sockets.length === 1);
    gate.responses[0]?.destroy();
    await closed;
    await until(() => sockets[0]?.destroyed === true && gate.outcomes.length === 1);
  });
});

describe('real servers', () => {
  it.skipIf(!has('nginx'))('nginx gets and gives what passes, on kept connections', async () => {
    const directory = makeDirectory();
    const data = randomBytes(3 * MIB);
    writeFileSync(join(directory, 'file'), data);
    const port = await freePort();
    writeFileSync(
      join(directory, 'nginx.conf'),
      `daemon off; pid ${directory}/pid; error_log stderr; events {}
       http { access_log off; client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
              uwsgi_temp_path ${directory}; scgi_temp_path ${directory}; default_type text/plain;
              server { listen 127.0.0.1:${port}; root ${directory}; location /head { return 200 "$http_host $http_x_forwarded_for $connection_requests"; } } }`,
    );
    const nginx = spawn('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')], { stdio: 'ignore' });
    upstream = { port, server: createServer(), close: async () => void nginx.kill() };
    startBefore(port);
    await until(() => existsNow(port));
    const front = await gate.listen();
    const { stdout } = await run('curl', ['-s', `http://127.0.0.1:${front}/file`], {
      encoding: 'buffer',
      maxBuffer: 10 * MIB,
    });
    expect(digest(stdout)).toBe(digest(data));
    const range = await run('curl', ['-s', '-r', '10-19', `http://127.0.0.1:${front}/file`], { encoding: 'buffer' });
    expect(range.stdout.equals(data.subarray(10, 20))).toBe(true);
    const head = await run('curl', ['-s', '-H', 'X-Forwarded-For: me', `http://127.0.0.1:${front}/head`]);
    expect(head.stdout).toMatch(new RegExp(`^127.0.0.1:${port} me [23]$`));
  });
});

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function existsNow(port: number): boolean {
  try {
    execFileSync('curl', ['-s', '-o', '/dev/null', `http://127.0.0.1:${port}/head`]);
    return true;
  } catch {
    return false;
  }
}
