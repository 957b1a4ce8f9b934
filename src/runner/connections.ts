/**
 * The runner's socket: tells the gateway's control connection from the connections that become a tool's descriptors, by
 * a first line that is as long for both.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { STREAM_HEADER_BYTES, controlHeader } from '../model/runner-messages.ts';

/** A header is sent at once by whoever has one to send. */
const HEADER_DEADLINE_MS = 10_000;

export interface ConnectionEvents {
  /** The gateway's connection, and what came with its header. There is one in a runner's life. */
  readonly control: (socket: Socket, first: Buffer) => void;
  /** A stream, paused, nothing read of it but its header. */
  readonly stream: (token: string, descriptor: 0 | 1 | 2, socket: Socket) => void;
}

/**
 * Makes the server; the caller lets it listen. A connection that begins with anything else is closed without a word.
 * `secret`: of the control connection; undefined where whoever may connect is the gateway.
 */
export function createConnections(secret: string | undefined, events: ConnectionEvents): Server {
  let isControlled = false;
  const isControl = (header: string): boolean =>
    secret === undefined ? /^[0-9a-f]{32} C\n$/.test(header) : header === controlHeader(secret);
  const route = (socket: Socket, header: string, rest: Buffer): void => {
    if (!isControlled && isControl(header)) {
      isControlled = true;
      events.control(socket, rest);
      return;
    }
    const [, token, descriptor] = /^([0-9a-f]{32}) ([012])\n$/.exec(header) ?? [];
    if (token === undefined || rest.length > 0) socket.destroy();
    else events.stream(token, Number(descriptor) as 0 | 1 | 2, socket);
  };
  // Half-open: a stream is the tool's, and what one direction of it does must never make this process answer in the other.
  return createServer({ allowHalfOpen: true }, (socket) => {
    // A connection that breaks is closed, and whoever waits for it notices by its deadline or by the tool's end.
    socket.on('error', () => socket.destroy());
    readHeader(socket, (header, rest) => route(socket, header, rest));
  });
}

function readHeader(socket: Socket, receive: (header: string, rest: Buffer) => void): void {
  const deadline = setTimeout(() => socket.destroy(), HEADER_DEADLINE_MS).unref();
  let read = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    if (read.length < STREAM_HEADER_BYTES) return;
    clearTimeout(deadline);
    socket.off('data', onData);
    socket.pause();
    receive(read.toString('latin1', 0, STREAM_HEADER_BYTES), read.subarray(STREAM_HEADER_BYTES));
  };
  socket.on('data', onData);
}
