/** What redaction looks for, made once for the same names and values. */
import { CarapaceError } from '../../model/error.ts';
import type { Redaction } from '../../model/injection.ts';
import { Automaton } from './automaton.ts';
import { type Form, formsOf } from './encodings.ts';
import { SkipScan } from './skip-scan.ts';

/** Redactions as they are searched for. Holds the values in all their forms: keep it in memory only. */
export interface Compiled {
  readonly plain: Automaton;
  readonly wrapped: Automaton;
  readonly scan: SkipScan;
  /** What stands in a form's place, by the form's owner. */
  readonly owners: readonly { readonly name: string; readonly marker: Buffer }[];
}

/** A value of this length has a few million bytes of forms, which take a second and a hundred megabytes. */
export const MAX_VALUE_BYTES = 64 * 1024;

/** Calls come every few milliseconds with the same values, and values change. */
const MAX_CACHED = 32;

/** States of all automata that are kept: some forty megabytes. */
const MAX_CACHED_STATES = 2_000_000;

/** By fingerprint; the one that was used last is the last. */
const cache = new Map<string, Compiled>();

/**
 * Compiles redactions, or takes what was compiled before. Of two names for one value the first counts. Values under
 * eight bytes are passed over.
 *
 * @throws CarapaceError `secret-too-large` for a value over 64 KiB: nothing may run whose output is not redacted
 */
export function compileRedactions(redactions: readonly Redaction[]): Compiled {
  const key = redactions.map(({ name, value }) => value.fingerprint(name)).join(' ');
  const compiled = cache.get(key) ?? compile(redactions);
  cache.delete(key);
  cache.set(key, compiled);
  trim();
  return compiled;
}

function trim(): void {
  let states = 0;
  for (const { plain, wrapped } of cache.values()) states += plain.size + wrapped.size;
  for (const [key, { plain, wrapped }] of cache) {
    if (cache.size === 1 || (cache.size <= MAX_CACHED && states <= MAX_CACHED_STATES)) return;
    cache.delete(key);
    states -= plain.size + wrapped.size;
  }
}

function compile(redactions: readonly Redaction[]): Compiled {
  const forms = redactions.flatMap((redaction, owner) =>
    formsOfRedaction(redaction).map((form) => ({ ...form, owner })),
  );
  return {
    plain: new Automaton(forms.filter(({ wraps }) => !wraps)),
    wrapped: new Automaton(forms.filter(({ wraps }) => wraps)),
    scan: new SkipScan(forms),
    owners: redactions.map(({ name }) => ({ name, marker: Buffer.from(`[redacted:${name}]`) })),
  };
}

function formsOfRedaction({ name, value }: Redaction): Form[] {
  if (value.byteLength > MAX_VALUE_BYTES) {
    throw new CarapaceError(
      'secret-too-large',
      `${name}: is ${value.byteLength} bytes long, which is more than the ${MAX_VALUE_BYTES} that can be redacted`,
      { hint: 'set "redact: false" on it if the tool may print it' },
    );
  }
  return formsOf(value.reveal());
}
