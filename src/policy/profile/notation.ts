/** The notation of options and operands in a profile: as manuals write them, one option a line. */

/** A line such as `-o, --output <format> (repeats)`, taken apart. */
export interface OptionLine {
  readonly names: readonly string[];
  readonly arity: 'switch' | 'required' | 'optional' | 'many';
  /** Names of types, or `a|b|c`. */
  readonly types: readonly string[];
  readonly flags: ReadonlySet<string>;
  /** Names behind `overrides`. */
  readonly overrides: readonly string[];
}

export interface OperandLine {
  readonly types: readonly string[];
  readonly rest: string | null;
}

export type Notation<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string };

const FLAGS: ReadonlySet<string> = new Set(['repeats', 'negatable', 'stdin']);
const NO_FLAGS: ReadonlySet<string> = new Set();
const OPTION =
  /^(?<names>-(?:<number>|[^\s,<>[\]]*)(?:, -(?:<number>|[^\s,<>[\]]*))*)(?<values>(?: <[^<>]+>)*| \[<[^<>]+>\]| <[^<>]+>\.\.\.)(?: \((?<flags>[^()]+)\))?$/;

/** The lines of a block, without comments and empty ones. */
export function linesOf(block: string): string[] {
  return block
    .split('\n')
    .map((line) => (line.includes('#') ? line.replace(/(?:^|\s)# .*$/, '') : line).trim())
    .filter((line) => line !== '');
}

/** Reads one option's line. Never throws. */
export function parseOptionLine(line: string): Notation<OptionLine> {
  const { names, values = '', flags = '' } = OPTION.exec(line)?.groups ?? {};
  if (names === undefined)
    return { ok: false, message: 'expected names, value and flags: -o, --output <text> (repeats)' };
  const types = values === '' ? [] : [...values.matchAll(/<([^<>]+)>/g)].map(([, type]) => type ?? '');
  const plainly = { names: names.split(', '), arity: arityOf(values), types };
  // Nearly all lines: large tools have thousands of them, and the start waits for those of their first commands.
  if (flags === '') return { ok: true, value: { ...plainly, flags: NO_FLAGS, overrides: [] } };
  const said = flags.split(',').map((flag) => flag.trim());
  const overrides = said.flatMap((flag) => (flag.startsWith(OVERRIDES) ? flag.slice(OVERRIDES.length).split(' ') : []));
  const plain = said.filter((flag) => flag !== '' && !flag.startsWith(OVERRIDES));
  const unknown = plain.find((flag) => !FLAGS.has(flag));
  if (unknown !== undefined)
    return { ok: false, message: `unknown flag '${unknown}'; expected ${[...FLAGS].join(', ')}, ${OVERRIDES}--NAME` };
  return { ok: true, value: { ...plainly, flags: new Set(plain), overrides } };
}

const OVERRIDES = 'overrides ';

function arityOf(values: string): OptionLine['arity'] {
  if (values === '') return 'switch';
  if (values.endsWith('...')) return 'many';
  return values.endsWith(']') ? 'optional' : 'required';
}

/** Reads the operands of a command: `<a> [<b>] [<c>...]`. The brackets are for readers: nothing is refused for being short. */
export function parseOperands(text: string): Notation<OperandLine> {
  const types: string[] = [];
  for (const [index, part] of text.split(' ').entries()) {
    const last = index === text.split(' ').length - 1;
    const [, plain, optional] = /^(?:<([^<>]+)>(?:\.\.\.)?|\[<([^<>]+)>(?:\.\.\.)?\](?:\.\.\.)?)$/.exec(part) ?? [];
    const type = plain ?? optional;
    if (type === undefined)
      return { ok: false, message: `'${part}' is no operand; expected <type>, [<type>] or [<type>...]` };
    if (!part.includes('...')) types.push(type);
    else if (last) return { ok: true, value: { types, rest: type } };
    else return { ok: false, message: `'${part}': only the last operand may stand several times` };
  }
  return { ok: true, value: { types, rest: null } };
}
