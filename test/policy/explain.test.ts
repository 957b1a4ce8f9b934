import { describe, expect, it } from 'vitest';
import { explainDecision } from '../../src/policy/explain.ts';
import { decideCall } from './policy-of.ts';

describe('explainDecision', () => {
  it('tells of an allow: the rule that decided, the others, and what runs', () => {
    const decision = decideCall(
      { allow: ['item get *', 'user *'], deny: ['* --reveal'], env_allow: ['LANG'], stdin: 'stream' },
      ['item', 'get', 'x'],
      { env: { LANG: 'C', X: 'y' } },
    );
    expect(explainDecision(decision).split('\n')).toEqual([
      'allow: tool',
      '  read        word by word: no profile says what its options are',
      '  decided by  test.yaml:7',
      "  deny   test.yaml:11  '* --reveal'  no: no argument is --reveal",
      "  allow  test.yaml:7  'item get *'  matches",
      "  allow  test.yaml:8  'user *'  no: expected 'user', found 'item'",
      '  runs        /usr/bin/true',
      '  starts in   an empty directory of its own',
      "  stdin       the client's",
      '  time limit  30 s',
      "  client's variables  LANG passed, 1 dropped",
    ]);
  });

  it('tells of a denial: its reason and the argument at fault', () => {
    const lines = explainDecision(decideCall({ allow: ['item *'] }, ['item', '--reveal'], { env: { X: 'y' } })).split(
      '\n',
    );
    expect(lines[0]).toBe("deny: tool: option --reveal is not allowed (option-refused at '--reveal')");
    expect(lines.at(-1)).toBe("  client's variables  none passed, 1 dropped");
    expect(explainDecision(decideCall({}, []))).toBe('deny: tool: no rule allows these arguments (no-rule)');
  });

  it('shows how a profile reads the arguments: subcommand, options with value and class, operands', () => {
    const parts = { profile: 'gh', allow: ['pr view *'], options: { '--template': 'deny' } };
    const lines = explainDecision(decideCall(parts, ['pr', 'view', '-qx', '5', '--web', '-R', 'a/b'])).split('\n');
    expect(lines).toEqual([
      "deny: tool: option --web is not allowed (option-refused at '--web')",
      '  subcommand  pr view',
      "  option      -q 'x'  (safe)",
      '  option      --web  (opens-browser)',
      "  option      -R 'a/b'  (safe)",
      "  operand     '5'",
      '  allow  test.yaml:7  \'pr view *\'  no: option --web: it is of class opens-browser, and no wildcard stands for it: spell it in the pattern, or set options: {"--web": allow}',
    ]);
    const off = explainDecision(decideCall(parts, ['pr', 'list', '--web=false'])).split('\n');
    expect(off.slice(1, 3)).toEqual(['  subcommand  pr list', '  option      --web switched off  (opens-browser)']);
    expect(explainDecision(decideCall(parts, []))).toContain('\n  subcommand  none\n');
  });

  it('names the directory that the tool starts in', () => {
    expect(explainDecision(decideCall({ allow: ['*'], cwd_allowed: ['/'] }, []))).toContain('starts in   /');
  });

  it('prints nothing that could forge a line', () => {
    const text = explainDecision(
      decideCall({ allow: ['x', '"a\n\tb" *'], deny: ['"y\nz"'] }, ['\u001b[2K\nallow: tool', '\u202e']),
    );
    expect(text.split('\n')).toHaveLength(5);
    expect(text).not.toMatch(/[^\x20-\x7e\n]/);
    const hostile = '\u001b[2K\n\u202e';
    const read = explainDecision(decideCall({ profile: 'gh' }, ['pr', 'view', hostile, `-q${hostile}`, hostile]));
    expect(read).not.toMatch(/[^\x20-\x7e\n]/);
    expect(read.split('\n')).toHaveLength(5);
  });
});
