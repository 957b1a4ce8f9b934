import { readFileSync } from 'node:fs';
import { loadProfiles } from '../../src/engine/profile-files.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/model/problem.ts';
import { compilePolicy, loadPolicy } from '../../src/policy/load.ts';
import { cliTools, httpTools, mergePolicies } from '../../src/policy/policy.ts';
import { goodPolicy, policyText, problemsIn, toolOf } from './policy-of.ts';

/** A tool that is good but for the lines given, which stand from line 5 on. */
function withLines(...lines: string[]): string {
  return [
    'tools:',
    '  op:',
    '    type: cli',
    '    binary: /usr/bin/op',
    ...lines.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/policies/${name}`, import.meta.url), 'utf8');
}

describe('defaults', () => {
  it('are filled in', () => {
    expect(toolOf({})).toMatchObject({
      type: 'cli',
      name: 'tool',
      binary: '/usr/bin/true',
      allow: [],
      deny: [],
      stdin: 'none',
      envAllow: { names: new Set(), locale: false },
      envInject: new Map(),
      user: 'carapace',
      cwdAllowed: null,
      audit: { logArgv: true, redactPatterns: [] },
      showPatterns: true,
      tests: [],
      limits: {
        timeLimitMs: 30_000,
        outputLimitBytes: null,
        killGraceMs: 2000,
        maxConcurrent: 16,
        maxConcurrentTotal: 64,
        rateLimit: null,
        resources: null,
      },
    });
  });

  it('give way to what the policy says', () => {
    const tool = toolOf({
      stdin: { stream: ['put *'] },
      env_allow: ['LANG', 'LC_*'],
      env_inject: { A: 'b' },
      cwd_allowed: ['/srv'],
      timeout_secs: 2,
      output_limit_bytes: 5,
      max_concurrent: 3,
      max_concurrent_total: 4,
      rate_limit: { max_requests: 7, window_secs: 60 },
      audit: { log_argv: false, redact_patterns: ['--pin'] },
      show_patterns: false,
      profile: 'none',
    });
    expect(tool).toMatchObject({
      envAllow: { names: new Set(['LANG']), locale: true },
      envInject: new Map([['A', 'b']]),
      cwdAllowed: ['/srv'],
      limits: {
        timeLimitMs: 2000,
        outputLimitBytes: 5,
        maxConcurrent: 3,
        maxConcurrentTotal: 4,
        rateLimit: { maxRequests: 7, windowMs: 60_000 },
      },
      audit: { logArgv: false, redactPatterns: ['--pin'] },
      showPatterns: false,
    });
    expect(Array.isArray(tool.stdin) && tool.stdin.map(({ pattern }) => pattern)).toEqual(['put *']);
  });

  it('keep arguments out of the audit log where audit is not enabled', () => {
    expect(toolOf({ audit: { enabled: false } }).audit.logArgv).toBe(false);
    expect(toolOf({ audit: { enabled: true } }).audit.logArgv).toBe(true);
  });

  it('take the user that tools run as', () => {
    const loaded = loadPolicy({
      name: 'x',
      file: 'x',
      text: policyText('tool', {}),
      user: 'austin',
      profiles: loadProfiles(null),
    });
    expect(loaded.ok && cliTools(loaded.policy.tools).get('tool')?.user).toBe('austin');
  });

  it.each([
    ['512', 512],
    ['512B', 512],
    ['64KiB', 65_536],
    ['100MiB', 104_857_600],
    ['1GiB', 1_073_741_824],
    [1, 1],
    [null, null],
  ])('read the size %s as %s bytes', (size, bytes) => {
    expect(toolOf({ output_limit_bytes: size }).limits.outputLimitBytes).toBe(bytes);
  });

  it('take null for absent where an absent value means no limit', () => {
    expect(toolOf({ cwd_allowed: null, rate_limit: null })).toMatchObject({
      cwdAllowed: null,
      limits: { rateLimit: null },
    });
  });
});

const WRITTEN_OUT =
  "looks like a secret that is written out; keep it with 'carapace secret set', or say {value: ..., secret: false}";

describe('a policy', () => {
  it('knows its name, its digest and the places of its rules', () => {
    const text = withLines('argv_allow_patterns:', '  - item list', '  - "item get *"');
    const policy = goodPolicy(text);
    expect(policy).toMatchObject({ name: 'test', file: 'test.yaml', warnings: [] });
    expect(policy.digest).toMatch(/^[0-9a-f]{64}$/);
    const tool = cliTools(policy.tools).get('op');
    expect(tool?.place).toEqual({ file: 'test.yaml', line: 2, column: 3 });
    expect(tool?.secretPlaces).toEqual(new Map());
    expect(tool?.binaryPlace).toEqual({ file: 'test.yaml', line: 4, column: 13 });
    expect(tool?.allow.map(({ pattern, place }) => [pattern, place.line, place.column])).toEqual([
      ['item list', 6, 9],
      ['item get *', 7, 9],
    ]);
  });

  it('may define no tool, with or without a version', () => {
    expect(goodPolicy('tools: {}').tools.size).toBe(0);
    expect(goodPolicy('version: 1\ntools: {}').tools.size).toBe(0);
  });

  it('takes plain words of YAML 1.2 for text', () => {
    expect(goodPolicy(withLines('argv_allow_patterns: [yes, no, on]')).tools.get('op')?.allow).toHaveLength(3);
  });

  it.each([
    ['password-manager.yaml', []],
    // The tool has no such subcommand, and its profile knows that.
    ['calendar.yaml', ["no call can match it: subcommand 'help' of 'calendar' is not known", WRITTEN_OUT]],
  ])('loads the older file %s unchanged, and warns only of what never worked: %j', (name, warnings) => {
    expect(goodPolicy(fixture(name)).warnings.map(({ message }) => message)).toEqual(warnings);
  });

  it('loads an older file with a reference that never worked, and warns', () => {
    expect(goodPolicy(fixture('vault-reference.yaml')).warnings.map(formatProblem)).toEqual([
      "test.yaml:7:28: tools.gh.env_inject.GH_TOKEN: '{{ ... }}' is passed on as it stands; no value is filled in",
      `test.yaml:7:28: tools.gh.env_inject.GH_TOKEN: ${WRITTEN_OUT}`,
    ]);
  });

  it('loads an older file with an http tool, and says what its JSON-RPC keys mean', () => {
    const { tools, warnings } = goodPolicy(fixture('http-tool.yaml'));
    expect(
      httpTools(tools)
        .get('signal-cli')
        ?.allow.map(({ pattern }) => pattern),
    ).toEqual(['POST /**', 'GET /api/v1/events']);
    expect(warnings.map(formatProblem)).toEqual([
      "test.yaml:3:5: tools.signal-cli: has no 'allow', which means 'POST /**' and 'GET /api/v1/events', without a query",
    ]);
  });
});

describe('problems', () => {
  it('are all reported at once, by position, with the nearest word', () => {
    const text = withLines(
      'timout_secs: 3',
      'timeout_secs: 0',
      'argv_allow_patterns: ["item [get", 3]',
      'argv_deny_patterns: ["it\'s"]',
      'rate_limit: {max_requests: 1, window_sec: 3}',
      'audit: {log_args: true}',
      'tests: [{alow: x}]',
    );
    expect(problemsIn(`${text}toolz: {}\n`)).toEqual([
      "test.yaml:5:5: tools.op.timout_secs: unknown key 'timout_secs' (did you mean 'timeout_secs'?)",
      'test.yaml:6:19: tools.op.timeout_secs: expected at least 1, found 0',
      "test.yaml:7:27: tools.op.argv_allow_patterns[0]: '[get' begins a class that is not closed; write \\[ for the character itself",
      'test.yaml:7:40: tools.op.argv_allow_patterns[1]: expected text, found 3; put it in quotes',
      "test.yaml:8:26: tools.op.argv_deny_patterns[0]: a single quote is not closed; write \\' for the character itself",
      "test.yaml:9:17: tools.op.rate_limit: 'window_secs' is missing",
      "test.yaml:9:35: tools.op.rate_limit.window_sec: unknown key 'window_sec' (did you mean 'window_secs'?)",
      "test.yaml:10:13: tools.op.audit.log_args: unknown key 'log_args' (did you mean 'log_argv'?)",
      "test.yaml:11:13: tools.op.tests[0]: expected exactly one of 'allow' and 'deny'",
      "test.yaml:11:14: tools.op.tests[0].alow: unknown key 'alow' (did you mean 'allow'?)",
      "test.yaml:12:1: toolz: unknown key 'toolz' (did you mean 'tools'?)",
    ]);
  });

  it.each([
    ['', "test.yaml:1:1: the file is empty; expected 'tools:'"],
    ['# nothing\n', "test.yaml:1:1: the file is empty; expected 'tools:'"],
    ['null', 'test.yaml:1:1: expected a mapping, found nothing'],
    ['- a', 'test.yaml:1:1: expected a mapping, found a list'],
    ['tools:', 'test.yaml:1:7: tools: expected a mapping, found nothing'],
    ['version: 1', "test.yaml:1:1: 'tools' is missing"],
    ['version: 2\ntools: {}', 'test.yaml:1:10: version: version 2 is not in this version; expected 1'],
    [
      'tools:\n  a: &x {type: cli, binary: /x}\n  b: *x',
      "test.yaml:3:6: aliases are not allowed; write the value again, or put text that begins with '*' in quotes",
    ],
    ['tools: !!js 1', 'test.yaml:1:8: unresolved tag: tag:yaml.org,2002:js'],
    ['tools: {}\n---\ntools: {}', 'test.yaml:2:1: a second document begins; a policy file is one'],
    ['tools: {}\ntools: {}', 'test.yaml:2:1: this key stands twice in its mapping'],
    ['tools: {', 'test.yaml:1:9: flow map in block collection must be sufficiently indented and end with a }'],
    ['? [a]\n: b', 'test.yaml:1:3: with stringKeys, all keys must be strings'],
  ])('of the file %j', (text, problem) => expect(problemsIn(text)[0]).toBe(problem));

  it.each([
    ['binary: bin/op', "tools.op.binary: 'bin/op' is not an absolute path"],
    ['binary: /usr/../bin/op', "tools.op.binary: '/usr/../bin/op' holds a '..' segment"],
    ['binary: /usr//bin/op', "tools.op.binary: '/usr//bin/op' holds an empty or '.' segment; write the plain path"],
    ['binary: /usr/./bin/op', "tools.op.binary: '/usr/./bin/op' holds an empty or '.' segment; write the plain path"],
    ['binary: /usr/bin/', "tools.op.binary: '/usr/bin/' ends in '/'; leave it out"],
    ['binary: "/usr/\\0"', "tools.op.binary: '/usr/\\x00' holds NUL or a lone surrogate"],
    ['binary: 3', 'tools.op.binary: expected text, found 3; put it in quotes'],
    ['binary: {path: /x}', 'tools.op.binary: expected text, found a mapping'],
  ])('of the program: %s', (line, problem) => {
    const text = withLines(line).replace('    binary: /usr/bin/op\n', '');
    expect(problemsIn(text)).toEqual([expect.stringContaining(problem) as string]);
  });

  it('of a program that is missing', () => {
    expect(problemsIn('tools:\n  op:\n    type: cli\n')).toEqual(["test.yaml:3:5: tools.op: 'binary' is missing"]);
  });

  it.each([
    ['profile: gitt', "there is no profile 'gitt'"],
    ['sha256: abc', "'sha256' is not in this version"],
    ['sandbox: true', "'sandbox' is not in this version"],
  ])('of what is not in this version: %s', (line, problem) => {
    expect(problemsIn(withLines(line)).join('\n')).toContain(problem);
  });

  it('of types of tools', () => {
    expect(problemsIn('tools: {a: {type: stdio}}')[0]).toContain(
      "type 'stdio' is not in this version; expected cli or http",
    );
    expect(problemsIn('tools: {a: {type: clli}}')[0]).toContain("expected cli or http, found 'clli'");
    expect(problemsIn('tools: {a: {type: 3}}')[0]).toContain('expected cli or http, found 3');
    expect(problemsIn('tools: {a: {binary: /x}}')[0]).toContain("'type' is missing");
    expect(problemsIn('tools: {a: }')[0]).toContain('expected a mapping, found nothing');
  });

  it.each([
    ['env_allow: [PATH]', "'PATH' is never set by a client"],
    ['env_allow: ["FOO*"]', "'FOO*' holds a wildcard"],
    ['env_inject: {"A=B": x}', "'A=B' is no name of a variable"],
    ['env_inject: {CARAPACE_CALL: x}', "'CARAPACE_CALL' is the gateway's own mark"],
    ['env_inject: {PIN: 12345}', 'expected text; put it in quotes'],
    [
      'env_inject: {PIN: {command: [/usr/bin/sleep, 20]}}',
      'env_inject.PIN: command[1]: expected text; put it in quotes',
    ],
    ['env_inject: {A: "x\\0"}', 'value holds NUL or a lone surrogate'],
    ['output_deny: [privat-key]', "'privat-key' is no detector"],
    ['input_deny: [{pattern: "(", name: x, action: end}]', "'(' "],
    ['run_as: "a b"', 'expected the name of a user'],
    ['limits: {memory: 0}', 'expected at least 1'],
    ['cwd_allowed: []', 'is empty; leave it out, or list what is allowed'],
    ['cwd_allowed: [srv]', "'srv' is not an absolute path"],
    ['cwd_allowed: [/srv/]', "'/srv/' ends in '/'"],
    ['cwd_allowed: [/proc/self]', 'lies in /proc, /sys or /dev'],
    ['cwd_allowed: [/dev]', 'lies in /proc, /sys or /dev'],
    ['stdin: strem', 'expected none, stream, or {stream: [patterns]}'],
    ['stdin: {stream: []}', 'is empty; leave it out, or list what is allowed'],
    ['stdin: {stream: ["[file]"]}', 'spells a word'],
    ['timeout_secs: 1.5', 'expected a whole number, found 1.5'],
    ['timeout_secs: -1', 'expected at least 1, found -1'],
    ['timeout_secs: 604801', 'expected at most 604800, found 604801'],
    ['timeout_secs: ten', "expected a number, found 'ten'"],
    ['output_limit_bytes: 0', 'expected at least 1, found 0'],
    ['output_limit_bytes: 10MB', 'expected a number of bytes above 0'],
    ['output_limit_bytes: 9007199254740993GiB', 'expected a number of bytes above 0'],
    ['max_concurrent: 0', 'expected at least 1'],
    ['max_concurrent_total: 0', 'expected at least 1'],
    ['rate_limit: {max_requests: 0, window_secs: 1}', 'expected at least 1'],
    ['rate_limit: {max_requests: 1, window_secs: 0}', 'expected at least 1'],
    ['audit: true', 'expected a mapping, found true'],
    ['audit: {enabled: 1}', 'expected true or false, found 1'],
    ['audit: {redact_patterns: [""]}', 'expected at least 1'],
    ['show_patterns: "no"', "expected true or false, found 'no'"],
    ['argv_allow_patterns: item list', "expected a list, found 'item list'"],
    ['argv_allow_patterns: ["--re*"]', "an option's name holds no wildcard in an allow"],
    ['tests: [{allow: "a \'b"}]', 'a single quote is not closed'],
    ['tests: [{allow: a, deny: b}]', "expected exactly one of 'allow' and 'deny'"],
    ['tests: [{allow: a, reason: no-rule}]', "'reason' goes with 'deny'"],
    ['tests: [{deny: a, reason: no-rul}]', "(did you mean 'no-rule'?)"],
    ['tests: [{allow: 3}]', 'expected the arguments as a shell would split them'],
    ['tests: [x]', "expected a mapping, found 'x'"],
  ])('of the value in %s', (line, problem) => {
    expect(problemsIn(withLines(line)).join('\n')).toContain(problem);
  });

  it('show no value of an injected variable', () => {
    const problems = problemsIn(withLines('env_inject: {PIN: 271828, A: "hunter2\\0", B: "${secret:hunter3}"}')).join(
      '\n',
    );
    expect(problems).not.toMatch(/271828|hunter/);
  });

  it('of names that no tool may have', () => {
    for (const name of [
      'Op',
      '1op',
      'o p',
      'help',
      'check',
      'shim',
      'carapace',
      'carapace-x',
      'a/b',
      '../x',
      `a${'b'.repeat(64)}`,
      '""',
    ]) {
      expect(problemsIn(`tools: {${name}: {type: cli, binary: /x}}`).join('\n'), name).toContain(
        'is no name for a tool',
      );
    }
  });

  it('of keys that reach the prototype of objects', () => {
    expect(problemsIn('tools: {__proto__: {type: cli, binary: /x}}')[0]).toContain("unknown key '__proto__'");
    expect(problemsIn('__proto__: {}\ntools: {}')[0]).toContain("unknown key '__proto__'");
    expect(problemsIn(withLines('env_inject: {__proto__: x}')).join('\n')).toContain("unknown key '__proto__'");
    expect(cliTools(goodPolicy('tools: {constructor: {type: cli, binary: /x}}').tools).get('constructor')?.binary).toBe(
      '/x',
    );
  });

  it('are named as the file was, escaped', () => {
    const loaded = loadPolicy({ name: 'x', file: 'a\u001b.yaml', text: '', profiles: loadProfiles(null) });
    expect(!loaded.ok && loaded.problems.map(formatProblem)[0]).toMatch(/^a\\x1b\.yaml:1:1: /);
  });

  it('come for every key that the schema does not know, wherever it stands', () => {
    const key = fc.stringMatching(/^[a-z_]{1,12}$/);
    const known = new Set(['version', 'tools', 'audit', 'tests', 'stdin', 'profile', 'binary', 'type']);
    fc.assert(
      fc.property(
        key,
        fc.constantFrom('', '    ', '    audit: {', '    rate_limit: {max_requests: 1, window_secs: 1, '),
        (name, where) => {
          fc.pre(!known.has(name) && !/^(argv|env|cwd|time|output|max|rate|show|enab|log|redact|window)/.test(name));
          const line = `${where}${name}: 1${where.includes('{') ? '}' : ''}`;
          expect(
            loadPolicy({ name: 'x', file: 'x', text: `${withLines()}${line}\n`, profiles: loadProfiles(null) }).ok,
          ).toBe(false);
        },
      ),
    );
  });

  it('are values for any text: loading never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => void loadPolicy({ name: 'x', file: 'x', text, profiles: loadProfiles(null) }),
      ),
    );
    fc.assert(
      fc.property(
        fc.json(),
        (text) => void loadPolicy({ name: 'x', file: 'x', text: `tools: {a: ${text}}`, profiles: loadProfiles(null) }),
      ),
    );
  });
});

describe('tests of a policy', () => {
  const failing = withLines(
    'argv_allow_patterns: ["item get *"]',
    'tests:',
    '  - allow: item put x',
    '  - deny: item get x',
  );

  it('are errors of the policy where they fail', () => {
    expect(problemsIn(failing)).toEqual([
      "test.yaml:7:9: tools.op.tests[0]: test failed: expected allow, got deny (unknown-subcommand): subcommand 'put' of 'item' is not known; arguments: 'item' 'put' 'x'",
      "test.yaml:8:9: tools.op.tests[1]: test failed: expected deny, got allow by line 5; arguments: 'item' 'get' 'x'",
    ]);
  });

  it('are not run where somebody else runs them', () => {
    expect(compilePolicy({ name: 'x', file: 'x', text: failing, profiles: loadProfiles(null) }).ok).toBe(true);
  });
});

describe('mergePolicies', () => {
  const a = goodPolicy(policyText('a', {}));
  const b = goodPolicy(policyText('b', {}));

  it('is the union of their tools', () => {
    const merged = mergePolicies([a, b]);
    expect(merged.ok && [...merged.tools.keys()]).toEqual(['a', 'b']);
    expect(mergePolicies([])).toEqual({ ok: true, tools: new Map() });
  });

  it('refuses the same tool from two policies, and takes one policy twice for one', () => {
    const merged = mergePolicies([a, b, goodPolicy(policyText('a', {}))]);
    expect(!merged.ok && merged.problems.map(formatProblem)).toEqual([
      'test.yaml:3:3: tools.a: is also defined in test.yaml:3; a key gets each tool from one policy',
    ]);
    expect(mergePolicies([a, a]).ok).toBe(true);
  });
});
