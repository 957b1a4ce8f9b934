/** Values to try a policy with: of each type, those that a tool takes without harm and those that it must not be given. */
import { EXAMPLES } from './compile-types.ts';
import type { PatternValue } from './pattern-value.ts';
import { type BaseType, judgeType, type ValueType } from './value-type.ts';

/** A value that is as harmless as the type has any. */
export function harmlessValue(type: ValueType): string {
  switch (type.kind) {
    case 'enum':
      return [...type.values][0] ?? '';
    case 'shapes':
      return type.shapes.find((shape) => shape.class === 'safe' && shape.example !== null)?.example ?? 'x';
    case 'list':
      return harmlessValue(type.of);
    case 'file':
    case 'outfile':
      return 'notes.txt';
    default:
      return EXAMPLES[type.kind];
  }
}

/** Values that no wildcard may stand for. */
export function harmfulValues(type: ValueType): readonly string[] {
  switch (type.kind) {
    case 'enum':
      return [];
    case 'shapes':
      return type.shapes.flatMap((shape) => {
        const values = shape.class === 'safe' ? HARMFUL[shape.type] : [shape.example ?? ''];
        // A shape before this one may take the value for its own.
        return values.filter((value) => judgeType(type, value)?.shape === shape);
      });
    case 'list': {
      const harmless = harmlessValue(type.of);
      return harmfulValues(type.of).flatMap((value) => [value, `${harmless}${type.separator}${value}`]);
    }
    default:
      return HARMFUL[type.kind];
  }
}

const FILES = [EXAMPLES.file, '../../etc/passwd', '/proc/self/environ', '~/.ssh/id_ed25519', 'a/../../b', '-'];
const HARMFUL: Readonly<Record<BaseType, readonly string[]>> = {
  text: [],
  word: [EXAMPLES.url, '../../x', 'a\u001bb'],
  integer: [],
  file: FILES,
  outfile: FILES,
  url: [EXAMPLES.url, 'file:///etc/passwd'],
  host: [EXAMPLES.host],
  program: [EXAMPLES.program],
};

/** A value that the pattern's word stands for, as harmless as it can be. */
export function valueFor(pattern: PatternValue, type: ValueType): string {
  if (pattern.kind === 'literal') return pattern.text;
  const harmless = harmlessValue(type);
  if (pattern.kind === 'any') return harmless;
  const candidates = [
    harmless,
    `${pattern.prefix}x`,
    pattern.source.replaceAll('*', 'x').replaceAll('?', 'x'),
    pattern.prefix,
  ];
  return (
    candidates.find((text) => pattern.shape.matches(text) && judgeType(type, text) !== undefined) ??
    `${pattern.prefix}x`
  );
}
