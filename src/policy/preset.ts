/**
 * A policy to start from, as text: what it says about itself, what in it has to be changed, and how it is fitted to a
 * host. Comments stay as they are.
 */
import type { Place } from '../model/decision.ts';
import { type DocumentPath, formatPath, parsePolicyDocument } from './document.ts';
import { parseInjectedText } from './injected-text.ts';

/** The comment at the head of a policy, without lines for editors: its first paragraph, as one line. */
export function headOf(text: string): string {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const comments = lines
    .slice(0, end === -1 ? lines.length : end)
    .map((line) => line.replace(/^#+ ?/, '').trim())
    .filter((line) => !line.startsWith('yaml-language-server:'));
  const first = comments.findIndex((line) => line !== '');
  const after = comments.indexOf('', Math.max(first, 0));
  return comments.slice(Math.max(first, 0), after === -1 ? comments.length : after).join(' ');
}

/** What in a policy stands for something of the reader's own. */
export interface Placeholder {
  readonly place: Place;
  /** `tools.op.env_inject.HOME`. */
  readonly path: string;
  /** The value in which it stands. */
  readonly value: string;
  /** What in it has to be changed: of an example the word in which it stands, of a stored secret its name. */
  readonly word: string;
  /**
   * Why it was found: a variable that the tool is given, a directory of this host, a secret that has to be stored, or text
   * that is an example.
   */
  readonly kind: 'variable' | 'directory' | 'secret' | 'example';
}

/**
 * Names that presets use for what they cannot know: of people, repositories, hosts, numbers, accounts. RFC 2606 keeps
 * `example`, and numbers with 555 behind the area's code belong to nobody.
 */
const EXAMPLE =
  /\/(?:home|Users)\/operator\b|\bacme\b|(?:^|[^a-z0-9-])example\.(?:com|net|org)\b|\+1555\d|\b123456789012\b|\b(?:my|your)-[a-z]|\bexample-|\bShared\b|bG9yZW0/;

/** Finds what a reader has to change: examples, and all that a tool or a request is given. Not in `tests`. Never throws. */
export function findPlaceholders(text: string, file: string): Placeholder[] {
  const document = parsePolicyDocument(text, file);
  return leavesOf(document.value, []).flatMap(({ path, value }): Placeholder[] => {
    const [, , key] = path;
    if (key === 'tests') return [];
    const found = { place: document.placeOf(path), path: formatPath(path), value };
    if (key === 'cwd_allowed') return [{ ...found, word: value, kind: 'directory' }];
    if (key === 'env_inject') return injectedPlaceholders(found, path.slice(4));
    if (key === 'inject') return secretsIn(injectedPlaceholders(found, path.slice(5)));
    const words = new Set(value.split(' ').filter((word) => EXAMPLE.test(word)));
    return Array.from(words, (word) => ({ ...found, word, kind: 'example' }));
  });
}

/** What stands in a value of `env_inject`; `within` is where: nothing for text, else the keys of its mapping. */
function injectedPlaceholders(
  found: Pick<Placeholder, 'place' | 'path' | 'value'>,
  within: DocumentPath,
): Placeholder[] {
  const last = within.at(-1);
  // `secret` and `refresh` name stored secrets, at the top as well as in `oauth2`; `secret: true` is no text.
  if (last === 'secret' || last === 'refresh') return [{ ...found, word: found.value, kind: 'secret' }];
  if (last !== undefined && last !== 'value') return [];
  const text = parseInjectedText(found.value);
  const secrets = (text.ok ? text.parts : []).flatMap((part): Placeholder[] =>
    typeof part !== 'string' && part.kind === 'secret' ? [{ ...found, word: part.name, kind: 'secret' }] : [],
  );
  return [{ ...found, word: found.value, kind: 'variable' }, ...secrets];
}

/** Of what goes into a request only its secrets are worth a line; text without any stays. */
function secretsIn(found: Placeholder[]): Placeholder[] {
  const secrets = found.filter(({ kind }) => kind === 'secret');
  return secrets.length === 0 ? found : secrets;
}

interface Leaf {
  readonly path: DocumentPath;
  readonly value: string;
}

function leavesOf(value: unknown, path: DocumentPath): Leaf[] {
  if (typeof value === 'string') return [{ path, value }];
  if (Array.isArray(value)) return value.flatMap((each, index) => leavesOf(each, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => leavesOf(each, [...path, key]));
}

/**
 * Puts another path where `binary` stands. A comment behind it keeps its column where there is room. Returns the text as
 * it was where the path is not written there plainly or in quotes.
 */
export function replaceBinary(text: string, { line, column }: Place, binary: string, found: string): string {
  const lines = text.split('\n');
  const whole = lines[line - 1] ?? '';
  const rest = whole.slice(column - 1);
  const written = [binary, `"${binary}"`, `'${binary}'`].find((form) => rest.startsWith(form));
  if (written === undefined) return text;
  const plain = /^[A-Za-z0-9/._+@-]+$/.test(found) ? found : JSON.stringify(found);
  const [, blanks = '', comment = ''] = /^( +)(#.*)$/s.exec(rest.slice(written.length)) ?? [];
  const room = Math.max(blanks.length + written.length - plain.length, 1);
  const behind = comment === '' ? rest.slice(written.length) : ' '.repeat(room) + comment;
  lines[line - 1] = whole.slice(0, column - 1) + plain + behind;
  return lines.join('\n');
}

/** Names the schema for editors by its url, for a policy that does not lie beside it. */
export function nameSchema(text: string, url: string): string {
  return text.replace(
    /^(# yaml-language-server: \$schema=)\.\/policy\.schema\.json$/m,
    (_, start: string) => start + url,
  );
}
