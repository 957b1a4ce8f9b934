/**
 * A WebSocket (RFC 6455) between a client and an upstream that has agreed to it: bytes both ways, none of them looked at.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpPermit } from '../../model/http.ts';
import { passedHeaders } from './answer-head.ts';
import { closeSoon } from './channel-duplex.ts';
import { pumpBody } from './body-pump.ts';
import type { HttpExchange } from './request-head.ts';

/** What the handshake's answer is made of besides what always passes (RFC 6455, section 4.2.2). */
const HANDSHAKE = ['sec-websocket-accept', 'sec-websocket-extensions', 'sec-websocket-protocol'];

export interface WebSocketJoint {
  readonly permit: HttpPermit;
  readonly exchange: HttpExchange;
  readonly sentPath: string;
  /** The upstream's answer, with status 101. */
  readonly incoming: IncomingMessage;
  readonly upstream: Duplex;
  /** What the upstream sent behind its answer. */
  readonly rest: Buffer;
  /** Counted on: bytes of the client, and bytes for it. */
  readonly bytes: { request: number; response: number };
}

/** Sends the answer's head, and moves bytes until one side ends. Resolves when both are closed or closing. */
export async function joinWebSocket(joint: WebSocketJoint): Promise<void> {
  const { exchange, upstream, rest, bytes } = joint;
  const client: Duplex = exchange.request.socket;
  exchange.response.detachSocket(exchange.request.socket);
  client.write(headOf(joint), 'latin1');
  upstream.unshift(rest);
  pumpOneWay(client, upstream, (count) => {
    bytes.request += count;
  });
  pumpOneWay(upstream, client, (count) => {
    bytes.response += count;
  });
  await Promise.all([closing(client, upstream), closing(upstream, client)]);
}

/** Resolves when one side is closed; with it the other is, behind what was written to it. */
async function closing(side: Duplex, other: Duplex): Promise<void> {
  // A side that has ended has nothing to say, and without its closing frame the other may not go on either.
  side.once('end', () => closeSoon(other));
  if (!side.closed) await new Promise((resolve) => side.once('close', resolve));
  closeSoon(other);
}

function pumpOneWay(source: Duplex, sink: Duplex, count: (bytes: number) => void): void {
  pumpBody({
    source,
    sink,
    onChunk: (bytes) => {
      count(bytes);
      return true;
    },
    onEnd: () => {},
  });
}

function headOf({ incoming, permit, sentPath }: WebSocketJoint): string {
  const responseHeaders = new Set([...permit.responseHeaders, ...HANDSHAKE]);
  const head = { status: 101, rawHeaders: incoming.rawHeaders };
  const passed = passedHeaders(head, { ...permit, responseHeaders }, sentPath);
  const lines = [['connection', 'Upgrade'], ['upgrade', 'websocket'], ...passed].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 101 ${STATUS_CODES[101] ?? ''}\r\n${lines.join('')}\r\n`;
}
