/**
 * The operator socket: HTTP and JSON on a Unix socket that only the gateway's own user can open, so that
 * `curl --unix-socket` works. It answers questions and changes nothing.
 *
 * Invariant: the socket is never there with a mode other than 0600, and a live gateway's socket is never replaced.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { safeJson } from './audit/safe-json.ts';
import type { Log } from './log.ts';
import { runChecks } from './operator-health.ts';
import { listenPrivately } from './operator-socket.ts';
import type { OperatorView } from './operator-view.ts';

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 32;
/** For a whole request: its sender is on this machine, and there is no body to wait for. */
const REQUEST_TIME_LIMIT_MS = 5000;
/** A connection without a request, and a reader that takes nothing. */
const IDLE_TIME_LIMIT_MS = 10_000;

export interface OperatorServerOptions {
  /** Absolute path of the socket. */
  readonly path: string;
  readonly view: OperatorView;
  readonly log: Pick<Log, 'error'>;
}

export interface OperatorServer {
  readonly path: string;
  /** Ends every connection and removes the socket. */
  readonly close: () => Promise<void>;
}

/**
 * Serves the operator socket. To be called with the audit log open: its lock makes sure that no second gateway is
 * replacing a stale socket at the same moment.
 *
 * @throws CarapaceError `configuration` where the path cannot be used or a live gateway answers on it
 */
export async function startOperatorServer({ path, view, log }: OperatorServerOptions): Promise<OperatorServer> {
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: REQUEST_TIME_LIMIT_MS, connectionsCheckingInterval: 1000 },
    (request, response) => {
      answer(view, request, response).catch((error: unknown) => {
        log.error(`operator socket: ${visible(request.url ?? '')}: ${visible(messageOf(error), 1000)}`);
        if (response.headersSent) response.destroy();
        else send(response, 500, failure('internal', 'the gateway failed to answer; its log says why'));
      });
    },
  );
  server.headersTimeout = REQUEST_TIME_LIMIT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_TIME_LIMIT_MS);
  await listenPrivately(server, path);
  return { path, close: () => closeServer(server) };
}

async function answer(view: OperatorView, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (hasBody(request)) {
    response.shouldKeepAlive = false;
    return send(response, 413, failure('body-refused', 'requests have no body'));
  }
  if (request.method !== 'GET') {
    response.setHeader('allow', 'GET');
    return send(response, 405, failure('method-refused', 'the method is GET'));
  }
  const [path] = (request.url ?? '').split('?', 1);
  switch (path) {
    case '/v1/status':
      return send(response, 200, view.status());
    case '/v1/connections':
      return send(response, 200, view.connections());
    case '/v1/health': {
      const health = await runChecks(view.checks);
      return send(response, health.ok ? 200 : 503, health);
    }
    default:
      return send(response, 404, failure('not-found', 'the paths are /v1/status, /v1/health and /v1/connections'));
  }
}

/** RFC 9112 section 6: a body is there exactly where one of these two fields says so. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function failure(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const json = `${safeJson(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json),
    'cache-control': 'no-store',
  });
  response.end(json);
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
