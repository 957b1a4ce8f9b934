import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideTool } from '../../../src/policy/decide.ts';
import { type CliTool, cliTools } from '../../../src/policy/policy.ts';
import { type Decide, type Learned, proposePatterns, type TriedCall } from '../../../src/policy/learn/propose.ts';
import type { WorkingDirectory } from '../../../src/policy/working-directory.ts';
import { redactArgv } from '../../../src/policy/redact.ts';
import { argvOf, casesOf, profileNames } from '../../profiles/profile-cases.ts';
import { goodPolicy, policyText, type ToolParts } from '../policy-of.ts';

/** Decides as the gateway does where every directory that is named exists. */
const decide: Decide = (tool, { argv, cwd }) => {
  const { cwdAllowed: allowed } = tool;
  const path = cwd ?? allowed?.[0] ?? '/';
  const directory: WorkingDirectory =
    allowed === null ? { kind: 'none' } : { kind: 'opened', directory: { path, dev: '0', ino: '0' }, allowed };
  return decideTool(new Map([[tool.name, tool]]), { tool: tool.name, argv, env: new Map(), cwd }, directory);
};

function toolOf(name: string, parts: ToolParts): CliTool {
  const tool = cliTools(goodPolicy(policyText(name, parts)).tools).get(name);
  if (tool === undefined) throw new Error('no tool');
  return tool;
}

function called(...argvs: (readonly string[])[]): TriedCall[] {
  return argvs.map((argv) => ({ argv, cwd: undefined, times: 1 }));
}

/** Learns from calls as they are typed. */
function learn(name: string, parts: ToolParts, ...typed: string[]): Learned {
  return proposePatterns(toolOf(name, parts), called(...typed.map(argvOf)), decide);
}

function harmless({ proposals }: Learned): string[] {
  return proposals.flatMap(({ pattern, findings }) => (findings.length === 0 ? [pattern] : []));
}

function others({ proposals }: Learned): [string, string][] {
  return proposals.flatMap(({ pattern, findings }): [string, string][] =>
    findings.length === 0 ? [] : [[pattern, findings.map(({ what, does }) => `${what} ${does}`).join('; ')]],
  );
}

describe('without a profile', () => {
  it.each<[string, string[], string[]]>([
    [
      'spells what was always the same',
      ['item list --vault Shared', 'item list --vault Shared'],
      ['item list --vault Shared'],
    ],
    ['puts * where values varied', ['item list --vault A', 'item list --vault B'], ['item list --vault *']],
    ['puts * where operands varied', ['item get a --full', 'item get b --full'], ['item get * --full']],
    ['takes the words of the verb for what they are', ['item get a', 'item edit a'], ['item get a', 'item edit a']],
    ['takes what looks like no word for an operand', ['view 12', 'view 13'], ['view *']],
    ['never takes the first word for anything', ['a1 x', 'a2 x'], ['a1 x', 'a2 x']],
    ['keeps forms with other options apart', ['get a --x 1', 'get a --y 1'], ['get a --x 1', 'get a --y 1']],
    ['goes no further up than the directory of all paths', ['cat /srv/a/1', 'cat /srv/a/2'], ['cat /srv/a/*']],
    ['takes another directory for anything', ['cat /srv/1', 'cat /etc/2'], ['cat *']],
    [
      'keeps servers apart',
      ['get https://a.example/x/1', 'get https://a.example/x/2', 'get http://b.example/'],
      ['get https://a.example/x/*', 'get http://b.example/'],
    ],
    ['varies what stands behind =', ['x --n=1', 'x --n=2'], ['x --n=*']],
    [
      'writes text that is special in patterns',
      [`say "a b" 'it''s' '*?[x]' "\\"" ""`],
      ['say "a b" its \\*\\?\\[x] \\" ""'],
    ],
    ['allows the bare tool', [''], ['']],
    ['leaves out what another pattern allows', ['get 1', 'get 2', 'get 1 2'], ['get *']],
  ])('%s', (_name, typed, patterns) => {
    const learned = learn('tool', {}, ...typed);
    expect(harmless(learned)).toEqual(patterns);
    expect(learned.refused).toEqual([]);
  });

  it('says of what no pattern can allow why that is so', () => {
    const { proposals, refused } = learn('tool', { deny: ['drop'] }, 'drop x', 'say \u0001');
    expect(proposals).toEqual([]);
    expect(refused.map(({ reason, message }) => [reason, message])).toEqual([
      ['rule-denies', 'these arguments are denied'],
      ['no-rule', 'no pattern can be written: holds the control character \\x01'],
    ]);
  });

  it('learns nothing of what is allowed already', () => {
    const learned = learn('tool', { allow: ['get *'] }, 'get a', 'put a');
    expect(learned.allowed.map(({ argv }) => argv)).toEqual([['get', 'a']]);
    expect(harmless(learned)).toEqual(['put a']);
  });

  it('lets anything stand for what the audit log does not hold, and nothing but that', () => {
    const redacted = (typed: string): readonly string[] => redactArgv(undefined, argvOf(typed)).argv ?? [];
    const calls = called(redacted('login --token abc x'), redacted('login --token=abc y'), redacted('put password=x'));
    const learned = proposePatterns(toolOf('tool', {}), calls, decide);
    expect(harmless(learned)).toEqual(['login --token * x', 'login --token=* y', 'put password=*']);
    const url = called(redacted('get https://me:secret@host.example/'));
    expect(proposePatterns(toolOf('tool', {}), url, decide)).toMatchObject({ proposals: [], refused: [{}] });
  });
});

