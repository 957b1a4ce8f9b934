/** The command line of another program, behind `--`: nothing is known of its options, so its words are matched one by one. */
import { climbs } from '../grammar.ts';
import { quoted } from '../../model/visible.ts';
import type { ProfileAllow } from './allow-pattern.ts';
import { NO_RULE, type Refuse } from './matching.ts';
import type { PatternValue } from './pattern-value.ts';
import type { Operand } from './read-call.ts';

/** Refuses what the pattern does not spell; without a spelled `--`, all of it. Never throws. */
export function refuseProgram(
  { dashes, behindDashes, open }: ProfileAllow,
  words: readonly Operand[],
): Refuse | undefined {
  const [first] = words;
  if (!dashes) {
    return first === undefined
      ? undefined
      : refuse(first.text, `'--' and another program's words pass only where the pattern spells '--'`);
  }
  for (const [index, { text }] of words.entries()) {
    const pattern = behindDashes[index];
    if (pattern === undefined && !open) return refuse(text, `the pattern ends before ${quoted(text, 80)}`);
    const why = refuseWord(pattern, text);
    if (why !== undefined) return refuse(text, why);
  }
  const absent = behindDashes[words.length];
  return absent === undefined
    ? undefined
    : { ...refuse('', `the arguments end before '${absent.source}'`), token: null };
}

function refuseWord(pattern: PatternValue | undefined, text: string): string | undefined {
  if (pattern?.kind === 'literal')
    return pattern.text === text ? undefined : `expected '${pattern.source}', found ${quoted(text, 80)}`;
  const isUrl = pattern?.kind === 'glob' && pattern.shape.isUrl;
  return refuseAny(text, isUrl) ?? (pattern?.kind === 'glob' ? refuseGlob(pattern, text) : undefined);
}

/** What no wildcard matches, whatever it is. */
function refuseAny(text: string, isUrl: boolean): string | undefined {
  if (text.startsWith('-')) return `no wildcard matches ${quoted(text, 80)}, which begins with '-'`;
  if (/\p{Cc}/u.test(text)) return 'no wildcard matches a control character';
  return text.includes('://') && !isUrl ? 'no wildcard matches a url; spell its scheme and host' : undefined;
}

function refuseGlob({ shape, source }: Extract<PatternValue, { kind: 'glob' }>, text: string): string | undefined {
  if (!shape.matches(text)) return `'${source}' does not match ${quoted(text, 80)}`;
  return shape.spellsSlash && climbs(text) ? "no wildcard matches a '..' segment" : undefined;
}

function refuse(token: string, why: string): Refuse {
  return { reason: 'no-rule', token, message: NO_RULE, why };
}
