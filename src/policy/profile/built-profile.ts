/**
 * A profile as the build leaves it: checked before, and lines of JSON. The first has everything but the commands; each
 * that follows has those of one group, and is read when something in the group is asked for.
 */
import type { GroupedSource } from './command-groups.ts';

/** The first line. */
interface Header extends Omit<GroupedSource, 'commandsOf'> {
  readonly digest: string;
}

/** A built profile, read. */
export interface BuiltProfile {
  /** SHA-256 (hex) of the text that it was built from. */
  readonly digest: string;
  readonly source: GroupedSource;
}

/** Writes a profile that has been checked. */
export function writeBuilt({ digest, source: { commandsOf, ...rest } }: BuiltProfile): string {
  const header: Header = { digest, ...rest };
  return [header, ...rest.groups.map(commandsOf)].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Reads what `writeBuilt` wrote, and trusts it. Throws where it is no such text, or not all of it. */
export function readBuilt(text: string): BuiltProfile {
  const [first = '', ...lines] = text.split('\n');
  const { digest, ...header } = JSON.parse(first) as Header;
  // Each line ends in a newline, the last one too.
  if (lines.length !== header.groups.length + 1 || lines.at(-1) !== '') throw new Error('it is not whole');
  const byGroup = new Map(header.groups.map((group, index) => [group, lines[index] ?? '']));
  const commandsOf: GroupedSource['commandsOf'] = (group) => {
    return JSON.parse(byGroup.get(group) ?? '{}') as ReturnType<GroupedSource['commandsOf']>;
  };
  return { digest, source: { ...header, commandsOf } };
}
