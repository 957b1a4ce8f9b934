/** What a profile knows, counted: for those who judge how far it can be trusted. */
import { CLASSES, type Class } from './classes.ts';
import { commandsBelow, type Profile } from './profile.ts';

export interface Counts {
  readonly total: number;
  /** Every class, in the order of CLASSES. */
  readonly byClass: Readonly<Record<Class, number>>;
}

export interface ProfileCounts {
  /** Those that can be run: neither groups nor the tool itself. */
  readonly subcommands: Counts;
  /** One for each command that it is an option of, the tool itself among them. */
  readonly options: Counts;
}

/** Counts all of a profile, which compiles all of its commands. @throws ProfileMistake for one of a profile unchecked */
export function countProfile({ root }: Profile): ProfileCounts {
  const commands = [...commandsBelow(root)];
  return {
    subcommands: count(commands.flatMap((command) => (command === root ? [] : (command.class ?? [])))),
    options: count(commands.flatMap(({ options }) => Array.from(new Set(options.values()), (option) => option.class))),
  };
}

function count(found: readonly Class[]): Counts {
  const byClass = Object.fromEntries(CLASSES.map((each) => [each, 0])) as Record<Class, number>;
  for (const each of found) byClass[each] += 1;
  return { total: found.length, byClass };
}
