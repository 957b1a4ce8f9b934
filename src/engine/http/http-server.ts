/**
 * The gateway's own HTTP server. It never listens: each connection is a channel that a door has opened for a proven client.
 *
 * Invariants: a request reaches `handle` only with one reading, with the caller of its connection, and once the answer to
 * the one before it has left; what comes behind a refused body is not taken for a request.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errnoOf } from '../../model/error.ts';
import type { HttpHead } from '../../model/http.ts';
import type { FailureReason } from '../../model/reason.ts';
import { asSocket, closeSoon } from './channel-duplex.ts';
import { refusalBytes, sendRefusal } from './refusal.ts';
import { hasBody, noteExpectation, readHead } from './request-head.ts';

const MAX_HEADER_BYTES = 32 * 1024;
/** Requests that a client sends ahead; each costs memory until its turn. */
const MAX_PIPELINED = 32;

/** A request that is not handed to `handle`. */
export interface Unreadable {
  readonly reason: FailureReason;
  /** Safe for the client. */
  readonly message: string;
}

export interface HttpServerOptions<Context> {
  /** Serves one request. What it leaves unanswered is cut off; a rejection is answered with 500. */
  readonly handle: (
    context: Context,
    head: HttpHead,
    request: IncomingMessage,
    response: ServerResponse,
  ) => Promise<void>;
  /** Records what was refused without `handle`, and returns the request's id for the client. May not throw. */
  readonly refused: (context: Context, unreadable: Unreadable, cause?: unknown) => string;
  /** Milliseconds for a request's head; 30,000 if absent. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds for a whole request with its body; 30 minutes if absent. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds that a connection without a request is kept; 5 minutes if absent. */
  readonly keepAliveMs?: number;
  /** Milliseconds between two looks at those limits; 1000 if absent. */
  readonly checkIntervalMs?: number;
}

export interface HttpServer<Context> {
  /**
   * Takes a connection. `websocket`: requests to upgrade it are handed on, with `request.upgrade` set, and nothing else may
   * be upgraded; otherwise such a wish is passed over, as RFC 9110 (section 7.8) allows, and the request is an ordinary one.
   */
  readonly accept: (duplex: Duplex, context: Context, options: { readonly websocket: boolean }) => void;
  /** Connections that are open now. */
  readonly connections: () => number;
  /** Ends every connection behind what was written to it; resolves once all are closed. */
  readonly end: () => Promise<void>;
  /** Ends every connection at once. */
  readonly close: () => void;
}

/** One connection, and the requests on it that have no answer yet. */
interface Connection<Context> {
  readonly duplex: Duplex;
  readonly context: Context;
  last: Promise<void>;
  unanswered: number;
}

export function createHttpServer<Context>(options: HttpServerOptions<Context>): HttpServer<Context> {
  const connections = new Map<Duplex, Connection<Context>>();
  const serving = new Serving(options, connections);
  const ordinary = serving.createServer();
  const upgrading = serving.createServer();
  // Node hands requests to upgrade to this event where somebody listens, and to `request` where nobody does.
  upgrading.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) =>
    serving.upgrade(request, duplex, head),
  );
  return {
    accept: (duplex, context, { websocket }) => {
      const connection = { duplex, context, last: Promise.resolve(), unanswered: 0 };
      connections.set(asSocket(duplex), connection);
      duplex.once('close', () => connections.delete(duplex));
      // A client that has ended its side is taken for gone: OpenSSH tells of a program that was killed in no other way.
      duplex.once('end', () => {
        if (connection.unanswered > 0) duplex.destroy();
      });
      (websocket ? upgrading : ordinary).emit('connection', duplex);
    },
    connections: () => connections.size,
    end: async () => {
      await Promise.all([...connections.keys()].map(endNow));
    },
    close: () => {
      for (const server of [ordinary, upgrading]) server.close(() => {});
      for (const duplex of connections.keys()) duplex.destroy();
    },
  };
}

class Serving<Context> {
  readonly #options: HttpServerOptions<Context>;
  readonly #connections: ReadonlyMap<Duplex, Connection<Context>>;

  constructor(options: HttpServerOptions<Context>, connections: ReadonlyMap<Duplex, Connection<Context>>) {
    this.#options = options;
    this.#connections = connections;
  }

