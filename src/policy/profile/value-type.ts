/**
 * What a value is to its tool: free text, a file, a url, code. A type is one of the common ones, or a tool's own: ordered
 * shapes, of which the first that fits says what the value does (`@file` reads a file, other text does not).
 */
import type { Class } from './classes.ts';

/** `word` is what nothing more is known of: a name, and not safe if it looks like a url. */
export const BASE_TYPES = ['text', 'word', 'integer', 'file', 'outfile', 'url', 'host', 'program'] as const;
export type BaseType = (typeof BASE_TYPES)[number];

export type ValueType =
  | { readonly kind: BaseType }
  | { readonly kind: 'enum'; readonly values: ReadonlySet<string> }
  | { readonly kind: 'shapes'; readonly name: string; readonly shapes: readonly Shape[]; readonly maxLength: number }
  | ListType;

/** A value of several elements, each of which is decided on its own: `pods,secrets`, `pods/a`. */
export interface ListType {
  readonly kind: 'list';
  readonly name: string;
  readonly separator: string;
  readonly of: ValueType;
  /** `/` where an element may be `TYPE/NAME`, which is two operands; null where not. */
  readonly pair: string | null;
  /** Says under what name the tool knows an element: case, synonyms, suffixes. */
  readonly fold: (element: string) => string;
}

/** One shape of a tool's own type. */
export interface Shape {
  readonly fits: (text: string) => boolean;
  readonly class: Class;
  readonly type: BaseType;
  /** What stands before the path in a value of type `file` or `outfile`; null: the whole value is the path. */
  readonly after: string | null;
  /** Options that such a value overrides: where a pattern spells one of them, no wildcard stands for it. */
  readonly overrides: readonly string[];
  /** A value of this shape, to try policies with; null where none can be made of its condition. */
  readonly example: string | null;
}

export const TEXT: ValueType = { kind: 'text' };
export const WORD: ValueType = { kind: 'word' };

/** What one value is: whether a wildcard may stand for it, and as what it is then judged. */
export interface Judged {
  readonly class: Class;
  readonly type: BaseType;
  readonly after: string | null;
  /** The shape that decided; null for a common type. Two values with the same one are of a kind. */
  readonly shape: Shape | null;
}

/** Says what a value is. Undefined: it is none that the profile knows. Lists are taken apart before. Never throws. */
export function judgeType(type: ValueType, text: string): Judged | undefined {
  switch (type.kind) {
    case 'enum':
      return type.values.has(text) ? plain('text') : undefined;
    case 'shapes': {
      const shape = text.length > type.maxLength ? undefined : type.shapes.find(({ fits }) => fits(text));
      return shape === undefined ? undefined : { class: shape.class, type: shape.type, after: shape.after, shape };
    }
    case 'list':
      return judgeType(type.of, type.fold(text));
    default:
      return plain(type.kind);
  }
}

function plain(type: BaseType): Judged {
  return { class: 'safe', type, after: null, shape: null };
}

/** What a value is taken apart into, each part to be judged on its own: itself, or the elements of a list. */
export function elementsOf(text: string, type: ValueType): readonly string[] {
  return type.kind === 'list' ? text.split(type.separator) : [text];
}

/** The path in a value of type `file` or `outfile`. */
export function pathIn({ after }: Judged, text: string): string {
  const at = after === null ? -1 : text.indexOf(after);
  return after === null || at === -1 ? text : text.slice(at + after.length);
}

/** As profiles write it: for messages. */
export function typeName(type: ValueType): string {
  switch (type.kind) {
    case 'enum':
      return [...type.values].join('|');
    case 'shapes':
    case 'list':
      return type.name;
    default:
      return type.kind;
  }
}
