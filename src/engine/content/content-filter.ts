/**
 * The streams of one call under rules on content. Invariants: no byte of a match that ends the call reaches the client
 * but what passed in a pause before its beginning told anything; once it was met, no stream lets anything through.
 */
import type { MetRule, OpenScanner, Scanner } from '../../model/content.ts';
import { deferred } from '../deferred.ts';
import type { OpenFilter, StreamFilter } from '../stream-filter.ts';

/** How long bytes are held that may be part of a match and do not tell it. Milliseconds. */
const HOLD_MS = 20;

/** The filter of one direction of one call. */
export interface ContentFilter {
  /** A filter of one stream: one for stdout, one for stderr. */
  readonly open: OpenFilter;
  /** How often each rule found something so far, by its name; the one that ended the call included. */
  counts(): ReadonlyMap<string, number>;
  /**
   * Resolves with the name of the first rule with action `end` that found something; stays pending where none does. Whoever
   * started the call ends it then. Never rejects.
   */
  readonly refused: Promise<string>;
}

/** A filter of one call; `openScanner` is what looks through each of its streams. */
export function createContentFilter(openScanner: OpenScanner): ContentFilter {
  const counts = new Map<string, number>();
  const refused = deferred<string>();
  let isRefused = false;

  function met(rule: MetRule): void {
    counts.set(rule.name, (counts.get(rule.name) ?? 0) + 1);
    if (rule.action !== 'end') return;
    isRefused = true;
    refused.resolve(rule.name);
  }

  const open: OpenFilter = (late) => openScan(openScanner(met), () => isRefused, late);
  return { open, counts: () => counts, refused: refused.promise };
}

function openScan(scanner: Scanner, isRefused: () => boolean, late: (bytes: readonly Buffer[]) => void): StreamFilter {
  let timer: NodeJS.Timeout | undefined;

  /** What one look lets through: after a refusal nothing is looked at, and the look that refuses gives what stood before. */
  const look = (scan: () => string): readonly Buffer[] => {
    const passes = isRefused() ? '' : scan();
    return passes === '' ? [] : [Buffer.from(passes, 'latin1')];
  };
  const onLate = (): void => {
    timer = undefined;
    late(look(() => scanner.pause()));
  };
  return {
    push: (chunk) => {
      const passes = look(() => scanner.push(chunk.toString('latin1')));
      // Bytes that join others which are held already are held for less.
      if (scanner.holds()) timer ??= setTimeout(onLate, HOLD_MS).unref();
      return passes;
    },
    end: () => {
      clearTimeout(timer);
      return look(() => scanner.end());
    },
    close: () => clearTimeout(timer),
  };
}
