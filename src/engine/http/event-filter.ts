/** The events of a stream that a policy lets pass. */
import { CarapaceError } from '../../model/error.ts';
import type { SseFilter } from '../../model/http.ts';
import { eventStreamReader, formatEvent, type StreamItem } from '../../protocol/event-stream.ts';
import type { OpenFilter } from '../stream-filter.ts';

/**
 * Lets events pass as soon as they are whole, written anew. Of one that does not pass, its id and its reconnection time
 * stay, so that a client which comes again is not given it again. Throws where the stream cannot be read.
 */
export function eventFilter(filter: SseFilter): OpenFilter {
  return () => {
    const reader = eventStreamReader();
    const written = (items: readonly StreamItem[]): readonly Buffer[] => {
      const text = items.map((item) => passing(filter, item)).join('');
      return text === '' ? [] : [Buffer.from(text)];
    };
    return {
      push: (chunk) => {
        const { items, fault } = reader.push(chunk);
        if (fault !== undefined) throw new CarapaceError('event-stream', `upstream: ${fault}`);
        return written(items);
      },
      end: () => written(reader.end()),
      close: () => {},
    };
  };
}

function passing(filter: SseFilter, item: StreamItem): string {
  // No rule has looked at its text: what is left is the sign of life.
  if (item.kind === 'comment') return formatEvent({ kind: 'comment', text: '' });
  if (item.kind === 'control' || filter.passes(item)) return formatEvent(item);
  const { id, retry } = item;
  return id === undefined && retry === undefined ? '' : formatEvent({ kind: 'control', id, retry });
}
