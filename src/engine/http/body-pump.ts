/**
 * Moves a body from one side to the other. Nothing is read while a write waits, so that whichever side is slower holds
 * what is in flight, and not this process: a sink that took more up to its high-water mark would keep an entry for each
 * single byte where bytes come one by one.
 */
import type { Readable, Transform, Writable } from 'node:stream';

export interface BodyPump {
  /** The source. */
  readonly source: Readable;
  /** Not ended by the pump. */
  readonly sink: Writable;
  /** Told of each chunk before it is written; false keeps it back, and the pump has stopped. */
  readonly onChunk: (bytes: number) => boolean;
  /** The source has ended, and everything was written. */
  readonly onEnd: () => void;
}

/** Begins to move bytes. Returns what stops it: the source is left alone from then on. */
export function pumpBody({ source, sink, onChunk, onEnd }: BodyPump): () => void {
  let unwritten = 0;
  let isStopped = false;
  const onWritten = (): void => {
    unwritten -= 1;
    if (unwritten === 0 && !isStopped) source.resume();
  };
  const onData = (chunk: Buffer): void => {
    if (!onChunk(chunk.length)) {
      stop();
      return;
    }
    unwritten += 1;
    sink.write(chunk, onWritten);
    if (sink.writableLength > 0) source.pause();
  };
  const stop = (): void => {
    isStopped = true;
    source.off('data', onData).off('end', onEnd);
  };
  source.on('data', onData).once('end', onEnd);
  // Whoever looked at it before may have paused it, and a listener alone does not undo that.
  source.resume();
  return stop;
}

/** A source through transforms, in order; `failed` is called where one of them fails, and then nothing more passes. */
export function throughAll(
  source: Readable,
  transforms: readonly Transform[],
  failed: (error: Error) => void,
): Readable {
  return transforms.reduce<Readable>((from, transform) => from.pipe(transform.once('error', failed)), source);
}
