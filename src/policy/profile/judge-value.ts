/**
 * May what a pattern says of a value stand for this value? A literal stands for itself. A wildcard stands for nothing
 * that is not safe: no other class than the pattern's own text has, no file outside its directories, no url, no code.
 */
import type { FileClaim } from '../../model/decision.ts';
import type { DenyReason } from '../../model/reason.ts';
import { quoted } from '../../model/visible.ts';
import { climbs } from '../grammar.ts';
import { claimFile, type Places } from './file-claim.ts';
import { CLASS_MEANING } from './classes.ts';
import type { PatternValue } from './pattern-value.ts';
import { type BaseType, type Judged, judgeType, pathIn, typeName, type ValueType } from './value-type.ts';

export interface Value {
  readonly text: string;
  readonly type: ValueType;
  /** `value`: of an option. `operand`, or one that stands behind `--`, where nothing is an option. */
  readonly place: 'value' | 'operand' | 'behind-dashes';
}

export interface ValueRefusal {
  readonly reason: DenyReason;
  readonly token: string;
  /** For the client. */
  readonly message: string;
  /** For the operator. */
  readonly why: string;
}

export type JudgedValue =
  /** `claim`: a file that has to lie where it seems to, which is for the engine to see. */
  { readonly ok: true; readonly claim: FileClaim | null } | { readonly ok: false; readonly refusal: ValueRefusal };

type Wildcard = Exclude<PatternValue, { kind: 'literal' }>;

const PASSES: JudgedValue = { ok: true, claim: null };
const NO_RULE = 'no rule allows these arguments';

/** Judges one value. Never throws, in time linear in its length. */
export function judgeValue(pattern: PatternValue, value: Value, places: Places): JudgedValue {
  if (pattern.kind === 'literal') return judgeLiteral(pattern, value);
  const judged = judgeType(value.type, value.text);
  if (judged === undefined) return refuse(value, 'value-refused', `it is no ${typeName(value.type)}`);
  const refused = refuseDash(value, judged) ?? refuseText(pattern, value) ?? refuseClass(pattern, value, judged);
  return refused ?? BY_TYPE[judged.type]({ pattern, value, judged, places });
}

function judgeLiteral({ text, source }: Extract<PatternValue, { kind: 'literal' }>, value: Value): JudgedValue {
  const { type } = value;
  // A list spells each of its elements, under the name that the tool knows it by.
  const texts = type.kind === 'list' ? text.split(type.separator).map(type.fold) : [text];
  return texts.includes(knownText(value)) ? PASSES : refuse(value, 'no-rule', `expected '${source}'`, NO_RULE);
}

function knownText({ type, text }: Value): string {
  return type.kind === 'list' ? type.fold(text) : text;
}

/** No wildcard stands for what may be an option, nor for `-`, which is mostly the standard input. */
function refuseDash(value: Value, judged: Judged): JudgedValue | undefined {
  const { text, place } = value;
  if (text === '-') return judged.type === 'text' && place === 'value' ? undefined : refuseStdin(value);
  if (place !== 'operand' || !text.startsWith('-')) return undefined;
  return refuse(value, 'option-refused', "no wildcard stands for what begins with '-'");
}

function refuseStdin(value: Value): JudgedValue {
  return refuse(
    value,
    'stdin-refused',
    "no wildcard stands for '-', by which a tool reads its standard input; spell it",
  );
}

function refuseText(pattern: Wildcard, value: Value): JudgedValue | undefined {
  if (pattern.kind === 'any' || pattern.shape.matches(knownText(value))) return undefined;
  return refuse(value, 'no-rule', `'${pattern.source}' does not match it`, NO_RULE);
}

