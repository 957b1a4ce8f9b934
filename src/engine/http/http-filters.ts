/** What a request's body and its answer pass through: redaction of what was injected, and the policy's rules on content. */
import type { Transform } from 'node:stream';
import type { OpenScanner } from '../../model/content.ts';
import type { HttpPermit } from '../../model/http.ts';
import type { Redaction } from '../../model/injection.ts';
import { type ContentFilter, createContentFilter } from '../content/content-filter.ts';
import { filterStream } from '../stream-filter.ts';
import { createRedactor } from '../redact/redactor.ts';
import type { Headers } from './answer-head.ts';

export interface HttpFilters {
  /** Whether anything of the answer is looked at. */
  readonly searchesAnswer: boolean;
  /** Whether anything of the request's body is. */
  readonly searchesBody: boolean;
  /** New streams for the answer's body, in order; none where nothing is looked at, at no cost. */
  readonly openAnswer: () => readonly Transform[];
  readonly openBody: () => readonly Transform[];
  /** The values of the answer's headers as they may pass. */
  readonly headers: (headers: Headers) => Promise<Headers>;
  /** Resolves with the name of the rule that ends the exchange. */
  readonly refused: Promise<string>;
  /** That name as soon as it is known: the promise may tell it only after the stream that was cut short has ended. */
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
  const openAnswer = (): Transform[] =>
    [redactor, output].flatMap((filter) => (filter === undefined ? [] : [filterStream(filter.open)]));
  return {
    searchesAnswer: redactor !== undefined || output !== undefined,
    searchesBody: input !== undefined,
    openAnswer,
    openBody: () => (input === undefined ? [] : [filterStream(input.open)]),
    headers: async (headers) => {
      const redacted = redactor === undefined ? headers : await passTogether(headers, filterStream(redactor.open));
      return output === undefined ? redacted : passEach(redacted, () => filterStream(output.open));
    },
    refused: Promise.race([output, input].flatMap((filter) => filter?.refused ?? [])),
    refusedBy: () => refusedBy,
    counts: () => sum(all.map((filter) => filter.counts())),
  };
}

/** Between values: no header holds one, no secret does, and no encoding of a secret goes on behind it. */
const SEPARATOR = '\0';

/** One stream for all values: of those that redaction makes, which are not free. */
async function passTogether(headers: Headers, stream: Transform): Promise<Headers> {
  const values = (await pass(headers.map(([, value]) => value).join(SEPARATOR), stream)).split(SEPARATOR);
  if (values.length !== headers.length) throw new Error('headers were redacted into each other');
  return headers.map(([name], index) => [name, values[index] ?? ''] as const);
}

/** A stream for each value: what an operator's pattern reaches over is not known. */
function passEach(headers: Headers, open: () => Transform): Promise<Headers> {
  const values = headers.map(async ([name, value]) => [name, await pass(value, open())] as const);
  return Promise.all(values);
}

/** A text through a stream, as latin1: bytes are characters in what Node makes of headers. */
async function pass(text: string, stream: Transform): Promise<string> {
  if (text === '') return '';
  stream.end(Buffer.from(text, 'latin1'));
  const chunks = (await stream.toArray()) as Buffer[];
  return Buffer.concat(chunks).toString('latin1');
}

function sum(counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const each of counts) for (const [name, times] of each) total.set(name, (total.get(name) ?? 0) + times);
  return Object.fromEntries(total);
}
