/**
 * Moves a body from one side to the other. Nothing is read while a write waits, so that whichever side is slower holds
 * what is in flight, and not this process: a sink that took more up to its high-water mark would keep an entry for each
 * single byte where bytes come one by one.
 */
import type { Readable, Writable } from 'node:stream';
import type { OpenFilter } from '../stream-filter.ts';

export interface BodyPump {
  readonly source: Readable;
  /** Not ended by the pump. */
  readonly sink: Writable;
  /** What the bytes pass through; undefined for nothing, at no cost. */
  readonly open: OpenFilter | undefined;
  /** Told of the bytes of each chunk of the source, before it passes. */
  readonly onRead: (bytes: number) => void;
  /** The same of what is written. */
  readonly onWrite: (bytes: number) => void;
  /** The source has ended, and everything was handed to the sink. */
  readonly onEnd: () => void;
  /** The filter failed: nothing passes any more. */
  readonly onFailed: (thrown: unknown) => void;
}

/** Begins to move bytes. Returns what stops it: nothing is written, and the source is left alone from then on. */
export function pumpBody({ source, sink, open, onRead, onWrite, onEnd, onFailed }: BodyPump): () => void {
  let unwritten = 0;
  let isStopped = false;
  const onWritten = (): void => {
    unwritten -= 1;
    if (unwritten === 0 && !isStopped) source.resume();
  };
  const write = (chunk: Buffer): void => {
    if (isStopped || chunk.length === 0) return;
    onWrite(chunk.length);
    unwritten += 1;
    sink.write(chunk, onWritten);
    if (sink.writableLength > 0) source.pause();
  };
  const filter = open?.((late) => late.forEach(write));
  const pass = (look: () => readonly Buffer[]): void => {
    try {
      look().forEach(write);
    } catch (thrown) {
      stop();
      onFailed(thrown);
    }
  };
  const onData = (chunk: Buffer): void => {
    onRead(chunk.length);
    if (isStopped) return;
    if (filter === undefined) write(chunk);
    else pass(() => filter.push(chunk));
  };
  const onSourceEnd = (): void => {
    if (filter !== undefined) pass(() => filter.end());
    if (!isStopped) onEnd();
  };
  const stop = (): void => {
    isStopped = true;
    filter?.close();
    source.off('data', onData).off('end', onSourceEnd);
  };
  source.on('data', onData).once('end', onSourceEnd);
  // Whoever looked at it before may have paused it, and a listener alone does not undo that.
  source.resume();
  return stop;
}
