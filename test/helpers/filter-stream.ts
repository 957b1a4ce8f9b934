/** A filter as a stream, which is easy to feed and to read. */
import { Transform } from 'node:stream';
import type { OpenFilter } from '../../src/engine/stream-filter.ts';

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
