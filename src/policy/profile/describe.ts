/** Commands and options of a profile in the notation that profiles are written in, and their classes in words. */
import type { Class } from './classes.ts';
import type { OperandSpec, OptionSpec } from './profile.ts';
import { typeName } from './value-type.ts';

/** `-o, --output <word> (repeats)`. */
export function describeOption({ names, arity, types, overrides, ...flagged }: OptionSpec): string {
  const written = types.map((type) => `<${typeName(type)}>`).join(' ');
  const values = { switch: '', required: ` ${written}`, optional: ` [${written}]`, many: ` ${written}...` }[arity];
  const flags = [
    ...(['repeats', 'negatable', 'stdin'] as const).filter((flag) => flagged[flag]),
    ...(overrides.length === 0 ? [] : [`overrides ${overrides.join(' ')}`]),
  ];
  return `${names.join(', ')}${values}${flags.length === 0 ? '' : ` (${flags.join(', ')})`}`;
}

/** `<word> <file>...`; the empty text where a command takes none. */
export function describeOperands({ types, rest }: OperandSpec): string {
  const written = types.map((type) => `<${typeName(type)}>`);
  return [...written, ...(rest === null ? [] : [`<${typeName(rest)}>...`])].join(' ');
}

const WORDS: Readonly<Record<Class, string>> = {
  safe: 'is harmless',
  'reads-file': 'reads a file',
  'writes-file': 'writes a file',
  executes: 'runs a program',
  redirects: 'chooses another server, configuration, identity or recipient',
  'prints-secret': 'may print a secret',
  mutates: 'changes something',
  exposes: 'opens a listener',
  'opens-browser': 'opens a browser',
  'needs-tty': 'needs a terminal',
};

/** What something of this class does: `runs a program`. */
export function describeClass(found: Class): string {
  return WORDS[found];
}
