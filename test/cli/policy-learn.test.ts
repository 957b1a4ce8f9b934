import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { runProgram } from '../../src/cli/program.ts';
import { openAuditLog } from '../../src/engine/audit/writer.ts';
import { fingerprint } from '../../src/identity/public-key.ts';
import type { AuditEvent } from '../../src/model/audit-record.ts';
import { decision, denial, outcome } from '../engine/audit/events.ts';
import { type GatewayDirectory, keyLine, makeGatewayDirectory, someKey } from '../fixtures/gateway-directory.ts';
import { type Ran, runCommand } from './run-command.ts';

const NOW = Date.now();
const OTHER = `tools:
  gh: {type: cli, binary: /usr/bin/true, argv_allow_patterns: ["pr list *"]}
`;
const POLICY = `tools:
  gh: {type: cli, binary: /usr/bin/true, argv_deny_patterns: ["pr close"]}
  tell: {type: cli, binary: /usr/bin/true, argv_allow_patterns: ["hello"], cwd_allowed: [/usr]}
`;

let directory: GatewayDirectory;
beforeEach(() => {
  directory = makeGatewayDirectory();
  mkdirSync(join(directory.path, 'state'), { mode: 0o700 });
  directory.writePolicy('claw', POLICY);
  directory.writePolicy('other', OTHER);
  directory.writeKeys('claw-vm', keyLine('claw-vm', someKey(1), 'claw'));
  directory.writeKeys('second', keyLine('second', someKey(2), 'other') + keyLine('second', someKey(3), 'claw'));
});
afterEach(() => directory.remove());

function writeLog(...events: readonly AuditEvent[]): void {
  const log = openAuditLog({ file: join(directory.path, 'state', 'audit.jsonl'), now: () => NOW });
  for (const event of events) log.append(event);
  log.close();
}

function learn(words: readonly string[] = [], stdin: readonly string[] = []): Promise<Ran> {
  return runCommand(() => runProgram(['policy', 'learn', '--dir', directory.path, ...words]), stdin);
}

/** The lines of the answer without their indentation. */
async function learnt(...words: string[]): Promise<string[]> {
  const { status, stdout } = await learn(words);
  expect(status).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.trim());
}

function gh(...argv: string[]): AuditEvent {
  return denial({ tool: 'gh', argv });
}

/** The patterns in the answer, by policy and tool. */
function patternsIn(yaml: string): unknown[] {
  return parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) throw new Error(document.errors[0]?.message);
    return document.toJS() as unknown;
  });
}

