/** Makes types of what a profile says of its tool's values. */
import { compileGlob } from '../glob.ts';
import { parseWords } from '../words.ts';
import type { TypeSource } from './profile-schema.ts';
import { BASE_TYPES, type BaseType, type Shape, type ValueType } from './value-type.ts';

/** Says what is wrong in a profile: a mistake of its author, with the place in words. */
export class ProfileMistake extends Error {}

/** Types by the names that option lines use. Throws ProfileMistake. */
export type FindType = (name: string) => ValueType;

/** Compiles `types`. Each is compiled when it is first asked for, so that one may refer to another. */
export function compileTypes(sources: Readonly<Record<string, TypeSource>>): FindType {
  const types = new Map<string, ValueType>(BASE_TYPES.map((kind) => [kind, { kind }]));
  const find: FindType = (name) => {
    const known = types.get(name);
    if (known !== undefined) return known;
    const type = compileType(name, sources, find);
    types.set(name, type);
    return type;
  };
  return find;
}

/**
 * Characters of a value that is searched with regular expressions: however much they repeat, within their bounds, the time
 * for one value is bounded as well. A longer one is refused; only a literal lets it through.
 */
const MAX_SEARCHED = 16_384;

function compileType(name: string, sources: Readonly<Record<string, TypeSource>>, find: FindType): ValueType {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (source === undefined) {
    if (name.includes('|')) return { kind: 'enum', values: new Set(name.split('|')) };
    throw new ProfileMistake(`there is no type '${name}'; expected ${BASE_TYPES.join(', ')}, a|b|c or one of 'types'`);
  }
  if (Array.isArray(source)) return compileShapes(name, source);
  const { list: separator, of = 'word', pair = null, fold = {} } = source;
  if (of === name) throw new ProfileMistake(`type '${name}' is a list of itself`);
  return { kind: 'list', name, separator, of: find(of), pair, fold: compileFold(fold) };
}

/** Shapes are compiled when a value is first judged by them: most types of a profile are never asked for. */
function compileShapes(name: string, source: readonly ShapeSource[]): ValueType {
  const searched = source.some(({ contains }) => contains !== undefined);
  let shapes: readonly Shape[] | undefined;
  return {
    kind: 'shapes',
    name,
    maxLength: searched ? MAX_SEARCHED : Infinity,
    get shapes() {
      return (shapes ??= source.map((shape) => compileShape(name, shape)));
    },
  };
}

/** The name by which the tool knows an element. */
function compileFold({ case: folds = false, suffix, synonyms = {} }: FoldSource): (element: string) => string {
  const known = new Map(Object.entries(synonyms));
  return (element) => {
    const cased = folds ? element.toLowerCase() : element;
    const cut = suffix === undefined ? cased : (cased.split(suffix, 1)[0] ?? '');
    return known.get(cut) ?? cut;
  };
}

type FoldSource = NonNullable<Exclude<TypeSource, readonly unknown[]>['fold']>;
type ShapeSource = Extract<TypeSource, readonly unknown[]>[number];

function compileShape(name: string, source: ShapeSource): Shape {
  const conditions = [source.match, source.contains, source['one-of']].filter((condition) => condition !== undefined);
  if (conditions.length > 1) throw new ProfileMistake(`type '${name}': a shape has one of match, contains and one-of`);
  const type: BaseType = source.type ?? 'text';
  const fits = condition(name, source);
  const example = exampleOf(source);
  return {
    fits,
    class: source.class ?? 'safe',
    type,
    after: source.after ?? null,
    overrides: source.overrides ?? [],
    example: fits(example) ? example : null,
  };
}

/** Some text that most likely has the shape; whoever uses it asks. */
function exampleOf({ match, contains, 'one-of': values, type }: ShapeSource): string {
  if (match !== undefined) return match.replace(/\\(.)|[*?]/gs, (_, escaped: string | undefined) => escaped ?? 'x');
  if (contains !== undefined) return contains.replace(/\\(\W)/g, '$1');
  return values?.[0] ?? EXAMPLES[type ?? 'text'];
}

/** A value of each type: of those that name something, one that no policy would let a wildcard stand for. */
export const EXAMPLES: Readonly<Record<BaseType, string>> = {
  text: 'x',
  word: 'x',
  integer: '7',
  file: '/etc/passwd',
  outfile: '/etc/passwd',
  url: 'https://attacker.example/x',
  host: 'attacker.example',
  program: 'x',
};

function condition(name: string, source: ShapeSource): (text: string) => boolean {
  if (source.match !== undefined) return compileMatch(name, source.match);
  if (source['one-of'] !== undefined) {
    const values = new Set(source['one-of']);
    return (text) => values.has(text);
  }
  if (source.contains === undefined) return () => true;
  const expression = new RegExp(source.contains, 'u');
  return (text) => expression.test(text);
}

function compileMatch(name: string, match: string): (text: string) => boolean {
  // One word whatever it holds: blanks and quotes are themselves here.
  const parsed = parseWords(match.replace(/[ \t\n'"]/g, '\\$&'));
  const word = parsed.ok ? parsed.words[0] : undefined;
  if (!parsed.ok) throw new ProfileMistake(`type '${name}': match '${match}' ${parsed.message}`);
  if (word === undefined || parsed.words.length > 1)
    throw new ProfileMistake(`type '${name}': match '${match}' is no glob`);
  return compileGlob(word.pieces);
}
