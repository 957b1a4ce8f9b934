/**
 * What looks through a stream and holds some of it back for a moment. Plain calls and no stream of its own, so that looking
 * costs a busy pump no turn of the event loop.
 */
import { Transform } from 'node:stream';
export interface StreamFilter {
  /** What may pass now, now that `chunk` has come. */
  readonly push: (chunk: Buffer) => readonly Buffer[];
  /** Nothing more comes: what may pass of what is held. To be called once. */
  readonly end: () => readonly Buffer[];
  /** Nobody wants what is held any more. May be called at any time, also after `end`. */
  readonly close: () => void;
}

/** Makes a filter; `late` is told of what may pass though nothing further has come. */
export type OpenFilter = (late: (bytes: readonly Buffer[]) => void) => StreamFilter;

/** Several filters as one: each looks at what the one before lets pass. */
export function chained(opens: readonly OpenFilter[]): OpenFilter {
  return opens.reduce((first, second) => (late) => {
    const after = second(late);
    const before = first((bytes) => late(bytes.flatMap((each) => after.push(each))));
    return {
      push: (chunk) => before.push(chunk).flatMap((each) => after.push(each)),
      end: () => [...before.end().flatMap((each) => after.push(each)), ...after.end()],
      close: () => {
        before.close();
        after.close();
      },
    };
  });
}

/** A filter as a stream, for where bytes go through streams anyway. */
export function filterStream(open: OpenFilter): Transform {
  const filter = open((bytes) => send(bytes));
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      send(filter.push(chunk));
      done();
    },
    flush(done) {
      send(filter.end());
      done();
    },
    destroy(error, done) {
      filter.close();
      done(error);
    },
  });
  const send = (bytes: readonly Buffer[]): void => {
    for (const each of bytes) stream.push(each);
  };
  return stream;
}