  createServer(): Server {
    const { headersTimeoutMs = 30_000, requestTimeoutMs = 30 * 60_000, keepAliveMs = 5 * 60_000 } = this.#options;
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
      // Node would answer without a record; `readHead` refuses.
      requireHostHeader: false,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: this.#options.checkIntervalMs ?? 1000,
    });
    // Zero: none is dropped unseen; the bound is in the head's size and in `readHead`.
    server.maxHeadersCount = 0;
    server.on('request', (request, response) => this.#queue(request, response));
    server.on('checkContinue', (request, response) => {
      noteExpectation(request);
      this.#queue(request, response);
    });
    // Another expectation than 100, which Node would answer itself as well.
    server.on('checkExpectation', (request, response) => this.#queue(request, response));
    server.on('connect', (request: IncomingMessage, duplex: Duplex) =>
      this.#close(duplex, { reason: 'malformed', message: `the method ${request.method} is not served` }),
    );
    server.on('clientError', (error: Error, duplex: Duplex) => this.#unreadable(error, duplex));
    // Node enforces its time limits from this event on; it would come from `listen`.
    server.emit('listening');
    return server;
  }

  /** Node has let go of the connection: its parser is off, and what came behind the head is in `rest`. */
  upgrade(request: IncomingMessage, duplex: Duplex, rest: Buffer): void {
    const connection = this.#connections.get(duplex);
    if (connection === undefined || connection.unanswered > 0) {
      duplex.destroy();
      return;
    }
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || request.method !== 'GET' || hasBody(request)) {
      this.#close(duplex, { reason: 'malformed', message: 'the connection can be upgraded to websocket only' });
      return;
    }
    duplex.unshift(rest);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(duplex as Parameters<ServerResponse['assignSocket']>[0]);
    response.once('finish', () => closeSoon(duplex));
    connection.unanswered += 1;
    void this.#serve(connection, request, response).finally(() => {
      connection.unanswered -= 1;
    });
  }

  /** Answers leave in the order of requests; so that effects come in that order as well, one is served at a time. */
  #queue(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.unanswered >= MAX_PIPELINED) {
      request.socket.destroy();
      return;
    }
    connection.unanswered += 1;
    connection.last = this.#serveAfter(connection.last, connection, request, response);
  }

  async #serveAfter(
    before: Promise<void>,
    connection: Connection<Context>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    await before;
    await this.#serve(connection, request, response);
    await closed(response, connection.duplex);
    connection.unanswered -= 1;
  }

  async #serve(connection: Connection<Context>, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Behind a refusal that closes the connection nothing is read any more.
    if (connection.duplex.destroyed || connection.duplex.writableEnded) return;
    const { context } = connection;
    const { handle, refused } = this.#options;
    try {
      const parsed = readHead(request);
      if (parsed.ok) await handle(context, parsed.head, request, response);
      else {
        response.shouldKeepAlive = false;
        sendRefusal(request, response, { ...parsed, request: refused(context, parsed) });
      }
      if (!response.writableEnded) connection.duplex.destroy();
    } catch (thrown) {
      const defect = { reason: 'internal', message: 'the gateway failed' } as const;
      sendRefusal(request, response, { ...defect, request: refused(context, defect, thrown) });
    }
  }

  /** Bytes that are no request, or did not come in time. */
  #unreadable(error: Error, duplex: Duplex): void {
    // It is being closed, or will be behind an answer; what still comes is dropped.
    if (duplex.writableEnded || errnoOf(error) === 'HPE_CLOSED_CONNECTION') return;
    const connection = this.#connections.get(duplex);
    // An answer may be on its way, or the rest of a body is what cannot be read.
    if (connection === undefined || connection.unanswered > 0 || errnoOf(error) === 'ECONNRESET') duplex.destroy();
    else this.#close(duplex, unreadableOf(error));
  }

  #close(duplex: Duplex, unreadable: Unreadable): void {
    const connection = this.#connections.get(duplex);
    if (connection === undefined || connection.unanswered > 0 || !duplex.writable) {
      duplex.destroy();
      return;
    }
    const request = this.#options.refused(connection.context, unreadable);
    duplex.write(refusalBytes({ ...unreadable, request }));
    closeSoon(duplex);
  }
}

/** Unlike `closeSoon` it does not read on: nothing that still comes is wanted. */
async function endNow(duplex: Duplex): Promise<void> {
  const over = new Promise<void>((resolve) => void duplex.once('close', resolve));
  if (duplex.destroyed) return;
  duplex.end(() => duplex.destroy());
  await over;
}

/** Resolves once a response has left, or never will. */
async function closed(response: ServerResponse, duplex: Duplex): Promise<void> {
  if (response.closed || duplex.destroyed) return;
  await new Promise((resolve) => {
    response.once('close', resolve);
  });
}

function unreadableOf(error: Error): Unreadable {
  switch (errnoOf(error)) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { reason: 'frame-timeout', message: 'the request did not come in time' };
    case 'HPE_HEADER_OVERFLOW':
      return { reason: 'too-large', message: `the head is larger than ${MAX_HEADER_BYTES} bytes` };
    default:
      return { reason: 'malformed', message: 'the request is not HTTP/1.1 as it must be written' };
  }
}
