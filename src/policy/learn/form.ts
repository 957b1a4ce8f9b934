/**
 * The form of a call: what of it a pattern spells, and where something else may stand. Calls of one form become one
 * pattern.
 */
import type { Class } from '../profile/classes.ts';
import { partsOf, partsOfAll, writeWord } from './write-word.ts';

export type FormWord =
  /** As the pattern has it, whatever the call. */
  | { readonly kind: 'fixed'; readonly source: string }
  /** A value or an operand: literal where it is always the same. `before` belongs to the same word: `--name=`. */
  | { readonly kind: 'slot'; readonly before: string; readonly text: string };

/** Something in a call that a wildcard would never stand for: whoever allows it has to mean it. */
export interface Finding {
  /** The command, option or value; empty where the whole call is meant. Safe to print. */
  readonly what: string;
  /** What it does: `runs a program`. */
  readonly does: string;
  /** Null where the profile has no class for it. */
  readonly class: Class | null;
}

export interface Form {
  /** The command's words; null where nothing is known of the tool. */
  readonly command: readonly string[] | null;
  /** True where a closing `*` behind the command's words reaches nothing but this command. */
  readonly closes: boolean;
  readonly words: readonly FormWord[];
  readonly findings: readonly Finding[];
}

/** A word that stands for this text and no other. What was redacted in it may be anything. */
export function fixed(text: string): FormWord {
  return { kind: 'fixed', source: writeWord(partsOf(text)) };
}

/** A word whose text may vary from call to call. */
export function slot(text: string, before = ''): FormWord {
  return { kind: 'slot', before, text };
}

/** The same for two forms that one pattern can stand for. */
export function keyOf({ command, words, findings }: Form): string {
  const shape = words.map((word) => (word.kind === 'fixed' ? [word.source] : [word.before, originOf(word.text)]));
  // What has no class is described with its value, which may be another in each call.
  return JSON.stringify([command, shape, findings.map((finding) => (finding.class === null ? null : finding))]);
}

/** Equal for forms of which one pattern may match both: the command, or without a profile the first word. */
export function commandKeyOf({ command, words: [first] }: Form): string {
  return JSON.stringify(command ?? (first?.kind === 'fixed' ? first.source : null));
}

/** The pattern that stands for calls of one form: at least one, all with the same key. */
export function patternOf(forms: readonly [Form, ...Form[]]): string {
  const [{ words }] = forms;
  const written = words.map((word, index) => {
    if (word.kind === 'fixed') return word.source;
    const texts = forms.flatMap((form) => textAt(form, index));
    return writeWord([...(word.before === '' ? [] : [word.before]), ...partsOfAll(texts)]);
  });
  return written.join(' ');
}

function textAt({ words }: Form, index: number): string[] {
  const word = words[index];
  return word?.kind === 'slot' ? [word.text] : [];
}

/** A pattern spells the server of a url, so urls of two servers are two forms. */
function originOf(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]*/i.exec(text)?.[0] ?? '';
}