describe('with a profile', () => {
  const gh = (...typed: string[]): Learned => learn('gh', {}, ...typed);

  it('reads options wherever they stand and however they are written, and spells them behind the operands', () => {
    const learned = gh('pr view 5 -R acme/app', 'pr -R=acme/app view 7', 'pr view --repo acme/web 7 -q.x');
    expect(harmless(learned)).toEqual(['pr view * --repo acme/app', 'pr view 7 --jq .x --repo acme/web']);
  });

  it('proposes an option that is not harmless only with what it does', () => {
    const learned = gh('pr view 5', 'pr view 5 --web', 'issue list --web -L 3', 'pr view -wc 5');
    expect(harmless(learned)).toEqual(['pr view 5']);
    expect(others(learned)).toEqual([
      ['pr view 5 --web', '--web opens a browser'],
      ['issue list --limit 3 --web', '--web opens a browser'],
      ['pr view 5 --comments --web', '-w opens a browser'],
    ]);
  });

  it('proposes a command and a value that are not harmless in the same way, each value by itself', () => {
    const learned = gh('pr merge 5', 'api x -f a=b', 'api x -f a=c', 'api x -X DELETE', 'pr list -R evil/a/b');
    expect(harmless(learned)).toEqual([]);
    expect(others(learned)).toEqual([
      ['pr merge 5', "'pr merge' changes something"],
      ['api x --raw-field a=b', '-f changes something'],
      ['api x --raw-field a=c', '-f changes something'],
      ['api x --method DELETE', "'DELETE' of -X changes something"],
      ['pr list --repo evil/a/b', "'evil/a/b' of -R chooses another server, configuration, identity or recipient"],
    ]);
  });

  it('takes for harmless what the policy allows by its options', () => {
    const learned = learn('gh', { options: { '--web': 'allow', '--jq': 'deny' } }, 'pr view 5 --web', 'pr view 5 -q x');
    expect(harmless(learned)).toEqual(['pr view 5 --web']);
    expect(learned.refused.map(({ message }) => message)).toEqual(['option -q is not allowed']);
  });

  it('says what is nothing that the tool would take', () => {
    const { refused } = gh('pr vew 5', 'pr view --wob 5');
    expect(refused.map(({ message }) => message)).toEqual([
      "subcommand 'vew' of 'pr' is not known (did you mean 'view'?)",
      expect.stringContaining('option --wob is not known') as string,
    ]);
  });

  it('makes many forms of one command one pattern', () => {
    const forms = ['', '-L 3', '-s open', '-l bug', '-A me'].map((options) => `issue list ${options}`);
    expect(harmless(gh(...forms.slice(0, 4)))).toHaveLength(4);
    expect(harmless(gh(...forms, 'issue list --web'))).toEqual(['issue list *']);
  });

  it('has a finding for what no wildcard stands for, though no class says so', () => {
    const curl = learn('curl', {}, 'https://api.example.com/v1/a -s', 'https://api.example.com/v1/b -s');
    expect(others(curl)).toEqual([
      ['https://api.example.com/v1/* --silent', expect.stringContaining('no wildcard stands for a url') as string],
    ]);
    const jq = learn('jq', { stdin: 'stream' }, '.a /etc/passwd', '.a');
    expect(harmless(jq)).toEqual(['.a']);
    expect(others(jq)[0]?.[1]).toContain("'/etc/passwd'");
  });

  it('puts options where the parser takes them', () => {
    const parts = { cwd_allowed: ['/srv'], cwd_trusted: true };
    expect(harmless(learn('git', parts, '--no-pager log --oneline -20 -- a b'))).toEqual([
      '--no-pager log --oneline -20 -- a b',
    ]);
    expect(others(learn('terraform', parts, 'plan -out=x -lock=false')).map(([pattern]) => pattern)).toEqual([
      expect.stringMatching(/^plan -lock false -out x$|^plan -lock=false -out x$/) as string,
    ]);
  });
});

