/**
 * May what a pattern says of a value stand for this value? A literal stands for itself. A wildcard stands for nothing
 * that is not safe: no other class than the pattern's own text has, no file outside its directories, no url, no code.
 */
import type { FileClaim } from '../../model/decision.ts';
import type { DenyReason } from '../../model/reason.ts';
import { quoted } from '../../model/visible.ts';
import { climbs } from '../grammar.ts';
import { claimFile, type Places } from './file-claim.ts';
import type { PatternValue } from './pattern-value.ts';
import { type Judged, judgeType, pathIn, typeName, type ValueType } from './value-type.ts';

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
  /** `claims`: files that have to lie where they seem to, which is for the engine to see. */
  { readonly ok: true; readonly claim: FileClaim | null } | { readonly ok: false; readonly refusal: ValueRefusal };

/** Judges one value. Never throws, in time linear in its length. */
export function judgeValue(pattern: PatternValue, value: Value, places: Places): JudgedValue {
  const { text, type } = value;
  const known = type.kind === 'list' ? type.fold(text) : text;
  if (pattern.kind === 'literal') {
    return textsOf(pattern.text, type).includes(known)
      ? passes
      : refuse(value, 'no-rule', `expected '${pattern.source}'`, 'no rule allows these arguments');
  }
  if (value.place === 'operand' && text.startsWith('-') && text !== '-')
    return refuse(value, 'option-refused', "no wildcard stands for what begins with '-'");
  const judged = judgeType(type, text);
  if (judged === undefined) return refuse(value, 'value-refused', `it is no ${typeName(type)}`);
  if (text === '-' && !(judged.type === 'text' && value.place === 'value'))
    return refuse(
      value,
      'stdin-refused',
      "no wildcard stands for '-', by which a tool reads its standard input; spell it",
    );
  if (pattern.kind === 'glob' && !pattern.shape.matches(known))
    return refuse(value, 'no-rule', `'${pattern.source}' does not match it`, 'no rule allows these arguments');
  if (judged.class !== 'safe' && !isOfKind(pattern, type, judged))
    return refuse(
      value,
      'value-refused',
      `it ${CLASS_WORDS.get(judged.class) ?? judged.class}; spell its beginning in the pattern`,
    );
  return judgeBaseType(pattern, value, judged, places);
}

/** What a literal spells: each element of a list, under the name that the tool knows it by. */
function textsOf(literal: string, type: ValueType): string[] {
  return type.kind === 'list' ? literal.split(type.separator).map(type.fold) : [literal];
}

const passes: JudgedValue = { ok: true, claim: null };

const CLASS_WORDS: ReadonlyMap<string, string> = new Map([
  ['reads-file', 'reads a file'],
  ['writes-file', 'writes a file'],
  ['executes', 'runs a program'],
  ['redirects', 'chooses another server, identity or recipient'],
  ['prints-secret', 'may print a secret'],
  ['mutates', 'changes something'],
  ['exposes', 'opens a listener'],
]);

/** Has the literal text before the pattern's first wildcard the value's shape already? Then its author meant it. */
function isOfKind(pattern: PatternValue, type: ValueType, { shape }: Judged): boolean {
  if (pattern.kind !== 'glob' || pattern.prefix === '' || shape === null) return false;
  return judgeType(type, pattern.prefix)?.shape === shape;
}

function judgeBaseType(pattern: PatternValue, value: Value, judged: Judged, places: Places): JudgedValue {
  const { text } = value;
  const isUrlPattern = pattern.kind === 'glob' && pattern.shape.isUrl;
  switch (judged.type) {
    case 'text':
      return value.place === 'value' || !/[^\P{Cc}\t\n]/u.test(text) ? passes : controls(value);
    case 'integer':
      return /^[+-]?\d+$/.test(text) ? passes : refuse(value, 'value-refused', 'it is no whole number');
    case 'program':
      return refuse(value, 'value-refused', 'it is code, which only a literal pattern may allow');
    case 'url':
      if (!isUrlPattern)
        return refuse(value, 'value-refused', 'no wildcard stands for a url; spell its scheme and host');
      return plainText(value);
    case 'host':
      // A wildcard at its end would let the value go on into another domain.
      if (pattern.kind !== 'glob' || /[*?\]]$/.test(pattern.source) || !/^[A-Za-z0-9@._:-]+$/.test(text))
        return refuse(value, 'value-refused', 'no wildcard stands for a whole host; spell it');
      return passes;
    case 'word':
      if (text.includes('://') && !isUrlPattern)
        return refuse(value, 'value-refused', 'no wildcard stands for a url; spell its scheme and host');
      return plainText(value);
    case 'file':
    case 'outfile':
      return judgeFile(pattern, value, judged, places);
  }
}

/** Neither a way out of a directory nor a control character. */
function plainText(value: Value): JudgedValue {
  if (climbs(value.text))
    return refuse(
      value,
      'path-refused',
      "no wildcard stands for a '..' segment",
      `argument ${quoted(value.text, 80)} holds a '..' segment`,
    );
  return /\p{Cc}/u.test(value.text) ? controls(value) : passes;
}

function judgeFile(pattern: PatternValue, value: Value, judged: Judged, places: Places): JudgedValue {
  const plain = plainText(value);
  if (!plain.ok) return plain;
  const prefix = pattern.kind === 'glob' ? pathIn(judged, pattern.prefix) : '';
  const claimed = claimFile(pathIn(judged, value.text), prefix, judged.type === 'outfile', places);
  return claimed.ok
    ? { ok: true, claim: claimed.claim }
    : refuse(value, 'path-refused', claimed.why, `file ${quoted(value.text, 80)} is not allowed`);
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
