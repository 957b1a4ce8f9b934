/** Keys that tools of every type have. */
import * as z from 'zod';
import { count } from './schema-fields.ts';

/** A week: longer calls are services, and Node's timers end at 24 days. */
export const MAX_SECONDS = 604_800;
export const MAX_CALLS = 10_000;

const DENY_REASONS = [
  'no-rule',
  'rule-denies',
  'option-refused',
  'unknown-subcommand',
  'value-refused',
  'stdin-refused',
  'character-refused',
  'path-refused',
  'cwd-refused',
  'content-refused',
] as const;

/** An entry of `tests`; `form` is what it tries, `described` in words. */
export function expectation<Form extends z.ZodType>(form: Form, described: string) {
  return z
    .strictObject({
      allow: form.optional().describe(`What must be allowed: ${described}.`),
      deny: form.optional().describe('What must be denied, in the same form.'),
      reason: z.enum(DENY_REASONS).optional().describe('With `deny`: the reason that the denial must have.'),
    })
    .refine((value) => (value.allow === undefined) !== (value.deny === undefined), {
      error: "expected exactly one of 'allow' and 'deny'",
    })
    .refine((value) => value.reason === undefined || value.deny !== undefined, {
      error: "'reason' goes with 'deny'",
    });
}

export const rateLimit = z.strictObject({
  max_requests: count(1, 1_000_000).describe('Calls in the window.'),
  window_secs: count(1, MAX_SECONDS).describe('Length of the window in seconds.'),
});

export const auditShape = {
  redact_patterns: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'Substrings of the names of options and parameters whose values the audit log replaces by `[redacted]`. A fixed list (token, password, secret, ...) always is.',
    ),
};
