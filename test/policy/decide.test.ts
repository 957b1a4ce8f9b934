import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideTool } from '../../src/policy/decide.ts';
import { decideCall, goodPolicy, policyText, toolOf, verdictOf } from './policy-of.ts';

const NONE = { kind: 'none' } as const;

describe('decideTool', () => {
  it('denies what no rule allows, and everything where there is no rule', () => {
    expect(verdictOf({}, [])).toBe('no-rule');
    expect(verdictOf({ deny: ['x'] }, ['y'])).toBe('no-rule');
    expect(verdictOf({ allow: ['a'] }, ['b'])).toBe('no-rule');
  });

  it('lets a matching deny beat any allow, whatever their order', () => {
    expect(verdictOf({ allow: ['*', 'item delete x'], deny: ['item delete'] }, ['item', 'delete', 'x'])).toBe(
      'rule-denies',
    );
    expect(verdictOf({ allow: ['*'], deny: ['item delete'] }, ['item', 'list'])).toBe('allow');
  });

  it('needs one matching allow of several', () => {
    expect(verdictOf({ allow: ['a', 'b', 'c'] }, ['b'])).toBe('allow');
  });

  it.each(['nobody', 'constructor', '__proto__', 'toString', 'tool ', 'Tool', '', '../../bin/tool', 'tool\0'])(
    'says of the tool %j what it says of one that exists for others',
    (name) => {
      const { tools } = goodPolicy(policyText('tool', { allow: ['*'] }));
      const request = { tool: name, argv: ['x\0'], env: new Map([['A', 'b']]), cwd: '/' };
      expect(decideTool(tools, request, NONE)).toEqual({
        verdict: 'deny',
        reason: 'no-such-tool',
        rule: null,
        token: name,
        message: 'there is no such tool for this client',
        tool: name,
        rules: [],
        read: null,
        env: [],
        envDropped: 1,
      });
    },
  );

  it('gives an executor all it needs, and nothing of the request that was not decided', () => {
    const decision = decideCall(
      {
        allow: ['get *'],
        env_allow: ['LANG'],
        env_inject: { REGION: 'eu', TOKEN: { secret: 'op-token' } },
        run_as: 'op',
        redact: false,
        limits: { cpu_secs: 9, memory: '1GiB' },
        timeout_secs: 5,
        output_limit_bytes: '1KiB',
      },
      ['get', 'x'],
      { env: { LANG: 'de_DE.UTF-8', LD_PRELOAD: '/x' }, cwd: '/anywhere' },
    );
    expect(decision).toMatchObject({ verdict: 'allow', reason: null, env: ['LANG'], envDropped: 1 });
    expect(decision.verdict === 'allow' && decision.permit).toEqual({
      kind: 'cli',
      tool: 'tool',
      binary: '/usr/bin/true',
      argv: ['get', 'x'],
      env: new Map([
        ['PATH', '/usr/local/bin:/usr/bin:/bin'],
        ['USER', 'op'],
        ['LOGNAME', 'op'],
        ['LANG', 'de_DE.UTF-8'],
        ['TERM', 'dumb'],
        ['REGION', 'eu'],
      ]),
      secrets: new Map([['TOKEN', { parts: [{ kind: 'secret', name: 'op-token' }], redacted: false }]]),
      content: { output: null, input: null },
      runAs: { kind: 'user', name: 'op' },
      cwd: null,
      stdin: 'none',
      limits: {
        timeLimitMs: 5000,
        outputLimitBytes: 1024,
        killGraceMs: 2000,
        maxConcurrent: 16,
        maxConcurrentTotal: 64,
        rateLimit: null,
        resources: { cpuSeconds: 9, memoryBytes: 1024 ** 3, processes: null, openFiles: null },
      },
    });
  });

  it('refuses arguments that hold what may not be sent, whatever the action, and repeats nothing of it', () => {
    const key = `-----BEGIN PRIVATE KEY-----`;
    for (const action of ['end', 'redact']) {
      const decision = decideCall({ allow: ['*'], input_deny: [{ detector: 'private-key', action }] }, [
        'a',
        `x ${key}`,
      ]);
      expect(decision).toMatchObject({ verdict: 'deny', reason: 'content-refused', token: null, rule: null });
      expect(JSON.stringify(decision)).toContain('private-key');
      expect(JSON.stringify(decision)).not.toContain('-----BEGIN');
    }
    expect(decideCall({ allow: ['*'], input_deny: ['private-key'] }, ['a', 'b']).verdict).toBe('allow');
    expect(decideCall({ allow: ['*'], output_deny: ['private-key'] }, [`x ${key}`]).verdict).toBe('allow');
  });

  it('refuses variables that hold what may not be sent, and looks at none that is dropped', () => {
    const key = `-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ`;
    const parts = { allow: ['*'], env_allow: ['FOO'], input_deny: [{ detector: 'private-key', action: 'redact' }] };
    const decision = decideCall(parts, ['a'], { env: { FOO: `x ${key}` } });
    const message = 'a variable holds what may not be sent: private-key';
    expect(decision).toMatchObject({ verdict: 'deny', reason: 'content-refused', token: null, rule: null, message });
    expect(JSON.stringify(decision)).not.toContain('MIIEv');
    expect(verdictOf(parts, ['a'], { env: { FOO: 'x', BAR: key } })).toBe('allow');
    const named = { ...parts, input_deny: [{ pattern: '^FOO$', name: 'foo', action: 'end' }] };
    expect(verdictOf(named, ['a'], { env: { FOO: 'x' } })).toBe('content-refused');
  });

  it('has each direction looked through for its own rules', () => {
    const contentOf = (parts: object) => {
      const decision = decideCall({ allow: ['*'], ...parts }, ['a']);
      return decision.verdict === 'allow' ? decision.permit.content : undefined;
    };
    expect(contentOf({ input_deny: ['jwt'] })).toEqual({ output: null, input: expect.any(Function) });
    expect(contentOf({ output_deny: ['jwt'] })).toEqual({ output: expect.any(Function), input: null });
  });

  it('tells of each rule whether it matched, and why not', () => {
    const { rules } = decideCall({ allow: ['item get *', 'user list'], deny: ['* --reveal', 'item delete'] }, [
      'item',
      'get',
      'x',
    ]);
    expect(rules.map(({ kind, pattern, matched, why }) => [kind, pattern, matched, why])).toEqual([
      ['deny', '* --reveal', false, 'no argument is --reveal'],
      ['deny', 'item delete', false, 'nothing in its place matches delete'],
      ['allow', 'item get *', true, undefined],
      ['allow', 'user list', false, "expected 'user', found 'item'"],
    ]);
  });

  it('names the place of the rule that decided', () => {
    const allowed = decideCall({ allow: ['a', 'b'] }, ['b']);
    expect(allowed.rule).toEqual({ file: 'test.yaml', line: 8, column: 5 });
    const denied = decideCall({ allow: ['*'], deny: ['b'] }, ['b']);
    expect(denied.rule?.line).toBe(10);
    expect(decideCall({ allow: ['a'] }, ['b']).rule).toBeNull();
  });

  it('explains a denial by the rule that came furthest, and of equals by one that says more', () => {
    const parts = { allow: ['item get *', 'item list', 'user *'] };
    expect(decideCall(parts, ['item', 'get', '--reveal'])).toMatchObject({
      reason: 'option-refused',
      token: '--reveal',
    });
    expect(decideCall({ allow: ['item x', 'item *'] }, ['item', 'a\u0001'])).toMatchObject({
      reason: 'character-refused',
    });
    expect(decideCall({ allow: ['h*', 'https://a b c'] }, ['https://a', 'b', 'z'])).toMatchObject({
      reason: 'no-rule',
      token: 'z',
    });
    expect(decideCall({ allow: ['item x', 'item y'] }, ['item', 'z'])).toMatchObject({ reason: 'no-rule', token: 'z' });
  });

  it.each([[['a\0']], [['--x=\ud800']], [['\udc00a']]])('refuses %j, which no program could be given', (argv) => {
    expect(verdictOf({ allow: ['*', '--x=*'] }, argv)).toBe('character-refused');
  });

  it('refuses a variable that no program could be given, though it would be dropped', () => {
    expect(verdictOf({ allow: ['*'] }, [], { env: { A: 'b\0c' } })).toBe('character-refused');
    expect(verdictOf({ allow: ['*'] }, [], { env: { 'A\0': 'b' } })).toBe('character-refused');
    expect(verdictOf({ allow: ['*'] }, [], { env: { A: '\ud800' } })).toBe('character-refused');
  });
});

