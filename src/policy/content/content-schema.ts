/** `output_deny` and `input_deny` as a policy writes them, and the rules that they stand for. */
import * as z from 'zod';
import { quoted } from '../../model/visible.ts';
import type { ContentRule } from './content-rule.ts';
import { DETECTOR_GROUPS, DETECTORS, detectorsNamed } from './detectors.ts';
import { compileLinePattern } from './line-pattern.ts';

const MAX_RULES = 64;

const KNOWN_NAMES = [...DETECTOR_GROUPS.keys(), ...DETECTORS.map(({ name }) => name)];

const action = z
  .enum(['redact', 'end'])
  .describe('`redact`: `[redacted:NAME]` stands in its place. `end`: the call is ended.');

const detector = z.string().refine((name) => detectorsNamed(name) !== undefined, {
  error: ({ input }) => `${quoted(String(input))} is no detector; there are ${KNOWN_NAMES.join(', ')}`,
});

const pattern = z.string().superRefine((text, context) => {
  const compiled = compileLinePattern(text);
  if (!compiled.ok) context.addIssue({ code: 'custom', message: `${quoted(text)} ${compiled.message}` });
});

const patternName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, { error: 'expected a name of small letters, digits and dashes' })
  .refine((name) => detectorsNamed(name) === undefined, { error: 'is the name of a detector; choose another' });

const byDetector = z.strictObject({
  detector: detector.describe('The name of a detector, or of a group of them.'),
  action,
});

const byPattern = z.strictObject({
  pattern: pattern.describe('A regular expression in the syntax of RE2, matched in each line.'),
  name: patternName.describe('What placeholders and the audit log call it.'),
  action,
});

type Source = string | z.infer<typeof byDetector> | z.infer<typeof byPattern>;

/** The field: a list of detectors' names and of rules, which it turns into rules. */
export const contentRules = z
  .array(
    z.union([detector, byDetector, byPattern], {
      error:
        "expected a detector's name, {detector: NAME, action: redact|end} or {pattern: TEXT, name: NAME, action: redact|end}",
    }),
  )
  .max(MAX_RULES)
  .transform(compileContentRules);

/**
 * The rules of a list that was checked. A name alone ends the call. A detector that is named twice, by itself and in a
 * group, has the stricter of both actions.
 */
function compileContentRules(sources: readonly Source[]): readonly ContentRule[] {
  const detectors = new Map<string, ContentRule>();
  const patterns: ContentRule[] = [];
  for (const source of sources) {
    const rule = typeof source === 'string' ? { detector: source, action: 'end' as const } : source;
    if ('detector' in rule) {
      for (const finds of detectorsNamed(rule.detector) ?? []) {
        const earlier = detectors.get(finds.name);
        const { name } = finds;
        detectors.set(name, earlier?.action === 'end' ? earlier : { name, action: rule.action, finds });
      }
      continue;
    }
    const compiled = compileLinePattern(rule.pattern);
    // The schema compiled it before; should that not hold, a rule that finds nothing must not come of it.
    if (!compiled.ok) throw new Error(`content rule ${rule.name}: pattern ${compiled.message}`);
    patterns.push({ name: rule.name, action: rule.action, finds: compiled.find });
  }
  return [...detectors.values(), ...patterns];
}
