/**
 * Which events of an event stream pass to the client.
 *
 * Invariants: fail safe. An event passes where some filter is about it, and all that are about it hold; one whose data is no
 * JSON holds no filter on a field.
 */
import type { SseFilter } from '../../model/http.ts';
import { parseLosslessJson } from '../../model/lossless-json.ts';
import { type FieldFilter, findFault } from './param-filter.ts';

export interface EventFilter {
  /** Name of the event; undefined: it is about every event. */
  readonly event: string | undefined;
  readonly filter: FieldFilter;
}

/** Null where no filters are written: all events pass. */
export function compileSseFilter(filters: readonly EventFilter[] | undefined): SseFilter | null {
  if (filters === undefined) return null;
  return {
    passes: ({ type, data }) => {
      const about = filters.filter(({ event }) => event === undefined || event === type).map(({ filter }) => filter);
      if (about.length === 0) return false;
      if (about.every(({ field }) => field === null)) return true;
      // As strictly as what clients send: who reads a key that stands twice may take either value.
      const parsed = parseLosslessJson(data);
      return parsed.ok && findFault(about, parsed.value) === null;
    },
  };
}
