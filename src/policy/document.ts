/**
 * The YAML of a policy file, and where in it things stand. YAML's own surprises are refused: aliases, tags, duplicate
 * keys, several documents, keys that are no strings.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { Place } from '../model/decision.ts';
import type { Problem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';

export type DocumentPath = readonly PropertyKey[];

/** A parsed file that can tell the place of each of its values. */
export interface PolicyDocument {
  readonly file: string;
  /** Plain data; undefined where the text is not readable at all. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Keys of the mapping under a top key, in the order of the file; none where there is no mapping. */
  readonly keysOf: (key: string) => readonly string[];
  /** Place of the value at a path; where there is none, of the nearest thing around it. */
  readonly placeOf: (path: DocumentPath) => Place;
  /** Place of the key that ends the path. */
  readonly placeOfKey: (path: DocumentPath) => Place;
}

/** Parses a file's text. Never throws: what is wrong is in `problems`. */
export function parsePolicyDocument(text: string, file: string): PolicyDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    stringKeys: true,
    version: '1.2',
    schema: 'core',
    merge: false,
    prettyErrors: false,
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = (offset: number, message: string): Problem => ({
    severity: 'error',
    place: placeAt(offset),
    path: '',
    message,
  });
  // An unknown tag is a warning to the parser, and a slip or an attempt to us.
  const problems = [...document.errors, ...document.warnings].map((found) => problem(found.pos[0], describe(found)));
  const hidden: Problem[] = [];
  visit(document, {
    Alias: (_, node) => void problems.push(problem(startOf(node), ALIAS_REFUSED)),
    // The schema library skips this key in mappings with free keys: nothing that is written may go unseen.
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value === '__proto__') hidden.push(problem(startOf(key), "unknown key '__proto__'"));
    },
  });
  if (problems.length === 0 && document.contents === null)
    problems.push(problem(0, "the file is empty; expected 'tools:'"));
  const readable = problems.length === 0;
  return {
    file,
    value: readable ? document.toJS({ maxAliasCount: 0 }) : undefined,
    problems: [...problems, ...hidden],
    keysOf: (key) => keysOf(document.get(key)),
    placeOf: (path) => placeAt(startOf(nodeAt(document, path))),
    placeOfKey: (path) => placeAt(startOf(keyAt(document, path) ?? nodeAt(document, path))),
  };
}

/** A pattern that begins with `*` and has no quotes is an alias to YAML. */
const ALIAS_REFUSED = "aliases are not allowed; write the value again, or put text that begins with '*' in quotes";

/** `tools.op.argv_allow_patterns[0]`. */
export function formatPath(path: DocumentPath): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

function keysOf(node: unknown): string[] {
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key }) => (isScalar(key) && typeof key.value === 'string' ? [key.value] : []));
}

/** The node at the path, or at its longest beginning that exists. */
function nodeAt(document: Document, path: DocumentPath): Node | null {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node;
  }
  return document.contents;
}

function keyAt(document: Document, path: DocumentPath): Node | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const key = parent.items.find((pair) => isScalar(pair.key) && pair.key.value === path.at(-1))?.key;
  return isNode(key) ? key : undefined;
}

function startOf(node: unknown): number {
  return isNode(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}

/** The parser's messages in our style: lower case, one line, no full stop. */
function describe({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins; a policy file is one';
  if (code === 'DUPLICATE_KEY') return 'this key stands twice in its mapping';
  const line = (message.split('\n', 1)[0] ?? '').replace(/\.$/, '');
  return visible(line.charAt(0).toLowerCase() + line.slice(1), 300);
}
