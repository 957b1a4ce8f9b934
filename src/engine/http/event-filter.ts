/** The events of a stream that a policy lets pass, as a stream. */
import { Transform } from 'node:stream';
import { CarapaceError } from '../../model/error.ts';
import type { SseFilter } from '../../model/http.ts';
import { eventStreamReader, formatEvent, type StreamItem } from '../../protocol/event-stream.ts';

/**
 * A stream that lets events pass as soon as they are whole, written anew. Of one that does not pass its id and its
 * reconnection time stay, so that a client which comes again is not given it again. Fails where an event is too large.
 */
export function openEventFilter(filter: SseFilter): Transform {
  const reader = eventStreamReader();
  const write = (stream: Transform, items: readonly StreamItem[]): void => {
    const text = items.map((item) => passing(filter, item)).join('');
    if (text !== '') stream.push(Buffer.from(text));
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const { items, fault } = reader.push(chunk);
      write(this, items);
      done(fault === undefined ? null : new CarapaceError('event-stream', `upstream: ${fault}`));
    },
    flush(done) {
      write(this, reader.end());
      done();
    },
  });
}

function passing(filter: SseFilter, item: StreamItem): string {
  // No rule has looked at its text: what is left is the sign of life.
  if (item.kind === 'comment') return formatEvent({ kind: 'comment', text: '' });
  if (item.kind === 'control' || filter.passes(item)) return formatEvent(item);
  const { id, retry } = item;
  return id === undefined && retry === undefined ? '' : formatEvent({ kind: 'control', id, retry });
}
