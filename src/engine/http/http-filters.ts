/** What a request's body and its answer pass through: redaction of what was injected, and the policy's rules on content. */
import type { OpenScanner } from '../../model/content.ts';
import type { HttpPermit } from '../../model/http.ts';
import type { Redaction } from '../../model/injection.ts';
import { type ContentFilter, createContentFilter } from '../content/content-filter.ts';
import { createRedactor } from '../redact/redactor.ts';
import { chained, type OpenFilter } from '../stream-filter.ts';
import type { Headers } from './answer-head.ts';

export interface HttpFilters {
  /** For the answer's body; undefined where nothing in it is looked for. */
  readonly answer: OpenFilter | undefined;
  /** For the request's body. */
  readonly body: OpenFilter | undefined;
  /** The values of the answer's headers as they may pass. */
  readonly headers: (headers: Headers) => Headers;
  /** Resolves with the name of the rule that ends the exchange. */
  readonly refused: Promise<string>;
  /** That name as soon as it is known: before the end of what was cut short is told as an end. */
  readonly refusedBy: () => string | undefined;
  /** How often each secret and each kind of content was found so far, by name. */
  readonly counts: () => Readonly<Record<string, number>>;
}

/**
 * Filters for one exchange.
 *
 * @throws CarapaceError `secret-too-large` for a value that cannot be looked for
 */
export function openHttpFilters({ redact, content }: HttpPermit, redactions: readonly Redaction[]): HttpFilters {
  const redactor = redact && redactions.length > 0 ? createRedactor(redactions) : undefined;
  let refusedBy: string | undefined;
  const filterOf = (openScanner: OpenScanner | null): ContentFilter | undefined => {
    if (openScanner === null) return undefined;
    return createContentFilter((met) =>
      openScanner((rule) => {
        if (rule.action === 'end') refusedBy ??= rule.name;
        met(rule);
      }),
    );
  };
  const output = filterOf(content.output);
  const input = filterOf(content.input);
  const all = [redactor, output, input].filter((filter) => filter !== undefined);
  const answer = chainOf([redactor?.open, output?.open]);
  return {
    answer,
    body: input?.open,
    headers: (headers) =>
      answer === undefined ? headers : headers.map(([name, value]) => [name, passed(value, answer)] as const),
    refused: Promise.race([output, input].flatMap((filter) => filter?.refused ?? [])),
    refusedBy: () => refusedBy,
    counts: () => sum(all.map((filter) => filter.counts())),
  };
}

/** Several filters as one; undefined where there is none. */
export function chainOf(opens: readonly (OpenFilter | undefined)[]): OpenFilter | undefined {
  const present = opens.filter((open) => open !== undefined);
  return present.length === 0 ? undefined : chained(present);
}

/** A whole text through a filter, as latin1: Node makes of each byte of a header one character. */
function passed(text: string, open: OpenFilter): string {
  const filter = open(() => {});
  const bytes = Buffer.concat([...filter.push(Buffer.from(text, 'latin1')), ...filter.end()]);
  filter.close();
  return bytes.toString('latin1');
}

function sum(counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const each of counts) for (const [name, times] of each) total.set(name, (total.get(name) ?? 0) + times);
  return Object.fromEntries(total);
}
