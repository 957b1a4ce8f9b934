/** By which texts a deny may name a value: more than one, and each of them counts. */
import { type Places, resolvePath } from './file-claim.ts';
import { elementsOf, judgeType, pathIn, type ValueType } from './value-type.ts';

/**
 * As it is written; of a list each element, as it is written and as the tool knows it; of a file its path, and that from the root
 * on. Never throws, in time linear in the text's length.
 */
export function namesOfValue(type: ValueType, text: string, places: Places): readonly string[] {
  const elements = elementsOf(text, type);
  return [text, ...elements.flatMap((each) => [...foldedNames(type, each), ...pathsOf(type, each, places)])];
}

/** The paths that a value names, if files are what it names. */
export function pathsOf(type: ValueType, text: string, { directory }: Places): readonly string[] {
  const judged = judgeType(type, text);
  if (judged?.type !== 'file' && judged?.type !== 'outfile') return [];
  const path = pathIn(judged, text);
  return [path, resolvePath(path, directory) ?? path];
}

function foldedNames(type: ValueType, element: string): readonly string[] {
  return type.kind === 'list' ? [element, type.fold(element), element.toLowerCase()] : [];
}
