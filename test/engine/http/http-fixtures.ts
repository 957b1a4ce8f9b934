/** What the tests of HTTP share: a permit to change, an upstream, a way in, and a client that counts. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { once } from 'node:events';
import { forward } from '../../../src/engine/http/forward.ts';
import type { HttpOutcome } from '../../../src/engine/http/http-outcome.ts';
import { createHttpServer, type HttpServer, type Unreadable } from '../../../src/engine/http/http-server.ts';
import { sendRefusal } from '../../../src/engine/http/refusal.ts';
import { createUpstreams, type Upstreams } from '../../../src/engine/http/upstream.ts';
import type { HttpHead, HttpPermit, Upstream } from '../../../src/model/http.ts';
import type { Injection } from '../../../src/model/injection.ts';
import { Secret } from '../../../src/model/secret.ts';

export const TOKEN = 'tok-4f9c1b7e2a6d8035';

export function upstreamAt(port: number, overrides: Partial<Upstream> = {}): Upstream {
  return {
    protocol: 'http:',
    host: '127.0.0.1',
    port,
    basePath: '',
    allowPrivate: true,
    caFile: null,
    clientCertificate: null,
    ...overrides,
  };
}

export function permitFor(upstream: Upstream, overrides: Partial<HttpPermit> = {}): HttpPermit {
  return {
    kind: 'http',
    tool: 'api',
    upstream,
    method: 'GET',
    path: '/',
    query: null,
    headers: [],
    responseHeaders: new Set(),
    inject: { headers: new Map(), query: new Map(), path: new Map(), basic: null },
    body: 'stream',
    limits: {
      timeLimitMs: 30_000,
      idleLimitMs: null,
      maxBodyBytes: 10 * 1024 * 1024,
      maxConcurrent: 1000,
      maxConcurrentTotal: 1000,
      rateLimit: null,
    },
    redact: true,
    content: { output: null, input: null },
    sseFilter: null,
    websocket: false,
    ...overrides,
  };
}

/** `Bearer ${secret:token}` and the like. */
export function secretIn(...parts: Injection['parts']): Injection {
  return { parts, redacted: true };
}
export const SECRET = { kind: 'secret', name: 'token' } as const;

export const resolver = {
  resolve: async (reference: { kind: string; name?: string }) =>
    reference.name === 'missing'
      ? ({ ok: false, problem: 'secret missing: is not stored', retryAfterMs: 1000 } as const)
      : ({ ok: true, value: new Secret(reference.name === 'user' ? 'alice-of-wonderland' : TOKEN) } as const),
};

export interface Listening {
  readonly port: number;
  readonly server: Server;
  readonly close: () => Promise<void>;
}

/** An upstream on loopback. */
export async function startUpstream(listener: RequestListener, server = createServer()): Promise<Listening> {
  server.on('request', listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, server, close: async () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

export interface Gate {
  readonly http: HttpServer<string>;
  readonly upstreams: Upstreams;
  /** Heads that were handed on, in order. */
  readonly heads: HttpHead[];
  readonly outcomes: HttpOutcome[];
  readonly responses: ServerResponse[];
  readonly refusals: Unreadable[];
  /** A connection, as a channel is one. */
  readonly open: (options?: { websocket?: boolean }) => Duplex;
  /** A port whose connections are channels. */
  readonly listen: () => Promise<number>;
  readonly close: () => Promise<void>;
}

export interface GateOptions {
  /** The permit for a request. */
  readonly permit?: (head: HttpHead) => HttpPermit;
  /** In place of forwarding. */
  readonly handle?: (head: HttpHead, request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly keepAliveMs?: number;
  readonly checkIntervalMs?: number;
  readonly websocket?: boolean;
}

/** The parts put together as the engine does it: everything is allowed, as the permit says. */
export function startGate({ permit, handle, websocket = false, ...limits }: GateOptions): Gate {
  const upstreams = createUpstreams();
  const [heads, outcomes, refusals]: [HttpHead[], HttpOutcome[], Unreadable[]] = [[], [], []];
  const responses: ServerResponse[] = [];
  const fronts: Server[] = [];
  const http = createHttpServer<string>({
    ...limits,
    handle: async (_context, head, request, response) => {
      heads.push(head);
      responses.push(response);
      if (permit === undefined) return handle?.(head, request, response);
      const outcome = await forward({ resolver, upstreams }, permit(head), { request, response });
      outcomes.push(outcome);
      if (outcome.kind === 'failed' || (outcome.kind === 'limited' && outcome.status === null))
        sendRefusal(request, response, { ...outcome, request: 'ID' });
    },
    refused: (_context, unreadable) => {
      refusals.push(unreadable);
      return 'ID';
    },
  });
  const open = (options: { websocket?: boolean } = {}): Duplex => {
    const [client, channel] = connectedPair();
    client.on('error', () => {});
    http.accept(channel, 'caller', { websocket: options.websocket ?? websocket });
    return client;
  };
  const listen = async (): Promise<number> => {
    const front = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      http.accept(channelOf(socket), 'caller', { websocket }),
    ).listen(0, '127.0.0.1');
    fronts.push(front as Server);
    await once(front, 'listening');
    return (front.address() as AddressInfo).port;
  };
  const close = async (): Promise<void> => {
    http.close();
    upstreams.close();
    await Promise.all(fronts.map((front) => new Promise((resolve) => front.close(resolve))));
  };
  return { http, upstreams, heads, outcomes, responses, refusals, open, listen, close };
}

/** Two ends of one connection. Neither takes more than the other reads, and with one the other is closed. */
export function connectedPair(): [Duplex, Duplex] {
  const waiting = new Map<Duplex, () => void>();
  const make = (other: () => Duplex): Duplex => {
    const side: Duplex = new Duplex({
      read: () => {
        const done = waiting.get(side);
        waiting.delete(side);
        done?.();
      },
      write: (chunk, _encoding, done) => {
        if (other().push(chunk)) done();
        else waiting.set(other(), done);
      },
      final: (done) => {
        other().push(null);
        done();
      },
      destroy: (error, done) => {
        done(error);
        setImmediate(() => other().destroy());
      },
    });
    return side;
  };
  const a: Duplex = make(() => b);
  const b: Duplex = make(() => a);
  return [a, b];
}

/** A Duplex that is no socket, over one: what a door makes of a channel. */
export function channelOf(socket: Socket): Duplex {
  const channel = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => {
      socket.write(chunk, done);
    },
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk) => {
    if (!channel.push(chunk)) socket.pause();
  });
  socket.once('end', () => channel.push(null));
  socket.on('error', () => {}).once('close', () => channel.destroy());
  return channel;
}

/** Everything that a connection gives until it is closed or has given `enough`. */
export async function readUntil(duplex: Duplex, enough: (text: string) => boolean = () => false): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    duplex.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (enough(text)) resolve(text);
    });
    duplex.once('end', () => resolve(text)).once('close', () => resolve(text));
  });
}

/** Sends bytes on a connection of their own, and returns what comes until `enough` of it is there or it is closed. */
export async function exchangeRaw(gate: Gate, bytes: string, enough?: (text: string) => boolean): Promise<string> {
  const client = gate.open();
  const answer = readUntil(client, enough);
  client.write(Buffer.from(bytes, 'latin1'));
  const text = await answer;
  client.destroy();
  return text;
}

export const isWholeAnswer = (text: string): boolean => {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s, 2);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length);
  return /^transfer-encoding: chunked$/im.test(head) && body.endsWith('0\r\n\r\n');
};

export async function body(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A socket to a port on loopback. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Waits until something holds: for what is told by no event. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds())
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
}
