/** The form of a call where nothing is known of the tool: words in their order, and a guess at which of them are its verb. */
import { fixed, type Form, type FormWord, slot } from './form.ts';

/**
 * What the words of a verb look like: tools name what they do in one word or two, `list`, `item get`. A second one with
 * a digit in it is taken for what is done to, as a third is; the first is not, for a `*` there stands for the whole tool.
 */
const VERB_WORDS = [/^[A-Za-z][A-Za-z0-9_-]*$/, /^[A-Za-z][A-Za-z_-]*$/];

/**
 * Reads the form of an argument list. The words it begins with are its verb where they look like it; options are spelled,
 * with what stands behind `=` apart. Guesses only make more patterns of fewer calls each. Never throws.
 */
export function genericForm(argv: readonly string[]): Form {
  const end = argv.findIndex((argument, index) => VERB_WORDS[index]?.test(argument) !== true);
  const verbWords = end === -1 ? argv.length : end;
  const words = argv.map((argument, index) => wordOf(argument, index < verbWords));
  return { command: null, closes: false, words, findings: [] };
}

function wordOf(argument: string, isVerb: boolean): FormWord {
  if (!argument.startsWith('-')) return isVerb ? fixed(argument) : slot(argument);
  const equals = argument.indexOf('=');
  return equals === -1 ? fixed(argument) : slot(argument.slice(equals + 1), argument.slice(0, equals + 1));
}
