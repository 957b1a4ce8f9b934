import { describe, expect, it } from 'vitest';
import { findPlaceholders, headOf, nameSchema, replaceBinary } from '../../src/policy/preset.ts';

describe('headOf', () => {
  it.each([
    ['# One line.\nversion: 1\n', 'One line.'],
    ['# yaml-language-server: $schema=./x\n#\n# Two\n#  lines.\n#\n# Another paragraph.\ntools: {}\n', 'Two lines.'],
    ['version: 1\n# not at the head\n', ''],
    ['', ''],
    ['# only this', 'only this'],
  ])('of %j is %j', (text, head) => {
    expect(headOf(text)).toBe(head);
  });
});

describe('replaceBinary', () => {
  const place = { file: 'x', line: 2, column: 9 };
  it.each([
    ['binary: /usr/bin/op', '/opt/op', 'binary: /opt/op'],
    ['binary: "/usr/bin/op"  # why', '/opt/op', 'binary: /opt/op        # why'],
    ["binary: '/usr/bin/op' # why", '/opt/homebrew/bin/op', 'binary: /opt/homebrew/bin/op # why'],
    ['binary: /usr/bin/op}', '/opt/op', 'binary: /opt/op}'],
    ['binary: /usr/bin/op', '/home/a b/op', 'binary: "/home/a b/op"'],
    ['binary: "\\x2fusr/bin/op"', '/opt/op', 'binary: "\\x2fusr/bin/op"'],
  ])('%j with %s is %j', (line, found, expected) => {
    expect(replaceBinary(`a\n${line}\nb`, place, '/usr/bin/op', found)).toBe(`a\n${expected}\nb`);
  });
});

it('nameSchema changes the line for editors and no other', () => {
  const text = '# yaml-language-server: $schema=./policy.schema.json\n# see ./policy.schema.json\n';
  expect(nameSchema(text, 'file:///$&x')).toBe(
    '# yaml-language-server: $schema=file:///$&x\n# see ./policy.schema.json\n',
  );
});

describe('findPlaceholders', () => {
  it('finds what a tool is given and what is an example, but nothing in tests', () => {
    const text = `tools:
  gh:
    type: cli
    binary: /usr/bin/gh
    argv_allow_patterns: ["pr list --repo acme/app", "pr view *"]
    options: {"--repo": ["acme/*"]}
    env_inject: {HOME: /srv, GH_TOKEN: x}
    cwd_allowed: [/home/operator/work]
    tests: [{allow: pr list --repo acme/app}]
`;
    expect(findPlaceholders(text, 'p.yaml').map(({ path, kind, place }) => [path, kind, place.line])).toEqual([
      ['tools.gh.argv_allow_patterns[0]', 'example', 5],
      ['tools.gh.options.--repo[0]', 'example', 6],
      ['tools.gh.env_inject.HOME', 'variable', 7],
      ['tools.gh.env_inject.GH_TOKEN', 'variable', 7],
      ['tools.gh.cwd_allowed[0]', 'directory', 8],
    ]);
  });

  it('finds the secrets that have to be stored, wherever they are named, and takes no other source for text', () => {
    const text = `tools:
  x:
    env_inject:
      A: {secret: one}
      B: "Bearer \${secret:two}"
      C: {oauth2: {token_url: "https://id.invalid/t", client: {id: c, secret: {secret: three}}, refresh: four}}
      D: {file: /run/d}
      E: {value: plain, secret: false}
      F: "\${secret:!}"
`;
    expect(findPlaceholders(text, 'p.yaml').map(({ word, kind, place }) => [word, kind, place.line])).toEqual([
      ['one', 'secret', 4],
      ['Bearer ${secret:two}', 'variable', 5],
      ['two', 'secret', 5],
      ['three', 'secret', 6],
      ['four', 'secret', 6],
      ['plain', 'variable', 8],
      ['${secret:!}', 'variable', 9],
    ]);
  });

  it('finds nothing in what is no policy', () => {
    expect(findPlaceholders('[', 'x')).toEqual([]);
    expect(findPlaceholders('tools: null', 'x')).toEqual([]);
  });
});
