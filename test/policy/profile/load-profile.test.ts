/** Profile files: what is wrong in them is said, all of it, with its place. */
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../src/model/problem.ts';
import { loadProfile } from '../../../src/policy/profile/load-profile.ts';
import { linesOf, parseOperands, parseOptionLine } from '../../../src/policy/profile/notation.ts';
import { findOption } from '../../../src/policy/profile/profile.ts';
import { problemsIn } from '../policy-of.ts';
import { SAMPLE, sampleProfile, sampleTool } from './sample-profile.ts';

const HEAD = 'profile: 1\ntool: x\nversions: "1"\nsources: [y]\n';

function problems(lines: string): string {
  const loaded = loadProfile({ name: 'x', file: 'x.yaml', text: `${HEAD}${lines}` });
  return loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n');
}

describe('a profile', () => {
  it.each([
    ['parser: pflags', 'expected getopt_long, getopt, pflag'],
    ['parser: {kind: git, clutsers: false}', 'x.yaml:5'],
    ['parser: git\noption: {safe: -x}', "unknown key 'option' (did you mean 'options'?)"],
    ['parser: git\noptions: {sure: -x}', 'x.yaml:6'],
    ['parser: git\noptions: {safe: "-A (overrides --namspace)"}', 'option -A overrides --namspace, which there is not'],
    ['parser: git\noptions: {safe: "--time[=<word>]"}', 'expected names, value and flags'],
    ['parser: git\nneutralise: {env: {A=B: x}}', 'is no name of a variable'],
    ['parser: git\noptions: {safe: x}', "option 'x': expected names, value and flags"],
    ['parser: git\noptions: {safe: "-x <nothing>"}', "there is no type 'nothing'"],
    ['parser: git\noptions: {safe: "-x (often)"}', "unknown flag 'often'; expected repeats, negatable, stdin"],
    ['parser: git\noptions: {safe: "-x", mutates: "-x"}', 'option -x stands twice'],
    ['parser: git\ncommands: {a: {operands: "word"}}', "'word' is no operand"],
    ['parser: git\ncommands: {a: {operands: "<word>... <file>"}}', 'only the last operand may stand several times'],
    ['parser: git\ncommands: {a: {include: [b]}}', "include: there is no set 'b'"],
    [
      'parser: git\ncommands: {a: {class: safe, aliases: [b]}, b: {class: safe}}',
      "'b' is another name of 'a', and a command of its own",
    ],
    ['parser: git\ntypes: {t: [{contains: "a*"}]}', 'without *, + and {n,}'],
    [
      'parser: git\ntypes: {t: [{contains: "a", match: "b"}]}\noptions: {safe: "-x <t>"}',
      'a shape has one of match, contains and one-of',
    ],
    ['parser: git\ntypes: {t: {list: ",", of: t}}\noptions: {safe: "-x <t>"}', "type 't' is a list of itself"],
    ['parser: *x', 'aliases are not allowed'],
  ])('with %j says: %s', (lines, problem) => {
    expect(problems(lines)).toContain(problem);
  });

  it('says all that is wrong at once', () => {
    expect(problems('parser: git\ncommands: {a: {operands: x}, b: {options: {safe: y}}}').split('\n')).toHaveLength(2);
  });

  it('knows the options of a command, of those above it where the parser does, and no other', () => {
    const profile = sampleProfile();
    const get = profile.root.children.get('show');
    if (get === undefined) throw new Error('no command');
    expect(findOption(get, '--watch', profile.dialect)?.names).toEqual(['-w', '--watch']);
    expect(findOption(get, '-n', profile.dialect)?.class).toBe('safe');
    expect(findOption(get, '-n', { inherit: false })).toBeUndefined();
    expect(findOption(get, '--force', profile.dialect)).toBeUndefined();
  });
});

describe('the notation', () => {
  it('reads options', () => {
    expect(parseOptionLine('-o, --output <format> (repeats, negatable)')).toMatchObject({
      ok: true,
      value: {
        names: ['-o', '--output'],
        arity: 'required',
        types: ['format'],
        flags: new Set(['repeats', 'negatable']),
      },
    });
    expect(parseOptionLine('--arg <word> <text>')).toMatchObject({
      value: { arity: 'required', types: ['word', 'text'] },
    });
    expect(parseOptionLine('--color [<always|never>]')).toMatchObject({
      value: { arity: 'optional', types: ['always|never'] },
    });
    expect(parseOptionLine('--ids <word>...')).toMatchObject({ value: { arity: 'many' } });
    expect(parseOptionLine('-A (overrides --namespace)')).toMatchObject({
      value: { arity: 'switch', overrides: ['--namespace'] },
    });
  });
  it('reads operands', () => {
    expect(parseOperands('<a> [<b>] [<c>...]')).toEqual({ ok: true, value: { types: ['a', 'b'], rest: 'c' } });
    expect(parseOperands('<a>...')).toEqual({ ok: true, value: { types: [], rest: 'a' } });
  });
  it('leaves comments and empty lines out', () => {
    expect(linesOf('-a  # why\n\n# all\n-b\n')).toEqual(['-a', '-b']);
  });
});

describe('a policy under profiles', () => {
  it('names a profile that there is not, and options that it does not know', () => {
    expect(problemsIn('{"tools": {"x": {"type": "cli", "binary": "/bin/x", "profile": "nothing"}}}').join()).toContain(
      "there is no profile 'nothing'",
    );
    expect(() => sampleTool({ options: { '--wtach': 'deny' } })).toThrow(
      "knows no option '--wtach' (did you mean '--watch'?)",
    );
    expect(() => sampleTool({ profile: 'none', options: { '-w': 'deny' } })).toThrow(
      'needs a profile, and this tool has none',
    );
    expect(() => sampleTool({ options: { '-n': ['https://x.example*'] } })).toThrow("needs a '/' after its host");
  });
  it('is word by word where it says so', () => {
    expect(sampleTool({ profile: 'none' }).profile).toBeNull();
    expect(sampleTool({}).profile?.profile.name).toBe('sample');
  });
  it('gives the tool what neutralises it, and what the policy injects wins', () => {
    const profile = sampleProfile(`${SAMPLE}\nneutralise: {env: {A: "1", B: "2"}}\n`);
    expect([...sampleTool({ env_inject: { B: '3' } }, profile).envInject]).toEqual([
      ['A', '1'],
      ['B', '3'],
    ]);
  });
});
