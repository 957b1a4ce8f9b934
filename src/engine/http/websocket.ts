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
  /** Both sides are closed. */
  readonly over: () => void;
}

/** Sends the answer's head, and moves bytes until one side ends. The response stays: to destroy it ends both. */
export function joinWebSocket(joint: WebSocketJoint): void {
  const { exchange, upstream, rest, bytes, over } = joint;
  const client: Duplex = exchange.request.socket;
  client.write(headOf(joint), 'latin1');
  upstream.unshift(rest);
  let open = 2;
  for (const [side, other, way] of [
    [client, upstream, 'request'],
    [upstream, client, 'response'],
  ] as const) {
    pumpBody({
      source: side,
      sink: other,
      open: undefined,
      onRead: () => {},
      onWrite: (count) => {
        bytes[way] += count;
      },
      // A side that has ended has nothing more to say, not even its part of the closing handshake.
      onEnd: () => closeSoon(other),
      onFailed: () => {},
    });
    side.once('close', () => {
      closeSoon(other);
      open -= 1;
      if (open === 0) over();
    });
  }
  if (client.destroyed) upstream.destroy();
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
