/** Filters on JSON as a policy writes them: of parameters, and of events. */
import * as z from 'zod';
import { quoted } from '../../model/visible.ts';
import { parsed } from '../schema-fields.ts';
import type { AnyOfFilter, FieldFilter, FieldStep, Filter, JsonScalar } from './param-filter.ts';
import { parseTextPattern } from './text-pattern.ts';

const MAX_PATTERNS = 1000;
const MAX_FILTERS = 32;
const MAX_STEPS = 16;

const patterns = z
  .array(
    parsed((text) => {
      const result = parseTextPattern(text);
      return result.ok
        ? { ok: true, value: result.pattern }
        : { ok: false, message: `${quoted(text)} ${result.message}` };
    }),
  )
  .max(MAX_PATTERNS);

/** A field, with its way to it. */
const field = parsed((written) => {
  const steps = written.split('.').map((step): FieldStep => {
    const each = step.endsWith('[]');
    return { key: each ? step.slice(0, -2) : step, each };
  });
  const isGood = steps.length <= MAX_STEPS && steps.every(({ key }) => key !== '' && !/[[\]]/.test(key));
  return isGood
    ? { ok: true, value: { field: written, steps } }
    : { ok: false, message: `${quoted(written)} is no path to a field; expected such as recipient, a.b or items[].to` };
});

const scalar = z.union(
  [
    z.string(),
    z.boolean(),
    z.null(),
    z.number().refine((value) => Number.isSafeInteger(value) || !Number.isInteger(value), {
      error: 'is beyond the exact numbers',
    }),
  ],
  { error: 'expected text, a number, true, false or null' },
);

const keys = z.array(z.string());

/** What fields of every filter have. */
export const fieldShape = {
  field: field
    .optional()
    .describe(
      'The field that is looked at: `recipient`, `a.b`, or `items[].to` for one of each element. An array at its end is looked at element by element, and holds at least one. Default: none; only keys are looked at.',
    ),
  allow_patterns: patterns
    .optional()
    .describe(
      'Globs, one of which the whole text matches (`*`, `?`, `[a-z]`). No wildcard stands for a line end. Default: any text, where `allow_values` is not there either.',
    ),
  deny_patterns: patterns.optional().describe('Globs that the text may not match. They beat any allow. Default: none.'),
  allow_values: z
    .array(scalar)
    .max(MAX_PATTERNS)
    .optional()
    .describe('Values that are allowed, compared with their types: `3` is not `"3"`. Default: none.'),
  field_keys: keys
    .optional()
    .describe('The field is an object, and has no keys but these. Default: the field is no object.'),
  optional: z.boolean().optional().describe('`true`: the field may be missing. Default: `false`.'),
};

interface FieldSource {
  readonly field?: { readonly field: string; readonly steps: readonly FieldStep[] } | undefined;
  readonly allow_patterns?: z.output<typeof patterns> | undefined;
  readonly deny_patterns?: z.output<typeof patterns> | undefined;
  readonly allow_values?: readonly z.output<typeof scalar>[] | undefined;
  readonly field_keys?: readonly string[] | undefined;
  readonly optional?: boolean | undefined;
}

/** What is wrong with keys that do not go together, or undefined. */
export function filterProblem(source: FieldSource): string | undefined {
  const { field: where, allow_patterns: allow, deny_patterns: deny, allow_values: values, field_keys: own } = source;
  const isValue = allow !== undefined || deny !== undefined || values !== undefined;
  if (where === undefined && (isValue || own !== undefined || source.optional !== undefined))
    return "'field' is missing: it says what the filter looks at";
  return own !== undefined && isValue
    ? "'field_keys' is for an object, and patterns and values are for none"
    : undefined;
}

/** Compiles a filter on a field. */
export function filterOf(source: FieldSource, allowKeys: readonly string[] | undefined): FieldFilter {
  return {
    kind: 'field',
    field: source.field?.field ?? null,
    steps: source.field?.steps ?? [],
    allow: allowOf(source),
    deny: source.deny_patterns ?? [],
    allowKeys: setOf(allowKeys),
    fieldKeys: setOf(source.field_keys),
    optional: source.optional ?? false,
  };
}

/** An empty list allows nothing, and is not the same as none. */
function allowOf({ allow_patterns: globs, allow_values: values }: FieldSource): FieldFilter['allow'] {
  if (globs === undefined && values === undefined) return null;
  return { patterns: globs ?? [], values: (values ?? []).map(scalarOf) };
}

function setOf(names: readonly string[] | undefined): ReadonlySet<string> | null {
  return names === undefined ? null : new Set(names);
}

function scalarOf(value: z.output<typeof scalar>): JsonScalar {
  return typeof value === 'number' ? { token: String(value) } : value;
}

const fieldFilter = z
  .strictObject({
    ...fieldShape,
    allow_keys: keys
      .optional()
      .describe(
        'The parameters that the method may have; others are refused. Default: those that are known to be harmless for a known method, else any, with a warning.',
      ),
  })
  .superRefine((source, context) => {
    const empty = source.field === undefined && source.allow_keys === undefined;
    const problem = filterProblem(source) ?? (empty ? "expected 'field', 'allow_keys' or 'any_of'" : undefined);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .transform(({ allow_keys: allowKeys, ...source }): FieldFilter => filterOf(source, allowKeys));

const FORMS =
  'expected a filter such as {field: recipient, allow_patterns: ["+1*"], allow_keys: [...]}, or a list of them';

const alternative = z.union([fieldFilter.transform((only) => [only]), z.array(fieldFilter).min(1).max(MAX_FILTERS)], {
  error: FORMS,
});

const anyOf = z
  .strictObject({
    any_of: z
      .array(alternative)
      .max(MAX_FILTERS)
      .refine((list) => list.length > 0, { error: "'any_of' is empty, so nothing could hold" })
      .describe('Filters, or lists of filters, one of which has to hold whole.'),
  })
  .transform(({ any_of: each }): AnyOfFilter => ({ kind: 'any-of', anyOf: each }));

const filter = z.union([anyOf, fieldFilter], { error: FORMS });

/** The filters of one method: one, or a list of which all have to hold. */
export const methodFilters = z.union(
  [filter.transform((only): readonly Filter[] => [only]), z.array(filter).min(1).max(MAX_FILTERS)],
  { error: FORMS },
);
