/**
 * Does an allow's pattern match these arguments? Words and arguments go one by one, in order.
 *
 * Invariants: a literal word matches its own text and nothing else. No wildcard matches an argument that begins with
 * `-`, a url that the pattern does not name, a control character outside an option's value, or a way out by `..` where
 * the pattern names a path.
 */
import type { DenyReason } from '../model/reason.ts';
import { quoted, visible } from '../model/visible.ts';
import type { AllowPattern, AllowWord, Shape } from './allow-pattern.ts';
import { type Argument, isUrl, type ParsedArgv } from './grammar.ts';

/** Why a word and an argument do not go together. */
export interface Refusal {
  readonly reason: DenyReason;
  /** The argument at fault; null where one is missing. */
  readonly token: string | null;
  /** For the client. */
  readonly message: string;
  /** For the operator: names the pattern's word. */
  readonly why: string;
}

export type AllowMatch =
  | { readonly matched: true }
  /** `reached`: how many words matched before: of several rules, the one that came furthest explains a denial best. */
  | (Refusal & { readonly matched: false; readonly reached: number });

/** Matches one pattern. Never throws, in time linear in the arguments' length. */
export function matchAllow({ words, open }: AllowPattern, { arguments: args }: ParsedArgv): AllowMatch {
  for (const [index, word] of words.entries()) {
    const argument = args[index];
    const refusal = argument === undefined ? endsBefore(word) : refuseWord(word, argument);
    if (refusal !== undefined) return { matched: false, reached: index, ...refusal };
  }
  for (const argument of args.slice(words.length)) {
    const refusal = open ? refuseOperand('*', argument) : oneTooMany(argument);
    if (refusal !== undefined) return { matched: false, reached: words.length, ...refusal };
  }
  return { matched: true };
}

function refuseWord(word: AllowWord, argument: Argument): Refusal | undefined {
  switch (word.kind) {
    case 'literal':
      return argument.text === word.text ? undefined : notThis(word.source, argument);
    case 'operand':
      return refuseOperand(word.source, argument);
    case 'value':
      return refuseValue(word.option, argument);
    case 'glob':
      return refuseGlob(word.source, word.shape, argument);
    case 'attached':
      return refuseAttached(word.source, word.name, word.shape, argument);
  }
}

/** A `*` that stands for an operand. */
function refuseOperand(source: string, argument: Argument): Refusal | undefined {
  if (argument.dashed)
    return optionRefused(argument, `no wildcard matches what begins with '-': ${shown(source)} stands for an operand`);
  if (argument.urlLike) return urlRefused(argument, `${shown(source)} matches no url; spell its scheme and host`);
  return refuseControls(source, argument);
}

/** A `*` that stands for an option's value: free text, but neither an option nor a url of its own. */
function refuseValue(option: string, argument: Argument): Refusal | undefined {
  if (argument.dashed) {
    const message = `the value of ${visible(option)} begins with '-', which passes only in the form ${visible(option)}=...`;
    return {
      reason: 'value-refused',
      token: argument.text,
      message,
      why: `a '*' after ${visible(option)} matches no value that begins with '-'`,
    };
  }
  if (isUrl(argument.text))
    return urlRefused(argument, `a '*' after ${visible(option)} matches no url; spell its scheme and host`);
  return undefined;
}

function refuseGlob(source: string, shape: Shape, argument: Argument): Refusal | undefined {
  if (argument.dashed) return optionRefused(argument, `${shown(source)} matches nothing that begins with '-'`);
  if (argument.urlLike && !shape.isUrl)
    return urlRefused(argument, `${shown(source)} matches no url; spell its scheme and host`);
  if (!shape.matches(argument.text)) {
    return shape.isUrl && argument.urlLike
      ? urlRefused(argument, `${shown(source)} is another url`)
      : notThis(source, argument);
  }
  return refuseClimbing(source, shape, argument) ?? refuseControls(source, argument);
}

function refuseAttached(source: string, name: string, shape: Shape, argument: Argument): Refusal | undefined {
  if (!argument.text.startsWith(name)) return notThis(source, argument);
  if (shape.matches(argument.text.slice(name.length))) return refuseClimbing(source, shape, argument);
  const message = `value of ${visible(name.slice(0, -1))} is not allowed`;
  return {
    reason: 'value-refused',
    token: argument.text,
    message,
    why: `${shown(source)} does not match ${quoted(argument.text)}`,
  };
}

function refuseClimbing(source: string, shape: Shape, argument: Argument): Refusal | undefined {
  if (!argument.climbs || !shape.spellsSlash) return undefined;
  const message = `argument ${quoted(argument.text)} holds a '..' segment`;
  return {
    reason: 'path-refused',
    token: argument.text,
    message,
    why: `${shown(source)} names a path and matches no '..' segment`,
  };
}

function refuseControls(source: string, argument: Argument): Refusal | undefined {
  if (argument.controls !== 'other') return undefined;
  const message = `argument ${quoted(argument.text)} holds a control character`;
  return {
    reason: 'character-refused',
    token: argument.text,
    message,
    why: `${shown(source)} matches no control character`,
  };
}

function notThis(source: string, argument: Argument): Refusal {
  const why = `expected ${shown(source)}, found ${quoted(argument.text)}`;
  return argument.dashed ? optionRefused(argument, why) : noRule(argument.text, why);
}

function oneTooMany(argument: Argument): Refusal {
  const why = `the pattern ends before ${quoted(argument.text)}`;
  return argument.dashed ? optionRefused(argument, why) : noRule(argument.text, why);
}

function endsBefore(word: AllowWord): Refusal {
  return noRule(null, `the arguments end before ${shown(word.source)}`);
}

function noRule(token: string | null, why: string): Refusal {
  return { reason: 'no-rule', token, message: 'no rule allows these arguments', why };
}

function optionRefused(argument: Argument, why: string): Refusal {
  // `--option=value` is named without its value, which may be long or private.
  const name = visible(argument.text.split('=', 1)[0] ?? '', 80);
  return { reason: 'option-refused', token: argument.text, message: `option ${name} is not allowed`, why };
}

function urlRefused(argument: Argument, why: string): Refusal {
  return { reason: 'value-refused', token: argument.text, message: `url ${quoted(argument.text)} is not allowed`, why };
}

function shown(source: string): string {
  return `'${visible(source)}'`;
}