/** Only where the literal text before the first wildcard has the value's shape already, its author meant it. */
function refuseClass(pattern: Wildcard, value: Value, judged: Judged): JudgedValue | undefined {
  if (judged.class === 'safe') return undefined;
  const prefix = pattern.kind === 'glob' ? pattern.prefix : '';
  const isMeant = prefix !== '' && judged.shape !== null && judgeType(value.type, prefix)?.shape === judged.shape;
  if (isMeant) return undefined;
  return refuse(
    value,
    'value-refused',
    `it ${CLASS_MEANING[judged.class]}; only a pattern that spells it, or its beginning, lets it through`,
  );
}

interface Judging {
  readonly pattern: Wildcard;
  readonly value: Value;
  readonly judged: Judged;
  readonly places: Places;
}

/** What each type lets a wildcard stand for. */
const BY_TYPE: Readonly<Record<BaseType, (judging: Judging) => JudgedValue>> = {
  text: ({ value }) => (value.place === 'value' || !/[^\P{Cc}\t\n]/u.test(value.text) ? PASSES : controls(value)),
  word: judgeWord,
  integer: ({ value }) =>
    /^[+-]?\d+$/.test(value.text) ? PASSES : refuse(value, 'value-refused', 'it is no whole number'),
  file: judgeFile,
  outfile: judgeFile,
  url: ({ pattern, value }) =>
    isUrlPattern(pattern)
      ? judgePlain(value)
      : refuse(value, 'value-refused', 'no wildcard stands for a url; spell its scheme and host'),
  host: judgeHost,
  program: ({ value }) => refuse(value, 'value-refused', 'it is code, which only a literal pattern may allow'),
};

function judgeWord({ pattern, value }: Judging): JudgedValue {
  return value.text.includes('://') && !isUrlPattern(pattern)
    ? refuse(value, 'value-refused', 'no wildcard stands for a url; spell its scheme and host')
    : judgePlain(value);
}

function isUrlPattern(pattern: Wildcard): boolean {
  return pattern.kind === 'glob' && pattern.shape.isUrl;
}

function judgeHost({ pattern, value }: Judging): JudgedValue {
  // A wildcard at its end would let the value go on into another domain.
  const isBound = pattern.kind === 'glob' && !/[*?\]]$/.test(pattern.source);
  return isBound && /^[A-Za-z0-9@._:-]+$/.test(value.text)
    ? PASSES
    : refuse(value, 'value-refused', 'no wildcard stands for a whole host; spell it');
}

/** Neither a way out of a directory nor a control character. */
function judgePlain(value: Value): JudgedValue {
  if (/\p{Cc}/u.test(value.text)) return controls(value);
  if (!climbs(value.text)) return PASSES;
  const message = `argument ${quoted(value.text, 80)} holds a '..' segment`;
  return refuse(value, 'path-refused', "no wildcard stands for a '..' segment", message);
}

function judgeFile({ pattern, value, judged, places }: Judging): JudgedValue {
  const plain = judgePlain(value);
  if (!plain.ok) return plain;
  if (pathIn(judged, value.text) === '-') return refuseStdin(value);
  const prefix = pattern.kind === 'glob' ? pathIn(judged, pattern.prefix) : '';
  const claimed = claimFile(pathIn(judged, value.text), prefix, judged.type === 'outfile', places);
  if (claimed.ok) return { ok: true, claim: claimed.claim === null ? null : { ...claimed.claim, value: value.text } };
  return refuse(value, 'path-refused', claimed.why, `file ${quoted(value.text, 80)} is not allowed`);
}

function controls(value: Value): JudgedValue {
  const message = `argument ${quoted(value.text, 80)} holds a control character`;
  return refuse(value, 'character-refused', 'no wildcard stands for a control character', message);
}

function refuse({ text, place }: Value, reason: DenyReason, why: string, message?: string): JudgedValue {
  const what = place === 'value' ? 'value' : 'argument';
  const told = message ?? `${what} ${quoted(text, 80)} is not allowed`;
  return { ok: false, refusal: { reason, token: text, message: told, why: `${quoted(text, 80)}: ${why}` } };
}
