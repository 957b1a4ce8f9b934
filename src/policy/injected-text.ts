/** Text with references in it: `Bearer ${secret:api-token}`. */
import type { Reference } from '../model/injection.ts';
import { quoted } from '../model/visible.ts';
import { isVariableName } from './environment.ts';
import { fixedPathProblem } from './schema-fields.ts';

export type InjectedText =
  | { readonly ok: true; readonly parts: readonly (string | Reference)[] }
  | { readonly ok: false; readonly message: string };

/** Kinds that can be written inside text; the others have more to say than one word. */
type Inline = Extract<Reference['kind'], 'secret' | 'file' | 'env' | 'credential'>;

/** A reference, `$${` for a literal `${`, or the beginning of something that looks like a reference and is none. */
const SPECIAL = /\$\$\{|\$\{\s*(secret|file|env|credential|command|oauth2)\s*:([^}]*)(\}?)/g;

/**
 * Takes text apart at its references. `${` before anything but a kind of reference is itself, as in `${HOME}`: nothing of
 * the environment is ever filled in. Messages name what is wrong and never the text.
 */
export function parseInjectedText(text: string): InjectedText {
  if (text.includes('\0') || !text.isWellFormed()) return { ok: false, message: 'holds NUL or a lone surrogate' };
  const parts: (string | Reference)[] = [];
  let literal = '';
  let end = 0;
  for (const found of text.matchAll(SPECIAL)) {
    literal += text.slice(end, found.index);
    end = found.index + found[0].length;
    const part = partOf(found);
    if ('problem' in part) return { ok: false, message: part.problem };
    if ('text' in part) {
      literal += part.text;
      continue;
    }
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(part);
  }
  literal += text.slice(end);
  if (literal !== '' || parts.length === 0) parts.push(literal);
  return { ok: true, parts };
}

/** What a match of `SPECIAL` stands for. */
function partOf([, kind, name = '', close]: RegExpExecArray): Reference | { text: string } | { problem: string } {
  if (kind === undefined) return { text: '${' };
  if (close === '') return { problem: `holds '\${${kind}:' without its '}'` };
  if (kind === 'command' || kind === 'oauth2')
    return { problem: `a ${kind} reference is a value of its own: {${kind}: ...}` };
  return referenceTo(kind as Inline, name.trim());
}

function referenceTo(kind: Inline, name: string): Reference | { problem: string } {
  const problem = NAME_PROBLEMS[kind](name);
  if (problem !== undefined) return { problem: `\${${kind}:...}: ${quoted(name, 80)} ${problem}` };
  return kind === 'file' ? { kind, path: name } : { kind, name };
}

/** What is wrong with the name of a secret in the gateway's store, or undefined. */
export function secretNameProblem(name: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)
    ? undefined
    : 'is no name of a secret; expected a letter or digit, then at most 63 letters, digits, . _ -';
}

/** What is wrong with the name of a credential (systemd.exec(5): the name of a file), or undefined. */
export function credentialNameProblem(name: string): string | undefined {
  return /^[A-Za-z0-9_][A-Za-z0-9._@:-]{0,254}$/.test(name)
    ? undefined
    : 'is no name of a credential; expected letters, digits and . _ @ : -';
}

/** What is wrong with the name of a variable of the gateway's environment, or undefined. */
export function variableNameProblem(name: string): string | undefined {
  return isVariableName(name)
    ? undefined
    : 'is no name of a variable; expected letters, digits and _, not beginning with a digit';
}

const NAME_PROBLEMS: Readonly<Record<Inline, (name: string) => string | undefined>> = {
  secret: secretNameProblem,
  credential: credentialNameProblem,
  env: variableNameProblem,
  file: fixedPathProblem,
};