/** A tool with these calls and no allow, and what is learned of it: for the calls of the profiles' own tests. */
describe.each(profileNames())('of the calls that the profile %s is tested with', (name) => {
  const { policies } = casesOf(name);

  it.each(policies)(
    'each gets its proposal, or a reason: $name',
    ({ harmless: calm, attacks, name: _name, cwd, ...parts }) => {
      const typed = [...new Set([...calm, ...attacks])];
      const calls = typed.map((each) => ({
        argv: argvOf(each),
        cwd: parts.cwd_allowed === undefined ? undefined : cwd,
        times: 1,
      }));
      const tool = toolOf(name, { ...parts, allow: [], deny: [] });
      const { proposals, refused, allowed } = proposePatterns(tool, calls, decide);
      const told = [...proposals.flatMap((proposal) => proposal.calls), ...refused.map(({ call }) => call), ...allowed];
      expect(told).toHaveLength(calls.length);
      expect(new Set(told)).toEqual(new Set(calls));

      // As somebody would paste them: first what is harmless, then all of it.
      const paste = (wanted: readonly (typeof proposals)[number][]): void => {
        const pasted = toolOf(name, { ...parts, deny: [], allow: wanted.map(({ pattern }) => pattern) });
        for (const call of wanted.flatMap((proposal) => proposal.calls))
          expect(decide(pasted, call).verdict).toBe('allow');
      };
      const active = proposals.filter(({ findings }) => findings.length === 0);
      paste(active);
      paste(proposals);
      const allows = Object.entries(parts.options ?? {}).flatMap(([option, rule]) => (rule === 'deny' ? [] : [option]));
      for (const { read } of active.flatMap((proposal) => proposal.calls.map((call) => decide(tool, call))))
        expect(read?.options.filter((option) => option.class !== 'safe' && allows.length === 0)).toEqual([]);
    },
  );
});

it('holds for any calls: each is told of once, and what is proposed allows it', () => {
  const words = fc.constantFrom(
    'pr',
    'list',
    'view',
    '-R',
    'a/b',
    '--web',
    '--repo=x',
    '5',
    '-',
    '--',
    '*',
    '[redacted]',
    "it's a",
    '',
    '-q',
    'api',
    'https://x.example/y',
  );
  const argvs = fc.uniqueArray(fc.array(words, { maxLength: 6 }), {
    selector: (argv) => argv.join('\0'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(argvs, fc.constantFrom('gh', 'tool', 'tar', 'curl'), (found, name) => {
      const tool = toolOf(name, { stdin: 'stream' });
      const calls = called(...found);
      const { proposals, refused, allowed } = proposePatterns(tool, calls, decide);
      expect(proposals.flatMap((each) => each.calls).length + refused.length + allowed.length).toBe(calls.length);
      for (const { pattern, calls: its } of proposals) {
        const pasted = toolOf(name, { stdin: 'stream', allow: [pattern] });
        for (const call of its) expect(decide(pasted, call).verdict).toBe('allow');
      }
    }),
    { numRuns: 300 },
  );
});