describe('stdin', () => {
  const stdinOf = (stdin: unknown, ...argv: string[]): unknown => {
    const decision = decideCall({ allow: ['*', '-'], ...(stdin === undefined ? {} : { stdin }) }, argv);
    return decision.verdict === 'allow' ? decision.permit.stdin : decision.reason;
  };

  it('is none by default', () => {
    expect(stdinOf(undefined, 'x')).toBe('none');
    expect(stdinOf('none', 'x')).toBe('none');
  });

  it('streams for all calls, or for those that match a pattern', () => {
    expect(stdinOf('stream', 'x')).toBe('stream');
    expect(stdinOf({ stream: ['item create *', 'put'] }, 'put')).toBe('stream');
    expect(stdinOf({ stream: ['item create *', 'put'] }, 'item', 'create', 'x')).toBe('stream');
    expect(stdinOf({ stream: ['item create *', 'put'] }, 'item', 'list')).toBe('none');
  });
});

describe('properties', () => {
  const word = fc.constantFrom(
    'item',
    'get',
    'x',
    '--reveal',
    '--a=b',
    '-',
    '--',
    '/srv/x',
    '/srv/../x',
    'https://h/x',
    '',
    'a\u001b',
  );
  const pattern = fc
    .array(
      fc.constantFrom('item', 'get', '*', 'x*', '--reveal', '--a=*', '-', '--', '/srv/*', 'https://h/*', "''", '?'),
      { maxLength: 4 },
    )
    .map((words) => words.join(' '));
  const patterns = fc.array(pattern, { maxLength: 3 });
  const argv = fc.array(word, { maxLength: 4 });
  const many = { numRuns: process.env['SLOW'] === undefined ? 100 : 10_000 };

  it('another deny never allows more', () => {
    fc.assert(
      fc.property(patterns, patterns, pattern, argv, (allow, deny, further, args) => {
        if (verdictOf({ allow, deny }, args) !== 'allow')
          expect(verdictOf({ allow, deny: [...deny, further] }, args)).not.toBe('allow');
      }),
      many,
    );
  });

  it('one allow less never allows more', () => {
    fc.assert(
      fc.property(patterns, pattern, argv, (allow, further, args) => {
        if (verdictOf({ allow: [...allow, further] }, args) !== 'allow')
          expect(verdictOf({ allow }, args)).not.toBe('allow');
      }),
      many,
    );
  });

  it('the order of rules means nothing', () => {
    fc.assert(
      fc.property(patterns, patterns, argv, (allow, deny, args) => {
        const verdict = decideCall({ allow, deny }, args).verdict;
        expect(decideCall({ allow: allow.toReversed(), deny: deny.toReversed() }, args).verdict).toBe(verdict);
      }),
      many,
    );
  });

  it('a deny refuses every call that the same text would allow', () => {
    fc.assert(
      fc.property(pattern, argv, (text, args) => {
        if (verdictOf({ allow: [text] }, args) === 'allow')
          expect(verdictOf({ allow: [text], deny: [text] }, args)).toBe('rule-denies');
      }),
      many,
    );
  });

  it('no call of any bytes makes it throw', () => {
    const tools = new Map([
      [
        'tool',
        toolOf({ allow: ['*', 'a* --x=*', 'https://h/*', '-m *'], deny: ['* --y z*', '*/x'], cwd_allowed: ['/srv'] }),
      ],
    ]);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.string({ unit: 'binary' }), (args, text) => {
        const request = { tool: 'tool', argv: args, env: new Map([[text, text]]), cwd: text };
        expect(decideTool(tools, request, NONE).verdict).toBe('deny');
      }),
    );
  });
});
