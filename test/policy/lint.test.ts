import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/model/problem.ts';
import { goodPolicy, policyText, type ToolParts } from './policy-of.ts';

function warnings(parts: ToolParts): string[] {
  return goodPolicy(policyText('tool', parts)).warnings.map((warning) => {
    expect(warning.severity).toBe('warning');
    return formatProblem(warning).replace(/^test\.yaml:\d+:\d+: tools\.tool\.?/, '');
  });
}

describe('warnings', () => {
  it('are none for a plain policy', () => {
    expect(
      warnings({
        allow: ['item get *', 'item list*', '-m * x', String.raw`a\[b\]`, 'a!b', 'C#', 'a.b', 'v1.*.2'],
        deny: ['* --reveal*', '*'],
      }),
    ).toEqual([]);
  });

  it('are given for a policy that allows nothing', () => {
    expect(warnings({})).toEqual([': allows nothing: it has no argv_allow_patterns']);
  });

  it('are given for an allow of everything, and for a star where options may be meant', () => {
    expect(warnings({ allow: ['*'] })[0]).toContain('allows every call without options');
    expect(warnings({ allow: ['* status'] })[0]).toContain('exactly one operand');
  });

  it("are given for a pattern that begins with the tool's own name", () => {
    const own = "begins with the tool's own name; a pattern is the arguments alone";
    expect(warnings({ allow: ['tool get *', 'get tool'], deny: ['tool'] })).toEqual([
      `argv_allow_patterns[0]: ${own}`,
      `argv_deny_patterns[0]: ${own}`,
    ]);
  });

  it.each([
    ['!delete', 'negates nothing'],
    ['# item', 'comments nothing out'],
    ['@(a|b)', "'(...)' is itself"],
    ['{list,get}', "'{a,b}' is itself"],
    ['x{1..3}', "'{a,b}' is itself"],
    ['list|get', "'|' is itself"],
    ['[^a]', "'[!...]'"],
    ['a/**', "'**' is the same"],
    ['^item', 'regular expression'],
    ['item .*', 'regular expression'],
    ['item$', 'regular expression'],
    [String.raw`item\d`, 'regular expression'],
  ])('are given for %s, in an allow and in a deny', (pattern, message) => {
    expect(warnings({ allow: [pattern] }).join('\n')).toContain(message);
    expect(warnings({ allow: ['x'], deny: [pattern] }).join('\n')).toContain(`argv_deny_patterns[0]: `);
  });

  it('are given for variables that steer programs, and for those that are injected anyway', () => {
    const found = warnings({
      allow: ['x'],
      env_allow: ['NODE_OPTIONS', 'https_proxy', 'GH_HOST', 'NO_COLOR', 'LANG', 'A'],
      env_inject: { A: 'b' },
    });
    expect(found.map((line) => line.split(':')[0])).toEqual([
      'env_allow[0]',
      'env_allow[1]',
      'env_allow[2]',
      'env_allow[5]',
    ]);
    expect(found[3]).toContain('which wins');
  });

  it('are given for values that look like a template', () => {
    expect(warnings({ allow: ['x'], env_inject: { A: '{{ vault.x }}', B: '{}' } })).toEqual([
      "env_inject.A: '{{ ... }}' is passed on as it stands; no value is filled in",
    ]);
  });

  it("are given for a value that takes the place of one of the profile's own", () => {
    for (const value of ['1', '${env:PROMPT}', { secret: 'prompt' }]) {
      const env = { GIT_TERMINAL_PROMPT: value, HOME: '/srv' };
      expect(warnings({ allow: ['status'], profile: 'git', env_inject: env })).toEqual([
        'env_inject.GIT_TERMINAL_PROMPT: takes the place of what keeps the tool from running code or opening what it finds',
      ]);
    }
  });

  it('are given for a limit of processes that a runner uses up', () => {
    expect(warnings({ allow: ['x'], limits: { processes: 19 } })).toEqual([
      'limits.processes: may leave the tool none: all of its user count, and about a dozen threads of the runner; expected at least 20',
    ]);
    expect(warnings({ allow: ['x'], limits: { processes: 20 } })).toEqual([]);
    expect(warnings({ allow: ['x'], limits: { cpu_secs: 1 } })).toEqual([]);
  });

  it('are given for keys without a meaning, and for the root as a working directory', () => {
    expect(warnings({ allow: ['x'], audit: { log_body: false } })).toEqual([
      'audit.log_body: has no meaning for a cli tool',
    ]);
    expect(warnings({ allow: ['x'], cwd_allowed: ['/srv', '/'] })).toEqual([
      'cwd_allowed[1]: lets the client start the tool in every directory',
    ]);
  });
});
