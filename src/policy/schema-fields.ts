/**
 * The values that a policy file may hold, each checked or turned into what it stands for as it is read. `schema.ts` puts
 * them together.
 */
import * as z from 'zod';
import { quoted } from '../model/visible.ts';
import { compileAllow } from './allow-pattern.ts';
import { compileDeny } from './deny-pattern.ts';
import { plainText, splitWords } from './split.ts';
import { pathProblem } from './working-directory.ts';

/** A string that holds to a rule: `problem` returns what is wrong, or undefined. A `private` one is never printed. */
export function text(problem: (value: string) => string | undefined, show: 'shown' | 'private' = 'shown'): z.ZodString {
  return z.string().refine((value) => problem(value) === undefined, {
    error: ({ input }) => `${show === 'shown' ? quoted(String(input)) : 'value'} ${problem(String(input)) ?? ''}`,
  });
}

/** A whole number within bounds. */
export function count(least: number, most: number): z.ZodInt {
  return z.int().min(least).max(most);
}

type Parsed<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly message: string };

/** A string that stands for something else: `parse` says for what, or what is wrong with it. */
export function parsed<Value>(
  parse: (text: string) => Parsed<Value>,
): z.ZodPipe<z.ZodString, z.ZodTransform<Value, string>> {
  return z.string().transform((input, context): Value => {
    const result = parse(input);
    if (result.ok) return result.value;
    context.issues.push({ code: 'custom', message: result.message, input });
    return z.NEVER;
  });
}

/** A path by which something is opened on the host: whole, and with one reading. */
export function fixedPathProblem(path: string): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  if (path !== '/' && path.endsWith('/')) return "ends in '/'; leave it out";
  return path.includes('//') || path.split('/').includes('.')
    ? "holds an empty or '.' segment; write the plain path"
    : undefined;
}

/** A directory in which a tool may start. */
export function directoryProblem(path: string): string | undefined {
  const kernel = /^\/(?:proc|sys|dev)(?:\/|$)/.test(path);
  return fixedPathProblem(path) ?? (kernel ? 'lies in /proc, /sys or /dev, where no tool starts' : undefined);
}

const SIZE = /^([1-9][0-9]*)(B|KiB|MiB|GiB)?$/;
const UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

const SIZE_FORMS = 'expected a number of bytes above 0, or text such as 100MiB (units: B, KiB, MiB, GiB)';

/** Patterns of calls, compiled. */
export const allowPatterns = z.array(
  parsed((pattern) => {
    const compiled = compileAllow(pattern);
    return compiled.ok ? { ok: true, value: { pattern, compiled: compiled.pattern } } : compiled;
  }),
);
/** Patterns of a deny, compiled. */
export const denyPatterns = z.array(
  parsed((pattern) => {
    const compiled = compileDeny(pattern);
    return compiled.ok ? { ok: true, value: { pattern, compiled: compiled.pattern } } : compiled;
  }),
);

/** Bytes, as a number or as text with a binary unit. */
export const size = z.union(
  [
    count(1, Number.MAX_SAFE_INTEGER),
    parsed((written) => {
      const [, digits, unit] = SIZE.exec(written) ?? [];
      const bytes = Number(digits) * (UNITS.get(unit ?? 'B') ?? 1);
      return Number.isSafeInteger(bytes) ? { ok: true, value: bytes } : { ok: false, message: SIZE_FORMS };
    }),
  ],
  { error: SIZE_FORMS },
);

/** Which calls read what the client sends. */
export const stdin = z.union(
  [
    z.enum(['none', 'stream']),
    z.strictObject({ stream: allowPatterns.min(1).describe('Patterns of the calls that read what the client sends.') }),
  ],
  {
    error: 'expected none, stream, or {stream: [patterns]}',
  },
);

/** A call that a test tries, as words or in parts. */
export const call = z.union(
  [
    parsed((typed) => {
      const split = splitWords(typed, 'shell');
      return split.ok
        ? { ok: true, value: { argv: split.words.map(plainText), env: undefined, cwd: undefined } }
        : split;
    }),
    z.strictObject({
      argv: z.array(z.string()).describe('The arguments, one a list item.'),
      env: z.record(z.string(), z.string()).optional().describe('Variables that the client sends.'),
      cwd: z.string().optional().describe("The client's working directory, compared by its text."),
    }),
  ],
  { error: 'expected the arguments as a shell would split them, or {argv: [...], env: {...}, cwd: ...}' },
);
