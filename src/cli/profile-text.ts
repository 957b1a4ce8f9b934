/** How profiles are shown: counts in tables, commands and options as a tree, and the same for programs. */
import { visible } from '../model/visible.ts';
import { CLASSES, type Class } from '../policy/profile/classes.ts';
import type { Counts, ProfileCounts } from '../policy/profile/count.ts';
import { describeOperands, describeOption } from '../policy/profile/describe.ts';
import { type Command, commandsBelow, type OptionSpec, type Profile } from '../policy/profile/profile.ts';
import { typeName } from '../policy/profile/value-type.ts';
import { paintFor, table } from './report.ts';

/** A profile that can be used. */
export interface GoodProfile {
  readonly profile: Profile;
  readonly counts: ProfileCounts;
  /** The operator's own file; null: it comes with Carapace. */
  readonly file: string | null;
  /** True: the operator's own stands in the place of one that comes with Carapace. */
  readonly overrides: boolean;
}

/** One table of the profiles, and of their subcommands and options how many of each class there are. */
export function profileTables(profiles: readonly GoodProfile[]): string {
  const about = profiles.map((each) => {
    const { name, versions, parser } = each.profile;
    const { subcommands, options } = each.counts;
    return [name, visible(versions, 40), parser, digits(subcommands.total), digits(options.total), originOf(each)];
  });
  const sums = ['all', '', '', sumOf(profiles, 'subcommands'), sumOf(profiles, 'options'), ''];
  return [
    table([['PROFILE', 'VERSIONS', 'PARSER', 'SUBCOMMANDS', 'OPTIONS', 'FROM'], ...about, sums]),
    classTable('SUBCOMMANDS', profiles, 'subcommands'),
    classTable('OPTIONS', profiles, 'options'),
  ].join('\n\n');
}

function classTable(heading: string, profiles: readonly GoodProfile[], kind: keyof ProfileCounts): string {
  const classes = CLASSES.filter((each) => profiles.some(({ counts }) => counts[kind].byClass[each] > 0));
  const rows = profiles
    .filter(({ counts }) => counts[kind].total > 0)
    .map(({ profile, counts }) => [profile.name, ...classes.map((each) => digits(counts[kind].byClass[each]))]);
  return table([[heading, ...classes], ...rows]);
}

function sumOf(profiles: readonly GoodProfile[], kind: keyof ProfileCounts): string {
  return digits(profiles.reduce((sum, { counts }) => sum + counts[kind].total, 0));
}

function originOf({ file, overrides }: GoodProfile): string {
  if (file === null) return 'built in';
  return `${visible(file, 4096)}${overrides ? ', in the place of the built-in one' : ''}`;
}

function digits(count: number): string {
  return String(count);
}

/** Every command with its class and operands, below it its own options with their class and the types of their values. */
export function profileTree(shown: GoodProfile): string {
  const { profile, counts } = shown;
  const { name, versions, parser } = profile;
  return [
    `${name} ${visible(versions)} (${originOf(shown)}; parser ${parser})`,
    countsText(counts.subcommands, 'subcommand'),
    countsText(counts.options, 'option'),
    ...[...commandsBelow(profile.root)].flatMap((command) => commandLines(command, name)),
  ].join('\n');
}

function countsText({ total, byClass }: Counts, noun: string): string {
  const classes = CLASSES.flatMap((each) => (byClass[each] === 0 ? [] : [`${each} ${byClass[each]}`]));
  return `${total} ${noun}${total === 1 ? '' : 's'}${total === 0 ? '' : `: ${classes.join(', ')}`}`;
}

function commandLines(command: Command, tool: string): string[] {
  const { path, names, operands, options } = command;
  const indent = '  '.repeat(path.length);
  const aliases = names.slice(1).map((alias) => `, ${alias}`);
  const words = [`${path.length === 0 ? tool : path.join(' ')}${aliases.join('')}`, describeOperands(operands)];
  const heading = paintFor(process.stdout, 'bold', visible(words.filter(Boolean).join(' '), 4096));
  const own = [...new Set(options.values())];
  return [
    '',
    `${indent}${heading}  ${classText(command.class)}${remarks(command)}`,
    ...own.map((option) => `${indent}    ${visible(describeOption(option), 4096)}  ${classText(option.class)}`),
  ];
}

function remarks({ readsStdin, executesDirectory, afterDashes }: Command): string {
  const said = [
    ...(readsStdin ? ['reads standard input'] : []),
    ...(executesDirectory ? ['runs code of its working directory'] : []),
    ...(afterDashes === 'program' ? ["another program's words after --"] : []),
  ];
  return said.length === 0 ? '' : ` (${said.join('; ')})`;
}

/** What is not safe stands out. */
function classText(found: Class | null): string {
  if (found === null) return paintFor(process.stdout, 'dim', 'group');
  return paintFor(process.stdout, found === 'safe' ? 'green' : 'yellow', found);
}

/** A profile with its counts, for programs. */
export function profileJson({ profile, counts, file, overrides }: GoodProfile): Record<string, unknown> {
  const { name, versions, parser, digest } = profile;
  return { name, versions, parser, builtIn: file === null, file, overrides, digest, ...counts };
}

/** Its commands, the tool itself first. */
export function commandJson({ root }: Profile): readonly unknown[] {
  return Array.from(commandsBelow(root), (command) => ({
    path: command.path,
    aliases: command.names.slice(1),
    class: command.class,
    operands: describeOperands(command.operands),
    readsStdin: command.readsStdin,
    executesDirectory: command.executesDirectory,
    options: Array.from(new Set(command.options.values()), optionJson),
  }));
}

function optionJson({ types, class: optionClass, ...option }: OptionSpec): unknown {
  const { names, arity, repeats, negatable, stdin, overrides } = option;
  return { names, class: optionClass, arity, types: types.map(typeName), repeats, negatable, stdin, overrides };
}
