/**
 * Moves bytes between a tool and a client, never decoding them. Each side's slowness is the other's: nothing is read
 * that the sink has not room for, so memory stays bounded whatever the two do.
 */
import type { Socket } from 'node:net';
import type { Readable, Transform, Writable } from 'node:stream';

export interface Pump {
  /** Resolves when every byte was taken by the sink, or none will be any more. Never rejects. */
  readonly done: Promise<void>;
  /** Bytes so far, on the client's side of a transform. */
  readonly bytes: () => number;
  /** Gives up: what comes from now on is dropped, and `done` resolves. */
  readonly stop: () => void;
}

/** How much of a chunk may still pass; less than its length means that the limit is reached. */
export type Budget = (bytes: number) => number;

/** What is read of a tool that never pauses, after its reader went away, before its socket is closed over the rest. */
const MAX_DISCARDED_BYTES = 8 * 1024 * 1024;
/** What Node reads at most at a time; less means that nothing more was there. */
const FULL_READ_BYTES = 64 * 1024;

/**
 * From a tool's output to the client, through `transform` where there is one. The sink is never ended. When it goes away
 * the tool's next write fails with EPIPE, as that of a program whose reader left.
 */
export function pumpOutput(socket: Socket, sink: Writable, budget: Budget, transform?: Transform): Pump {
  const source = transform === undefined ? socket : through(socket, transform);
  let bytes = 0;
  let unwritten = 0;
  let isOver = false;
  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const onWritten = (): void => {
    unwritten -= 1;
    if (isOver && unwritten === 0) finish();
  };
  const onDrain = (): void => void source.resume();
  const onData = (chunk: Buffer): void => {
    const allowed = budget(chunk.length);
    const part = allowed < chunk.length ? chunk.subarray(0, allowed) : chunk;
    if (part.length === 0) return;
    bytes += part.length;
    unwritten += 1;
    if (!sink.write(part, onWritten)) source.pause();
  };
  const onEnd = (): void => {
    isOver = true;
    if (unwritten === 0) finish();
  };
  const stop = (): void => {
    source.off('data', onData);
    sink.off('drain', onDrain).off('close', stop);
    discard(socket);
    finish();
  };
  // The last stays after the end: an error that nobody hears would end the gateway.
  sink.on('drain', onDrain).once('close', stop).on('error', stop);
  source.on('data', onData).once('end', onEnd).once('close', onEnd);
  // The tool's stdout is a socket, so it can be read as well: that is the end of a file, not a wait without end.
  socket.end();
  if (sink.destroyed) stop();
  if (socket.destroyed) onEnd();
  return { done, bytes: () => bytes, stop };
}

/**
 * From the client to a tool's stdin, through `transform` where there is one. The client's EOF becomes the tool's; a client
 * that is lost is no EOF, because half of an input must not pass for the whole. What comes after the tool stopped reading
 * is drained and dropped.
 */
export function pumpInput(source: Readable, socket: Socket, transform?: Transform): Pump {
  const sink = transform ?? socket;
  let bytes = 0;
  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const onDrain = (): void => void source.resume();
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (!sink.write(chunk)) source.pause();
  };
  const onEnd = (): void => void sink.end();
  const stop = (): void => {
    source.off('data', onData).off('end', onEnd).resume();
    sink.destroy();
    socket.destroy();
    finish();
  };
  if (transform !== undefined) transform.once('error', stop).pipe(socket);
  sink.on('drain', onDrain);
  socket.once('close', stop);
  source.on('data', onData).once('end', onEnd);
  // Whoever read the request from it paused it, and a listener alone does not undo that.
  source.resume();
  if (source.readableEnded) onEnd();
  // What the tool writes to its stdin has no reader.
  socket.resume();
  return { done, bytes: () => bytes, stop };
}

function through(socket: Socket, transform: Transform): Readable {
  socket.once('close', () => transform.end());
  transform.once('error', () => discard(socket));
  return socket.pipe(transform);
}

/**
 * Closes a socket at a moment when it holds nothing unread. A write that the tool is blocked in would otherwise fail with
 * ECONNRESET, which programs complain about, and not with the EPIPE and SIGPIPE that they end of silently.
 */
function discard(socket: Socket): void {
  let discarded = 0;
  let isIdle = false;
  const close = (): void => void socket.destroy();
  const look = (): void => {
    if (socket.destroyed) return;
    if (isIdle) close();
    isIdle = true;
    setImmediate(look);
  };
  socket.unpipe();
  socket.on('data', (chunk) => {
    isIdle = false;
    discarded += chunk.length;
    if (chunk.length < FULL_READ_BYTES || discarded > MAX_DISCARDED_BYTES) close();
  });
  socket.resume();
  // The socket is polled between one turn and the next, so what is there by now comes before the third.
  setImmediate(look);
}
