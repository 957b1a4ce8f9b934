/** Commands in groups: the tree is the same however it was read, and no more of it is read than is asked for. */
import { describe, expect, it } from 'vitest';
import { readBuilt, writeBuilt } from '../../../src/policy/profile/built-profile.ts';
import type { GroupedSource } from '../../../src/policy/profile/command-groups.ts';
import { buildProfile, loadProfile } from '../../../src/policy/profile/load-profile.ts';
import { type Command, commandsBelow } from '../../../src/policy/profile/profile.ts';
import { readCall } from '../../../src/policy/profile/read-call.ts';

const HEAD = 'profile: 1\ntool: x\nversions: "1"\nsources: [y]\nparser: pflag\n';
const COMMANDS = `commands:
  ps: {class: safe, aliases: [container ls, p, old box list]}
  container stop: {class: mutates, aliases: [halt]}
  container rm: {class: mutates, cwd: executes}
`;

function load(commands: string): ReturnType<typeof loadProfile> {
  return loadProfile({ name: 'x', file: 'x.yaml', text: `${HEAD}${commands}` });
}

function written(commands: string): string {
  const loaded = load(commands);
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  return writeBuilt({ digest: 'd', source: loaded.source });
}

function rootOf(source: GroupedSource): Command {
  return buildProfile(source, { name: 'x', file: 'x', digest: 'd' }).root;
}

/** Every word at every command, with the command that it leads to. */
function wordsBelow(root: Command): string[] {
  return [...commandsBelow(root)].flatMap((command) =>
    Array.from(command.children.keys(), (word) => {
      const path = command.children.get(word)?.path.join(' ');
      return `${[...command.path, word].join(' ')} = ${path ?? 'none'}`;
    }),
  );
}

const WORDS = [
  'ps = ps',
  'container = container',
  'old = old',
  'p = ps',
  'container stop = container stop',
  'container rm = container rm',
  'container ls = ps',
  'container halt = container stop',
  'old box = old box',
  'old box list = ps',
];

describe('commands in groups', () => {
  it('lead where their paths and other names say, across groups and through groups without a name', () => {
    const loaded = load(COMMANDS);
    expect(loaded.ok && wordsBelow(loaded.profile.root)).toEqual(WORDS);
    expect(loaded.ok && loaded.profile.executesDirectory).toBe(true);
  });

  it('are the same when they were built', () => {
    const { digest, source } = readBuilt(written(COMMANDS));
    expect(digest).toBe('d');
    expect(source.executesDirectory).toBe(true);
    expect(wordsBelow(rootOf(source))).toEqual(WORDS);
  });

  it('are one command by whichever path', () => {
    const root = rootOf(readBuilt(written(COMMANDS)).source);
    expect(root.children.get('container')?.children.get('ls')).toBe(root.children.get('ps'));
    expect(root.children.get('container')?.class).toBeNull();
    expect(root.children.get('nothing')).toBeUndefined();
  });

  it('are read with their group, when something in it is asked for', () => {
    const { source } = readBuilt(written(COMMANDS));
    const asked: string[] = [];
    const commandsOf = (group: string): ReturnType<GroupedSource['commandsOf']> => {
      asked.push(group);
      return source.commandsOf(group);
    };
    const profile = buildProfile({ ...source, commandsOf }, { name: 'x', file: 'x', digest: 'd' });
    expect(readCall(['nothing'], profile).fault?.message).toContain("'nothing' is not known");
    expect(asked).toEqual([]);
    expect(readCall(['container', 'stop'], profile).command.class).toBe('mutates');
    expect(readCall(['container', 'rm'], profile).command.executesDirectory).toBe(true);
    expect(asked).toEqual(['container']);
  });

  it.each([
    ['ps: {aliases: [a b]}, a b: {class: safe}', "'b' is another name of 'ps', and a command of its own"],
    ['ps: {aliases: [a]}, a b: {class: safe}', "'a' is another name of 'ps', and a command of its own"],
  ])('are refused where another name is a command: %s', (commands, message) => {
    const loaded = load(`commands: {${commands}}\n`);
    expect(loaded.ok ? [] : loaded.problems.map((problem) => problem.message)).toEqual([message]);
  });

  it('are not read from half a file', () => {
    const text = written(COMMANDS);
    expect(() => readBuilt(text.slice(0, text.lastIndexOf('{')))).toThrow('it is not whole');
    expect(() => readBuilt(text.trimEnd())).toThrow('it is not whole');
  });
});
