/**
 * A small YAML document of the operator's, as plain data that knows where it stood.
 */
import type { Document } from 'yaml';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Place } from '../model/decision.ts';
import { messageOf } from '../model/error.ts';
import type { Problem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';

/** Keys and indexes from the document's root. */
export type Path = readonly PropertyKey[];

export interface YamlDocument {
  /** Plain data; undefined where there are problems. An empty document is an empty map. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** The place of a value, or of the nearest thing around it that is there. */
  readonly placeOf: (path: Path) => Place;
  /** The place of a key itself. */
  readonly placeOfKey: (path: Path) => Place;
}

/** Parses YAML 1.2 without aliases, merge keys, tags of its own, duplicate keys or a second document. Never throws. */
export function parseYaml(file: string, text: string): YamlDocument {
  const lineCounter = new LineCounter();
  const options = {
    lineCounter,
    stringKeys: true,
    version: '1.2',
    schema: 'core',
    merge: false,
    prettyErrors: false,
  } as const;
  const document = parseDocument(text, options);
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = [...document.errors, ...document.warnings].map((found): Problem => {
    const message = visible((found.message.split('\n', 1)[0] ?? '').replace(/\.$/, ''));
    return { severity: 'error', place: placeAt(found.pos[0]), path: '', message: lowerFirst(message) };
  });
  const value = problems.length === 0 ? toPlain(document, problems, placeAt(0)) : undefined;
  return {
    value: problems.length === 0 ? value : undefined,
    problems,
    placeOf: (path) => placeAt(offsetOf(document, path)),
    placeOfKey: (path) => placeAt(offsetOfKey(document, path) ?? offsetOf(document, path)),
  };
}

/** `limits.max_auth_tries`, `listen[0]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}${String(step)}`))
    .join('');
}

function toPlain(document: Document, problems: Problem[], place: Place): unknown {
  try {
    return (document.toJS({ maxAliasCount: 0 }) as unknown) ?? {};
  } catch (error) {
    problems.push({
      severity: 'error',
      place,
      path: '',
      message: `aliases are not accepted (${visible(messageOf(error))})`,
    });
    return undefined;
  }
}

function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function offsetOfKey(document: Document, path: Path): number | undefined {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
