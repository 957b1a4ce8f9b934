/**
 * What a profile file may hold. This is the one place that says so: files are checked against it, editors get it as JSON
 * Schema, and docs/writing-profiles.md explains it.
 */
import * as z from 'zod';
import { injectedNameProblem } from '../environment.ts';
import { DIALECTS } from './dialects.ts';
import { CLASSES } from './classes.ts';
import { BASE_TYPES } from './value-type.ts';

const kind = z.enum(Object.keys(DIALECTS) as [keyof typeof DIALECTS, ...(keyof typeof DIALECTS)[]]);

const parser = z.union(
  [
    kind,
    z.strictObject({
      kind: kind.describe('The kind whose traits it has, but for those that follow.'),
      long: z.enum(['--', '-', 'either']).optional().describe('What a long option begins with.'),
      clusters: z
        .boolean()
        .optional()
        .describe('Whether one-letter options may be joined, and values attached to them.'),
      'short-equals': z.enum(['separator', 'alone', 'value']).optional().describe('What `=` is in `-o=x`.'),
      equals: z.boolean().optional().describe('Whether `--name=value` is the option with its value.'),
      'boolean-values': z
        .enum(['go', 'words', 'none'])
        .optional()
        .describe('What a switch takes behind `=`: the words of ParseBool of Go, `true` and `false`, or nothing.'),
      'dash-values': z
        .boolean()
        .optional()
        .describe('Whether a value that is an argument of its own may begin with a dash.'),
      permute: z.boolean().optional().describe('Whether options may stand after operands.'),
      dashes: z.enum(['ends', 'operand']).optional().describe('Whether `--` ends the options.'),
      inherit: z
        .boolean()
        .optional()
        .describe('Whether the options of the tool are known after the subcommand as well.'),
      find: z
        .enum(['ordered', 'cobra'])
        .optional()
        .describe('How the subcommand is found: in order, or as cobra finds it.'),
    }),
  ],
  { error: `expected ${Object.keys(DIALECTS).join(', ')}, or {kind: ..., and its traits}` },
);

/** A search that takes time in proportion to the text: nothing in it repeats without bound. */
function isBounded(source: string): boolean {
  const bare = source.replace(/\\./gs, '_').replace(/\[[^\]]*\]/g, '_');
  if (/[*+]|\{\d*,\}/.test(bare) || /\\[1-9k]/.test(source)) return false;
  try {
    return new RegExp(source, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

const shape = z.strictObject({
  match: z.string().optional().describe('A glob over the whole value.'),
  contains: z
    .string()
    .refine(isBounded, { error: 'expected a regular expression without *, + and {n,}' })
    .optional()
    .describe(
      'A regular expression, found anywhere in the value. It repeats nothing without bound, so that it stays quick.',
    ),
  'one-of': z.array(z.string()).min(1).optional().describe('The whole value is one of these.'),
  class: z.enum(CLASSES).optional().describe('What such a value does. Default: `safe`.'),
  type: z.enum(BASE_TYPES).optional().describe('As what such a value is judged further. Default: `text`.'),
  overrides: z
    .array(z.string().min(1))
    .optional()
    .describe('Options that such a value overrides: where a pattern spells one of them, no wildcard stands for it.'),
  after: z
    .string()
    .min(1)
    .optional()
    .describe(
      'With `file` and `outfile`: the text behind which the path begins. Default: the whole value is the path.',
    ),
});

const list = z.strictObject({
  list: z.string().min(1).describe('What stands between the elements.'),
  of: z.string().optional().describe('The type of each element. Default: `word`.'),
  pair: z.string().min(1).optional().describe('What stands between type and name in an element that is both: `/`.'),
  fold: z
    .strictObject({
      case: z.boolean().optional().describe('Case does not count. Default: it does.'),
      suffix: z.string().min(1).optional().describe('From this text on an element is cut: `.` for `deployments.apps`.'),
      synonyms: z
        .record(z.string(), z.string())
        .optional()
        .describe('Other names of an element, each with the one that counts.'),
    })
    .optional()
    .describe('Under what name the tool knows an element.'),
});

const lines = z.string();
const options = z
  .partialRecord(z.enum(CLASSES), lines)
  .describe('Options by class, one a line: `-n, --namespace <word> (repeats)`.');

const fields = {
  operands: z
    .string()
    .optional()
    .describe('Types of the operands: `<word> [<file>] [<word>...]`. Default: it takes none.'),
  options: options.optional(),
  include: z.array(z.string()).optional().describe('Names of `sets` whose options this command has too.'),
  'after-dashes': z.enum(['operands', 'program']).optional().describe('What follows `--`. Default: operands.'),
  'options-end': z
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe('Options end after so many operands. Default: the parser knows.'),
  stdin: z.literal('reads').optional().describe('It does nothing without reading its standard input.'),
  cwd: z.literal('executes').optional().describe('It runs code, or follows configuration, of its working directory.'),
};

const command = z.strictObject({
  class: z.enum(CLASSES).optional().describe('What running it does. Left out for a group, which cannot be run.'),
  aliases: z
    .array(z.string().min(1))
    .optional()
    .describe('Other names of its last word; with a blank, other whole paths.'),
  ...fields,
});

/** A profile file. */
export const profileSchema = z.strictObject({
  profile: z.literal(1).describe('Version of the format.'),
  tool: z.string().min(1).describe('The name of the tool, and of the file.'),
  versions: z.string().min(1).describe('The versions of the tool that it was written for.'),
  sources: z.array(z.string().min(1)).min(1).describe('Where the facts were read.'),
  generated: z.string().optional().describe('The script that wrote the file, where one did.'),
  parser: parser.describe('How the tool reads its arguments.'),
  class: z.enum(CLASSES).optional().describe('What running the tool without a subcommand does. Default: `safe`.'),
  neutralise: z
    .strictObject({
      env: z
        .record(
          z.string().refine((name) => injectedNameProblem(name) === undefined, { error: 'is no name of a variable' }),
          z.string(),
        )
        .describe('By name.'),
    })
    .optional()
    .describe('Variables that the tool always gets. What a policy injects wins.'),
  types: z
    .record(z.string(), z.union([z.array(shape).min(1), list]))
    .optional()
    .describe("The tool's own types of values."),
  sets: z.record(z.string(), options).optional().describe('Options that several commands share.'),
  commands: z.record(z.string(), command).optional().describe('By their whole path: `pr list`.'),
  ...fields,
});

export type ProfileSource = z.infer<typeof profileSchema>;
export type CommandSource = z.infer<typeof command>;
export type OptionsSource = z.infer<typeof options>;
export type TypeSource = NonNullable<ProfileSource['types']>[string];