describe('policy learn', () => {
  it('prints YAML to paste: patterns for what was denied, and as comments what is not harmless or hopeless', async () => {
    writeLog(
      gh('pr', 'view', '5', '-R', 'acme/app'),
      gh('pr', 'view', '7', '-R', 'acme/app'),
      gh('pr', 'view', '7', '-R', 'acme/app'),
      gh('pr', 'view', '7', '--web'),
      gh('pr', 'merge', '7', '--admin'),
      gh('pr', 'close', '7'),
      gh('pr', 'vew', 'x\u001b\n'),
      decision({ tool: 'gh', argv: ['api', 'x'] }),
      outcome({ tool: 'gh' }),
    );
    expect((await learn()).stdout).toBe(
      [
        '# policies/claw.yaml',
        'tools:',
        '  gh:',
        '    argv_allow_patterns:',
        '      # profile gh: what is not harmless is commented out, with what it does',
        '      - "pr view * --repo acme/app" # 3 calls',
        '      # --web opens a browser:',
        '      # - "pr view 7 --web" # 1 call',
        "      # 'pr merge' changes something; --admin changes something:",
        '      # - "pr merge 7 --admin" # 1 call',
        '      # no pattern allows these:',
        '      #   pr close 7: these arguments are denied (rule-denies), 1 call',
        "      #   pr vew 'x\\x1b\\n': subcommand 'vew' of 'pr' is not known (did you mean 'view'?) (unknown-subcommand), 1 call",
        '',
      ].join('\n'),
    );
  });

  it('proposes what allows the calls, once it is pasted', async () => {
    const calls = [
      ['say', 'a b', `it's "x"`],
      ['say', '*', '[x]'],
      ['put', '--n=é\u202e', '\u{1f600}', ''],
      ['get', 'https://a.example/x/1'],
      ['get', 'https://a.example/x/2'],
      [],
    ];
    writeLog(...calls.map((argv) => denial({ tool: 'tell', argv })));
    const { stdout } = await learn();
    expect(stdout).not.toContain('\u202e');
    const [pasted] = patternsIn(stdout) as [{ tools: { tell: { argv_allow_patterns: string[] } } }];
    const patterns = pasted.tools.tell.argv_allow_patterns;
    directory.writePolicy(
      'claw',
      `tools: {tell: {type: cli, binary: /usr/bin/true, argv_allow_patterns: ${JSON.stringify(patterns)}}}`,
    );
    directory.writeKeys('second', keyLine('second', someKey(2), 'other'));
    const policy = join(directory.policiesDirectory, 'claw.yaml');
    const explain = ['policy', 'explain', '--policy', policy, '--stdin', '--json'];
    const requests = calls.map((argv) => `${JSON.stringify({ tool: 'tell', argv })}\n`);
    const explained = await runCommand(() => runProgram(explain), requests);
    expect(explained.stdout.match(/"verdict":"allow"/g)).toHaveLength(calls.length);
    expect((await learn()).stdout).toContain('# allowed already: 6 calls\n');
  });

  it('takes each client by its own policies, and the key that it used', async () => {
    const keyOf = (number: number): string => fingerprint(Buffer.from(someKey(number).split(' ')[1] ?? '', 'base64'));
    writeLog(
      denial({ tool: 'gh', argv: ['issue', 'list'], client: 'claw-vm' }),
      denial({ tool: 'gh', argv: ['issue', 'view', '1'], client: 'second', key: keyOf(2) }),
      denial({ tool: 'gh', argv: ['issue', 'status'], client: 'second', key: keyOf(3) }),
      denial({ tool: 'tell', argv: ['x'], client: 'second', key: keyOf(2) }),
      denial({ tool: 'tell', argv: ['y'], client: 'gone' }),
      denial({ tool: 'gh', argv: ['z'], client: 'gone' }),
      denial({ tool: 'bash', argv: ['-c', 'id'] }),
    );
    const { stdout } = await learn();
    expect(patternsIn(stdout)).toEqual([
      {
        tools: {
          gh: { argv_allow_patterns: ['issue list', 'issue status'] },
          tell: { argv_allow_patterns: ['x', 'y'] },
        },
      },
      { tools: { gh: { argv_allow_patterns: ['issue view 1'] } } },
    ]);
    expect(stdout).toMatch(/\n---\n# policies\/other\.yaml\n/);
    expect(stdout).toContain('# gh: 1 call, and whoever made it has no tool of that name\n');
    expect(stdout).toContain('# bash: 1 call, and whoever made it has no tool of that name\n');
  });

  it('reads only what is asked for', async () => {
    writeLog(
      gh('issue', 'list'),
      denial({ tool: 'tell', argv: ['x'] }),
      denial({ tool: 'gh', argv: ['pr', 'diff'], client: 'second' }),
    );
    expect(await learnt('--tool', 'tell')).toContain('- "x" # 1 call');
    expect(await learnt('--tool', 'tell')).not.toContain('gh:');
    expect((await learnt('--client', 'second')).join()).not.toContain('issue list');
    expect((await learnt('--since', '1h')).join()).toContain('issue list');
    const none = await learn(['--since', '2999-01-01T00:00:00Z']);
    expect(none).toEqual({ status: 0, stdout: '', stderr: 'carapace: no denied call matches\n' });
    expect((await learn(['--since', 'soon'])).status).toBe(64);
  });

  it('opens the working directory that the client named', async () => {
    writeLog(denial({ tool: 'tell', argv: ['x'], cwd: '/usr' }), denial({ tool: 'tell', argv: ['y'], cwd: '/etc' }));
    const lines = await learnt();
    expect(lines).toContain('- "x" # 1 call');
    expect(lines).toContain('#   y: working directory is not allowed (cwd-refused), 1 call');
  });

  it('says what * stands for where the log holds no value, and what it could not learn from', async () => {
    writeLog(
      denial({ tool: 'tell', argv: ['login', '--token', '[redacted]'] }),
      denial({ tool: 'tell', argv: null }),
      denial({ tool: 'tell', argv: ['x'], argvCut: true }),
      denial({ tool: null, argv: null, reason: 'malformed' }),
      { event: 'coalesced', of: 'decision', source: 'claw-vm', count: 7, reasons: {}, since: '2027-01-01T00:00:00Z' },
    );
    const { stdout, stderr } = await learn();
    expect(stdout).toContain(
      '      # a value in it is redacted in the audit log, so * stands for any:\n      - "login --token *" # 1 call\n',
    );
    expect(stderr).toContain(
      'carapace: warning: audit log: 2 of the denied calls are recorded without all of their arguments\n',
    );
    expect(stderr).toContain('carapace: warning: audit log: 7 denials were counted and not recorded, ');
  });

  it('gives programs the same', async () => {
    writeLog(
      gh('pr', 'view', '5', '--web'),
      gh('pr', 'vew'),
      denial({ tool: 'tell', argv: ['hello'] }),
      denial({ tool: 'no', argv: [] }),
    );
    const { stdout } = await learn(['--json']);
    expect(JSON.parse(stdout)).toEqual({
      tools: [
        {
          tool: 'gh',
          policy: 'policies/claw.yaml',
          profile: 'gh',
          proposals: [
            {
              pattern: 'pr view 5 --web',
              harmless: false,
              findings: [{ what: '--web', does: 'opens a browser', class: 'opens-browser' }],
              open: false,
              calls: [{ argv: ['pr', 'view', '5', '--web'], times: 1 }],
            },
          ],
          refused: [
            {
              argv: ['pr', 'vew'],
              times: 1,
              reason: 'unknown-subcommand',
              message: "subcommand 'vew' of 'pr' is not known (did you mean 'view'?)",
            },
          ],
          allowed: [],
        },
        {
          tool: 'tell',
          policy: 'policies/claw.yaml',
          profile: null,
          proposals: [],
          refused: [],
          allowed: [{ argv: ['hello'], times: 1 }],
        },
      ],
      unknown: [{ tool: 'no', times: 1 }],
    });
  });

  it('with --stdin learns from requests a line, and needs no log', async () => {
    const lines = ['{"tool":"tell","argv":["a"]}\n', 'no request\n', '{"tool":"gh","argv":["issue","list"]}\n'];
    const file = join(directory.policiesDirectory, 'claw.yaml');
    const words = ['policy', 'learn', '--stdin', '--policy', file];
    const ran = await runCommand(() => runProgram(words), lines);
    expect(ran.status).toBe(0);
    expect(patternsIn(ran.stdout)).toEqual([
      { tools: { tell: { argv_allow_patterns: ['a'] }, gh: { argv_allow_patterns: ['issue list'] } } },
    ]);
    expect(ran.stderr).toBe('carapace: warning: standard input: 1 of the lines are no requests\n');
    const one = await runCommand(() => runProgram([...words, '--tool', 'gh']), lines);
    expect(one.stdout).not.toContain('tell');
    // Two policies of the directory have gh: without a client nobody knows which is meant.
    expect((await learn(['--stdin'], lines)).stdout).toContain('# gh: 1 call, and whoever made it has no tool');
    expect((await learn(['--stdin', '--client', 'x'])).status).toBe(64);
  });

  it('ends with 65 where a policy does not load, and 69 where there is no log', async () => {
    expect((await learn()).status).toBe(69);
    writeFileSync(join(directory.policiesDirectory, 'other.yaml'), 'tools: {gh: {}}\n');
    const { status, stderr } = await learn();
    expect(status).toBe(65);
    expect(stderr).toContain('carapace: error: policies/other.yaml:1:');
    const twice = ['claw', 'claw'].map((name) => join(directory.policiesDirectory, `${name}.yaml`));
    const ran = await learn(['--stdin', ...twice.flatMap((file) => ['--policy', file])]);
    expect(ran.status).toBe(65);
  });

  it('says in its help that denials are all that it needs', async () => {
    const { status, stdout } = await learn(['--help']);
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain('Every denied call is recorded, so there is no mode to switch on');
  });
});
