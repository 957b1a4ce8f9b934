/**
 * Moves bytes between a tool and a client, never decoding them. Each side's slowness is the other's: nothing is read
 * while a write waits, so memory stays bounded whatever the two do: a sink that may take more up to its high-water mark
 * would keep a request for each single byte where bytes come one by one.
 */
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { deferred } from './deferred.ts';
import type { OpenFilter } from './stream-filter.ts';

export interface Pump {
  /** Resolves when every byte was taken by the sink, or none will be any more. Never rejects. */
  readonly done: Promise<void>;
  /** Bytes so far, on the client's side of a filter. */
  readonly bytes: () => number;
  /** Gives up: what comes from now on is dropped, and `done` resolves. */
  readonly stop: () => void;
}

/** How much of a chunk may still pass; less than its length means that the limit is reached. */
export type Budget = (bytes: number) => number;

/** What is read at most of a tool that cannot be halted, after its reader went away. */
const MAX_DISCARDED_BYTES = 256 * 1024 * 1024;

/** By then a halt has reached the tool; if not, all that happens is that it may complain of its lost reader. */
const HALT_MS = 10;

export interface OutputPump {
  /** The tool's end of it is the tool's stdout or stderr. */
  readonly socket: Socket;
  /** Towards the client; never ended. When it goes away the tool's next write fails as that of one whose reader left. */
  readonly sink: Writable;
  readonly budget: Budget;
  /** Keeps the tool from running for a moment, and lets it go on. */
  readonly halt: (isHalted: boolean) => void;
  /** What its bytes pass through; undefined for nothing, at no cost. */
  readonly open: OpenFilter | undefined;
}

interface Writer {
  readonly write: (chunk: Buffer) => void;
  /** Whether everything that was written was taken. */
  readonly isIdle: () => boolean;
  readonly bytes: () => number;
}

/** Writes to the sink what the budget lets pass, and keeps the source waiting while a write waits. */
function openWriter({ socket, sink, budget }: OutputPump, taken: () => void): Writer {
  let bytes = 0;
  let unwritten = 0;
  const onWritten = (): void => {
    unwritten -= 1;
    if (unwritten === 0) taken();
  };
  const write = (chunk: Buffer): void => {
    const allowed = budget(chunk.length);
    const part = allowed < chunk.length ? chunk.subarray(0, allowed) : chunk;
    if (part.length === 0) return;
    bytes += part.length;
    unwritten += 1;
    sink.write(part, onWritten);
    if (sink.writableLength > 0) socket.pause();
  };
  return { write, isIdle: () => unwritten === 0, bytes: () => bytes };
}

/** From a tool's output to the client. Throws where the filter cannot be made. */
export function pumpOutput(output: OutputPump): Pump {
  const { socket, sink, halt, open } = output;
  let isOver = false;
  const { promise: done, resolve: finish } = deferred<void>();
  const {
    write: forward,
    isIdle,
    bytes,
  } = openWriter(output, () => {
    if (isOver) finish();
    else socket.resume();
  });
  const filter = open?.((late) => late.forEach(forward));
  const onData = filter === undefined ? forward : (chunk: Buffer) => pass(() => filter.push(chunk));
  const pass = (look: () => readonly Buffer[]): void => forwardAll(look, forward, onReaderGone);
  const onEnd = (): void => {
    if (isOver) return;
    isOver = true;
    if (filter !== undefined) pass(() => filter.end());
    if (isIdle()) finish();
  };
  const detach = (): void => {
    socket.off('data', onData);
    sink.off('close', onReaderGone);
    filter?.close();
    finish();
  };
  const onReaderGone = (): void => {
    detach();
    closeUnread(socket, halt);
  };
  sink.once('close', onReaderGone);
  // Stays after the end: an error that nobody hears would end the gateway. `close` follows it.
  sink.on('error', () => {});
  socket.on('data', onData).once('end', onEnd).once('close', onEnd);
  // The tool's stdout is a socket, so it can be read as well: that is the end of a file, not a wait without end.
  socket.end();
  if (sink.destroyed) onReaderGone();
  if (socket.destroyed) onEnd();
  const stop = (): void => {
    detach();
    socket.destroy();
  };
  return { done, bytes, stop };
}

/**
 * From the client to a tool's stdin, through a filter where there is one. The client's EOF becomes the tool's; a client
 * that is lost is no EOF, because half of an input must not pass for the whole. What comes after the tool stopped reading
 * is drained and dropped. Throws where the filter cannot be made.
 */
export function pumpInput(source: Readable, socket: Socket, open?: OpenFilter): Pump {
  let bytes = 0;
  const { promise: done, resolve: finish } = deferred<void>();
  const onWritten = (): void => {
    if (socket.writableLength === 0) source.resume();
  };
  const forward = (chunk: Buffer): void => {
    socket.write(chunk, onWritten);
    if (socket.writableLength > 0) source.pause();
  };
  const filter = open?.((late) => late.forEach(forward));
  const pass = (look: () => readonly Buffer[]): void => forwardAll(look, forward, stop);
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (filter === undefined) forward(chunk);
    else pass(() => filter.push(chunk));
  };
  const onEnd = (): void => {
    if (filter !== undefined) pass(() => filter.end());
    socket.end();
  };
  const stop = (): void => {
    source.off('data', onData).off('end', onEnd).resume();
    filter?.close();
    socket.destroy();
    finish();
  };
  socket.once('close', stop);
  source.on('data', onData).once('end', onEnd);
  // Whoever read the request from it paused it, and a listener alone does not undo that.
  source.resume();
  if (source.readableEnded) onEnd();
  // What the tool writes to its stdin has no reader.
  socket.resume();
  return { done, bytes: () => bytes, stop };
}

/** What fails in a filter ends the direction: nothing passes that it did not let through. */
function forwardAll(look: () => readonly Buffer[], forward: (bytes: Buffer) => void, fail: () => void): void {
  try {
    look().forEach(forward);
  } catch {
    fail();
  }
}

/**
 * Closes a socket at a moment when it holds nothing unread and no write waits in it. A write that waits fails with
 * ECONNRESET where there was something unread, else with EPIPE but without SIGPIPE, and programs complain about both
 * instead of ending silently. So the tool is halted, which takes it out of its write, and repeats that when it goes on.
 */
function closeUnread(socket: Socket, halt: (isHalted: boolean) => void): void {
  if (socket.destroyed || socket.readableEnded) return;
  let discarded = 0;
  let isIdle = false;
  const look = (): void => {
    if (!isIdle && discarded <= MAX_DISCARDED_BYTES) {
      isIdle = true;
      // The socket is polled between one turn and the next.
      setImmediate(look);
      return;
    }
    socket.destroy();
    halt(false);
  };
  halt(true);
  socket.on('data', (chunk) => {
    isIdle = false;
    discarded += chunk.length;
  });
  socket.resume();
  setTimeout(look, HALT_MS);
}
