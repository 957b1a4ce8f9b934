/** Redaction as streams: what a call sends to its client goes through one of these for each of its streams. */
import type { Redaction } from '../../model/injection.ts';
import { compileRedactions } from './compiled.ts';
import type { OpenFilter, StreamFilter } from '../stream-filter.ts';
import { Matcher, type Passed } from './matcher.ts';

/** How long bytes that may begin a form wait for those that decide it. A person does not see it. */
const HOLD_MS = 20;

/** One call's redaction over its streams, which share the counts. */
export interface Redactor {
  /**
   * A filter of one stream, which replaces each value, in the clear or encoded, by `[redacted:NAME]`. What may begin a
   * value waits 20 ms at most until half of the value is there; from then on until it is decided. Everything else passes at
   * once. A value of which one part goes through one stream and the rest through another is not found.
   */
  readonly open: OpenFilter;
  /** Replacements so far by name, over all streams; live. */
  counts(): ReadonlyMap<string, number>;
}

/**
 * Redaction for a call that these values are given to. Of two names for one value the first stands in its place.
 *
 * @param redactions values of eight bytes or more; shorter ones are not looked for
 * @throws CarapaceError `secret-too-large` for a value over 64 KiB
 */
export function createRedactor(redactions: readonly Redaction[]): Redactor {
  const compiled = compileRedactions(redactions);
  const counts = new Map<string, number>();
  return { open: (late) => openMatcher(new Matcher(compiled, counts), late), counts: () => counts };
}

function openMatcher(matcher: Matcher, late: (bytes: readonly Buffer[]) => void): StreamFilter {
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const pass = ({ out, held }: Passed): readonly Buffer[] => {
    // The time is that of the oldest byte: where none has left, it goes on.
    if (held !== 'briefly' || out.length > 0) close();
    if (held === 'briefly') timer ??= setTimeout(() => late(pass(matcher.flush())), HOLD_MS).unref();
    return out;
  };
  return { push: (chunk) => pass(matcher.push(chunk)), end: () => pass(matcher.end()), close };
}
