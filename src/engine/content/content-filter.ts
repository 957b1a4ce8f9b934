/**
 * The streams of one call under rules on content. Invariants: no byte of a match that ends the call reaches the client
 * but what passed in a pause before its beginning told anything; once it was met, no stream lets anything through.
 */
import { Transform } from 'node:stream';
import type { MetRule, OpenScanner, Scanner } from '../../model/content.ts';
import { deferred } from '../deferred.ts';

/** How long bytes are held that may be part of a match and do not tell it. Milliseconds. */
const HOLD_MS = 20;

/** The filter of one direction of one call. */
export interface ContentFilter {
  /** A new stream through the filter: one for stdout, one for stderr. */
  open(): Transform;
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

  return { open: () => openStream(openScanner(met), () => isRefused), counts: () => counts, refused: refused.promise };
}

function openStream(scanner: Scanner, isRefused: () => boolean): Transform {
  let timer: NodeJS.Timeout | undefined;

  /** What one look lets through: after a refusal nothing is looked at, and the look that refuses gives what stood before. */
  function look(stream: Transform, scan: () => string): void {
    const passes = isRefused() ? '' : scan();
    if (passes !== '') stream.push(Buffer.from(passes, 'latin1'));
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      look(this, () => scanner.push(chunk.toString('latin1')));
      // Bytes that join others which are held already are held for less.
      if (scanner.holds()) {
        timer ??= setTimeout(() => {
          timer = undefined;
          look(this, () => scanner.pause());
        }, HOLD_MS);
      }
      done();
    },
    flush(done) {
      clearTimeout(timer);
      look(this, () => scanner.end());
      done();
    },
    destroy(error, done) {
      clearTimeout(timer);
      done(error);
    },
  });
}
