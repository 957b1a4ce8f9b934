/** Asks a running gateway through its operator socket. */
import { request, type IncomingMessage } from 'node:http';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { openSocketPath, type SocketPath } from '../engine/socket-path.ts';
import { visible } from '../model/visible.ts';

const TIME_LIMIT_MS = 5000;
/** 10,000 connections with their calls fit. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** An answer: its HTTP status and the JSON value in it. */
export interface OperatorAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Gets a path (`/v1/status`) from the gateway whose socket is at `socketPath`.
 *
 * @throws CarapaceError `unreachable` where no gateway answers within 5 s, or not as one does
 */
export async function askGateway(socketPath: string, path: string): Promise<OperatorAnswer> {
  let place: SocketPath | undefined;
  try {
    place = openSocketPath(socketPath);
    const response = await get(path, place.address);
    return { status: response.statusCode ?? 0, body: JSON.parse(await readBody(response)) as unknown };
  } catch (error) {
    throw unreachable(socketPath, error);
  } finally {
    place?.close();
  }
}

/**
 * `askGateway` for the paths whose only good answer is 200.
 *
 * @throws CarapaceError `unreachable`
 */
export async function getFromGateway(socketPath: string, path: string): Promise<unknown> {
  const { status, body } = await askGateway(socketPath, path);
  if (status === 200) return body;
  throw new CarapaceError('unreachable', `gateway: answered ${status} to ${path}`, {
    hint: 'its log says why; if it is of another version than this command, restart it',
  });
}

function get(path: string, address: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIME_LIMIT_MS);
    request({ socketPath: address, path, agent: false, signal }, resolve).once('error', reject).end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function unreachable(socketPath: string, error: unknown): CarapaceError {
  const path = visible(socketPath, 1000);
  const [message, hint] = explain(path, error);
  return new CarapaceError('unreachable', `gateway: ${message}`, { hint, cause: error });
}

function explain(path: string, error: unknown): readonly [message: string, hint: string] {
  const code = errnoOf(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return [`not running at ${path}`, 'start it with `carapace serve`, or name its directory with --dir'];
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return [`${path} belongs to another user`, 'ask as the user that the gateway runs as'];
  }
  if (code === 'ABORT_ERR' || code === 'ETIMEDOUT' || (error instanceof Error && error.name === 'AbortError')) {
    return [`no answer within ${TIME_LIMIT_MS} ms at ${path}`, 'the gateway hangs; its log may say why'];
  }
  return [`no usable answer at ${path}: ${visible(messageOf(error))}`, 'see whether it is a gateway of this version'];
}
