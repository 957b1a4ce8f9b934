/** What the streams of one call pass through: redaction of what was injected, then the policy's rules on content. */
import type { Redaction } from '../model/injection.ts';
import type { Permit } from '../model/permit.ts';
import { createContentFilter } from './content/content-filter.ts';
import { createRedactor } from './redact/redactor.ts';
import type { Filters } from './run-tool.ts';
import { chained } from './stream-filter.ts';

export interface CallFilters {
  /** For `runTool`; empty where nothing has to be looked at. */
  readonly filters: Filters;
  /** How often each secret and each kind of content was found so far, by name. */
  readonly counts: () => Readonly<Record<string, number>>;
}

/**
 * Filters for a call that these values are injected into.
 *
 * @throws CarapaceError `secret-too-large` for a value that cannot be looked for
 */
export function openCallFilters({ content }: Permit, redactions: readonly Redaction[]): CallFilters {
  const redactor = redactions.length > 0 ? createRedactor(redactions) : undefined;
  const output = content.output === null ? undefined : createContentFilter(content.output);
  const input = content.input === null ? undefined : createContentFilter(content.input);
  const outputs = [redactor, output].filter((filter) => filter !== undefined);
  const open = outputs.length === 0 ? undefined : chained(outputs.map((filter) => filter.open));
  const refusals = [output, input].flatMap((filter) => (filter === undefined ? [] : [filter.refused]));
  return {
    filters: {
      ...(open === undefined ? {} : { stdout: open, stderr: open }),
      ...(input === undefined ? {} : { stdin: input.open }),
      ...(refusals.length === 0 ? {} : { refused: Promise.race(refusals) }),
    },
    counts: () => sum([...outputs, ...(input === undefined ? [] : [input])].map((filter) => filter.counts())),
  };
}

function sum(counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const each of counts) for (const [name, times] of each) total.set(name, (total.get(name) ?? 0) + times);
  return Object.fromEntries(total);
}
