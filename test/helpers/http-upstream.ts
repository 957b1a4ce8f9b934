/** A server behind a gateway that keeps every byte it receives, and stock ssh's forwards to the gateway's capabilities. */
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { type TestGateway, until } from './gateway.ts';

/** One request as the upstream got it. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** 50 MB that no compression or repetition makes equal by chance. */
export const BIG = Buffer.concat(
  Array.from({ length: 50 }, (_, index) => Buffer.alloc(1_000_000, createHash('sha512').update(`${index}`).digest())),
);

/**
 * `/echo…` says what arrived; `/big` is {@link BIG}; `/upload` answers with a hash; `/events` sends one event and stays
 * open; whatever else is answered like `/echo`.
 */
export class HttpUpstream {
  readonly #server: Server;
  readonly requests: Arrived[] = [];
  /** All bytes that came, over all connections. */
  readonly raw: Buffer[] = [];
  /** Event streams that are open now. */
  readonly streams = new Set<ServerResponse>();

  private constructor() {
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
    this.#server.on('connection', (socket) => socket.on('data', (chunk: Buffer) => this.raw.push(chunk)));
  }

  static async start(): Promise<HttpUpstream> {
    const upstream = new HttpUpstream();
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get bytes(): string {
    return Buffer.concat(this.raw).toString('latin1');
  }

  forget(): void {
    this.requests.length = 0;
    this.raw.length = 0;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    await once(incoming, 'end');
    const { method = '', url = '', headers } = incoming;
    const body = Buffer.concat(chunks);
    this.requests.push({ method, url, headers, body });
    if (url === '/events') this.#stream(response);
    else if (url === '/big') response.end(BIG);
    else if (url === '/upload') response.end(sha256(body));
    else response.end(JSON.stringify({ method, url, headers, body: body.toString() }));
  }

  #stream(response: ServerResponse): void {
    this.streams.add(response);
    response.once('close', () => this.streams.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

let opened = 0;

/** One `ssh -N` with a Unix socket for each capability; `socket` is where it listens. */
export class Forwards {
  readonly child: ChildProcess;
  readonly #prefix: string;

  private constructor(child: ChildProcess, prefix: string) {
    this.child = child;
    this.#prefix = prefix;
  }

  /** `targets` by the name of the socket: what `-L` says behind it. `more` are further arguments of ssh. */
  static async open(
    gateway: TestGateway,
    targets: Readonly<Record<string, string>>,
    more: readonly string[] = [],
    client = 'vm',
  ): Promise<Forwards> {
    const names = Object.keys(targets);
    const dir = join(gateway.dir, '..');
    // A socket of an ssh that was killed is still there, and nobody listens on it.
    const prefix = join(dir, `${client}${(opened += 1)}-`);
    const paths = names.map((name) => `${prefix}${name}.s`);
    const listens = Object.values(targets).flatMap((target, index) => ['-L', `${paths[index] ?? ''}:${target}`]);
    const child = gateway.spawnSsh(['-N', ...listens, ...more, 'carapace'], client);
    await until(() => paths.every((path) => existsSync(path)), 10_000);
    return new Forwards(child, prefix);
  }

  socket(name: string): string {
    return `${this.#prefix}${name}.s`;
  }

  close(): void {
    this.child.kill();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** A request through a forward's socket. @throws where no answer came */
export async function ask(socketPath: string, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = asked.body === undefined ? 'GET' : 'POST', headers = {}, body } = asked;
  const outgoing = request({ socketPath, path, method, headers: { host: 'client.example', ...headers }, agent: false });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { statusCode: status = 0, headers: received } = incoming;
  return { status, headers: received, body: Buffer.concat(chunks).toString() };
}

/** A request whose answer is left open; the first bytes of it have come. */
export async function openStream(socketPath: string, path: string): Promise<IncomingMessage> {
  const outgoing = request({ socketPath, path, agent: false });
  outgoing.on('error', () => undefined).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.on('error', () => undefined);
  return incoming;
}

/** A port where nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
