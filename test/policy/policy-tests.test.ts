import { describe, expect, it } from 'vitest';
import { loadProfiles } from '../../src/engine/profile-files.ts';
import { compilePolicy } from '../../src/policy/load.ts';
import { type PolicyTestResult, runPolicyTests } from '../../src/policy/policy-tests.ts';
import { policyText, type ToolParts } from './policy-of.ts';

function results(parts: ToolParts): PolicyTestResult[] {
  const compiled = compilePolicy({
    name: 'x',
    file: 'x.yaml',
    text: policyText('tool', parts),
    profiles: loadProfiles(null),
  });
  if (!compiled.ok) throw new Error('policy is not good');
  return runPolicyTests(compiled.policy);
}

function passed(parts: ToolParts): boolean[] {
  return results(parts).map(({ problem }) => problem === null);
}

describe('runPolicyTests', () => {
  it('splits a call as a shell splits words', () => {
    const tests = [{ allow: String.raw`item get "My Password" it\'s 'a\b'` }, { deny: 'item get My Password' }];
    const allow = [String.raw`item get 'My Password' it\'s 'a\b'`];
    expect(passed({ allow, tests })).toEqual([true, true]);
  });

  it('takes a call in parts', () => {
    const tests = [
      { allow: { argv: ['-m', 'two words', ''] } },
      { allow: { argv: [], cwd: '/srv/x' } },
      { deny: { argv: [], cwd: '/etc' }, reason: 'cwd-refused' },
      { deny: { argv: [], cwd: '/srv/../etc' }, reason: 'cwd-refused' },
      { allow: { argv: [], env: { LANG: 'C' } } },
    ];
    expect(passed({ allow: ["-m * ''", ''], cwd_allowed: ['/srv'], tests })).toEqual(Array(5).fill(true));
  });

  it('compares the reason of a denial where the test names one', () => {
    const tests = [
      { deny: 'x', reason: 'no-rule' },
      { deny: 'x', reason: 'option-refused' },
      { deny: '--x', reason: 'option-refused' },
    ];
    expect(passed({ tests })).toEqual([true, false, false]);
  });

  it('says what was expected and what came, with its place', () => {
    const [result] = results({ tests: [{ allow: '' }] });
    expect(result?.problem).toMatchObject({
      severity: 'error',
      place: { file: 'x.yaml' },
      path: 'tools.tool.tests[0]',
      message: 'test failed: expected allow, got deny (no-rule): no rule allows these arguments; arguments: none',
    });
    const [other] = results({ tests: [{ deny: '--x', reason: 'value-refused' }], allow: ['y'] });
    expect(other?.problem?.message).toContain('expected deny (value-refused), got deny (option-refused)');
  });
});
