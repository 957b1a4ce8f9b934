/** The rules of the policy language under a profile, by their numbers in docs/how-decisions-are-made.md. */
import { describe, expect, it } from 'vitest';
import { confirmFiles } from '../../../src/policy/decide.ts';
import { decideSample, sampleTool, verdict } from './sample-profile.ts';

const get = { allow: ['get *'] };

describe('2: options match wherever they stand, however they are written', () => {
  const pinned = { allow: ['get pods -n prod'] };
  it.each([
    'get pods -n prod',
    'get pods -nprod',
    'get pods -n=prod',
    'get pods --namespace=prod',
    'get -n prod pods',
    '-n prod get pods',
    '--namespace prod show pods',
  ])('allows %s', (call) => {
    expect(verdict(pinned, call)).toBe('allow');
  });
  it.each([
    ['get pods', 'no-rule'],
    ['get pods -n dev', 'value-refused'],
    ['get pods -n prod -w', 'option-refused'],
    ['get pods -n prod -n prod', 'option-refused'],
    ['get pods --namesp prod', 'option-refused'],
    ['get pods -n', 'value-refused'],
    ['gett pods', 'unknown-subcommand'],
    ['secret', 'unknown-subcommand'],
    ['get pods -n prod extra', 'no-rule'],
  ])('refuses %s as %s', (call, reason) => {
    expect(verdict(pinned, call)).toBe(reason);
  });
  it('tells an abbreviation its full name, and a slip the nearest one', () => {
    const tool = sampleTool(get);
    expect(decideSample(tool, ['get', 'pods', '--namesp', 'x'])).toMatchObject({
      message: expect.stringContaining('write --namespace'),
    });
    expect(decideSample(tool, ['get', 'pods', '--qiuet'])).toMatchObject({
      message: expect.stringContaining("did you mean '--quiet'"),
    });
    expect(decideSample(tool, ['gte', 'pods'])).toMatchObject({
      message: expect.stringContaining("did you mean 'get'"),
    });
  });
});

describe('a call of any length', () => {
  it('is decided, though it holds a hundred thousand options', () => {
    expect(verdict(get, ['get', 'pods', `-${'v'.repeat(131_000)}`])).toBe('allow');
  });
});

describe('3: a lone * ', () => {
  it('is one operand in the middle, and further ones at the end', () => {
    expect(verdict({ allow: ['get * web'] }, 'get pods web')).toBe('allow');
    expect(verdict({ allow: ['get * web'] }, 'get web')).toBe('no-rule');
    expect(verdict(get, 'get pods a b c')).toBe('allow');
    expect(verdict(get, 'get')).toBe('allow');
  });
  it('is one subcommand in its place, and any of them with all that is theirs at the end', () => {
    expect(verdict({ allow: ['* list'] }, 'secret list')).toBe('allow');
    expect(verdict({ allow: ['secret *'] }, 'secret ls')).toBe('allow');
    expect(verdict({ allow: ['*'] }, 'get pods -w')).toBe('allow');
    expect(verdict({ allow: ['*'] }, '')).toBe('allow');
  });
  it('never stands for an option, and no wildcard for what begins with a dash', () => {
    expect(verdict({ allow: ['get * *'] }, ['get', 'pods', '-x'])).toBe('option-refused');
    expect(verdict(get, ['get', 'pods', '--', '-x'])).toBe('allow');
    expect(verdict(get, ['get', 'pods', '-l', '-x'])).toBe('allow');
    expect(verdict(get, ['get', '-'])).toBe('stdin-refused');
    expect(verdict({ allow: ['get -'] }, ['get', '-'])).toBe('allow');
    expect(verdict(get, ['get', 'pods', '-l', '-'])).toBe('allow');
  });
});

describe('4: options that a pattern does not spell', () => {
  it.each([
    ['get pods -w', 'allow'],
    ['get pods -w -w', 'option-refused'],
    ['get pods -vvv', 'allow'],
    ['get pods --no-quiet', 'allow'],
    ['get pods --no-watch', 'option-refused'],
    ['get pods --watch=false', 'allow'],
    ['get pods --as admin', 'option-refused'],
    ['get pods -f x', 'option-refused'],
    ['get pods -wf x', 'option-refused'],
    ['-s https://x.example/ get pods', 'option-refused'],
  ])('decides %s: %s', (call, expected) => {
    expect(verdict(get, call)).toBe(expected);
  });
  it('are required as often as they are spelled, and only in the state that is spelled', () => {
    const twice = { allow: ['send x --tag a --tag *'] };
    expect(verdict(twice, 'send x --tag a --tag b')).toBe('allow');
    expect(verdict(twice, 'send x --tag a')).toBe('no-rule');
    expect(verdict(twice, 'send x --tag a --tag b --tag c')).toBe('option-refused');
    expect(verdict({ allow: ['get -w *'] }, 'get pods --watch=false')).toBe('option-refused');
    expect(verdict({ allow: ['get -v *'] }, 'get pods -v -v')).toBe('allow');
    expect(verdict({ allow: ['get -v *'] }, 'get pods -v --verbose=false')).toBe('option-refused');
    expect(verdict({ allow: ['get --color=always *'] }, 'get pods --color')).toBe('option-refused');
  });
  it('pass where they override nothing that is spelled', () => {
    expect(verdict(get, 'get pods -A')).toBe('allow');
    expect(verdict({ allow: ['get * -n prod *'] }, 'get pods -n prod -A')).toBe('option-refused');
    expect(verdict({ allow: ['* -n prod *'] }, 'get pods -n prod')).toBe('allow');
    expect(verdict({ allow: ['* -n prod *'] }, 'get pods -n prod -A')).toBe('option-refused');
    expect(verdict({ allow: ['-n prod *'] }, 'get pods -n prod -A')).toBe('option-refused');
  });
  it('are not overridden by an operand either', () => {
    expect(verdict({ allow: ['search *'] }, 'search repo:a/b x')).toBe('allow');
    expect(verdict({ allow: ['search --repo a/b *'] }, 'search --repo a/b x')).toBe('allow');
    expect(verdict({ allow: ['search --repo a/b *'] }, 'search --repo a/b repo:c/d')).toBe('value-refused');
    expect(verdict({ allow: ['search --repo a/b repo:*'] }, 'search --repo a/b repo:c/d')).toBe('value-refused');
    expect(verdict({ allow: ['search --repo a/b repo:c/d'] }, 'search --repo a/b repo:c/d')).toBe('allow');
  });
  it('pass where they give no other meaning to operands that are spelled', () => {
    expect(verdict({ allow: ['kv *'] }, 'kv x --mount a')).toBe('allow');
    expect(verdict({ allow: ['kv team/* *'] }, 'kv team/x --mount a')).toBe('option-refused');
    expect(verdict({ allow: ['kv team/* --mount a *'] }, 'kv team/x --mount a')).toBe('allow');
  });
  it('are on where they are spelled without a value', () => {
    expect(verdict({ allow: ['get --color *'] }, 'get pods --color')).toBe('allow');
    expect(verdict({ allow: ['get --color *'] }, 'get pods --color=always')).toBe('allow');
    expect(verdict({ allow: ['get --color *'] }, 'get pods --color=None')).toBe('option-refused');
  });
  it('pass where the tool allows them, and never where it denies them', () => {
    const options = { '--as': 'allow', '--watch': 'deny', '--namespace': ['prod', 'Team *'] };
    expect(verdict({ ...get, options }, 'get pods --as admin')).toBe('allow');
    expect(verdict({ allow: ['get -w *'], options }, 'get pods -w')).toBe('option-refused');
    expect(verdict({ ...get, options }, ['get', 'pods', '-nTeam x'])).toBe('allow');
    expect(verdict({ allow: ['get * -n *'], options }, 'get pods -n dev')).toBe('value-refused');
  });
});

describe('5: a wildcard never stands for what is not safe', () => {
  it.each([
    [['*'], 'run x', 'no-rule'],
    [['secret *'], 'secret print x', 'no-rule'],
    [['s*'], 'send x', 'no-rule'],
    [['send *'], 'send x', 'allow'],
    [['send * -b *'], 'send x -b hello', 'allow'],
    [['send * -b *'], 'send x -b @/etc/passwd', 'value-refused'],
    [['send * -b @/srv/*'], 'send x -b @/srv/a', 'allow'],
    [['send * -b @*'], 'send x -b @a', 'allow'],
    [['send * -b @*'], 'send x -b @-', 'stdin-refused'],
    [['send * -b @-'], 'send x -b @-', 'allow'],
    [['send * -b @/srv/*'], 'send x -b @/etc/passwd', 'value-refused'],
    [['send *'], 'send x -R evil.example/a/b', 'value-refused'],
    [['send *'], 'send x -R a/b', 'allow'],
    [['send *'], 'send x -R nothing', 'value-refused'],
    [['get *'], 'get pods -o custom-file=/etc/passwd', 'value-refused'],
    [['get *'], 'get pods -o $ENV.HOME', 'value-refused'],
    [['fetch --code *'], 'fetch --code 1', 'value-refused'],
    [['fetch --code 1'], 'fetch --code 1', 'allow'],
  ])('under %j, %s: %s', (allow, call, expected) => {
    expect(verdict({ allow }, call)).toBe(expected);
  });
});

describe('6: after --', () => {
  it("are operands, or another program's words, which only a spelled -- lets through", () => {
    expect(verdict({ allow: ['send *'] }, 'send -- --force')).toBe('allow');
    expect(verdict({ allow: ['run *'] }, 'run x')).toBe('allow');
    expect(verdict({ allow: ['run *'] }, 'run x -- sh -c id')).toBe('no-rule');
    expect(verdict({ allow: ['run x -- make *'] }, 'run x -- make test')).toBe('allow');
    expect(verdict({ allow: ['run x -- make *'] }, 'run x -- make --eval=x')).toBe('no-rule');
    expect(verdict({ allow: ['run x -- make *'] }, 'run x -- sh')).toBe('no-rule');
    expect(verdict({ allow: ['run x -- make *'] }, 'run x')).toBe('no-rule');
  });
  it('end where the command says that they end', () => {
    expect(verdict({ allow: ['exec *'] }, 'exec web ls')).toBe('allow');
    expect(verdict({ allow: ['exec *'] }, 'exec web ls -l')).toBe('option-refused');
    expect(verdict({ allow: ['exec web ls -l'] }, 'exec web ls -l')).toBe('allow');
  });
});

describe('7: files', () => {
  const cwd_allowed = ['/srv/proj'];
  it.each([
    [{ allow: ['get -f /srv/out/*'] }, 'get -f /srv/out/a', 'allow'],
    [{ allow: ['get -f /srv/out/*'] }, 'get -f /srv/out/../x', 'path-refused'],
    [{ allow: ['get -f /srv/o*'] }, 'get -f /srv/other', 'allow'],
    [{ allow: ['get -f *'] }, 'get -f /etc/passwd', 'path-refused'],
    [{ allow: ['get -f *'] }, 'get -f notes', 'allow'],
    [{ allow: ['get -f *'], cwd_allowed }, 'get -f notes', 'allow'],
    [{ allow: ['get -f *'], cwd_allowed }, 'get -f /srv/proj/a', 'allow'],
    [{ allow: ['get -f *'], cwd_allowed }, 'get -f /srv/project', 'path-refused'],
    [{ allow: ['get -f *'], cwd_allowed }, 'get -f ~/x', 'path-refused'],
    [{ allow: ['get -f *'], cwd_allowed }, 'get -f a/%2e%2e/x', 'path-refused'],
    [{ allow: ['get -f *'], cwd_allowed: ['/'] }, 'get -f /proc/self/environ', 'path-refused'],
    [{ allow: ['get -f /proc/self/environ'] }, 'get -f /proc/self/environ', 'allow'],
  ])('under %j, %s: %s', (parts, call, expected) => {
    expect(verdict(parts, call)).toBe(expected);
  });
  it('are claimed, so that the engine looks where they lead', () => {
    const decision = decideSample(
      sampleTool({ allow: ['get -f *'], cwd_allowed }),
      ['get', '-f', 'a'],
      '/srv/proj/sub',
    );
    expect(decision).toMatchObject({
      verdict: 'allow',
      claims: [[[{ value: 'a', path: '/srv/proj/sub/a', root: '/srv/proj' }]]],
    });
  });
  it('are not written into a .git directory, where they would be run', () => {
    const parts = { allow: ['save * -o *', 'save * -o /srv/.git/*'], cwd_allowed };
    expect(verdict(parts, 'save x -o out')).toBe('allow');
    expect(verdict(parts, 'save x -o .git/hooks/pre-commit')).toBe('path-refused');
    expect(verdict(parts, 'save x -o a/.GIT/config')).toBe('path-refused');
    expect(verdict(parts, 'save x -o /srv/.git/x')).toBe('allow');
  });
  it('are confirmed by any rule that holds, whatever the order of the rules', () => {
    const rules = ['get -f /o/a/*', 'get -f /o/*'];
    const decideIn = (allow: readonly string[], real: string): string => {
      const decision = decideSample(sampleTool({ allow }), ['get', '-f', '/o/a/l']);
      if (decision.verdict === 'deny') return decision.reason;
      return confirmFiles(decision, ({ root }) => ({ path: real, root }), ['/o/own']).reason ?? 'allow';
    };
    for (const allow of [rules, rules.toReversed()]) {
      expect(decideIn(allow, '/o/x')).toBe('allow');
      expect(decideIn(allow, '/etc/passwd')).toBe('path-refused');
      expect(decideIn(allow, '/o/own/key')).toBe('path-refused');
    }
  });
  it('are never reached by a .. segment in what is no text', () => {
    expect(verdict(get, 'get pods ../x')).toBe('path-refused');
    expect(verdict({ allow: ['send *'] }, 'send ../x')).toBe('allow');
  });
});

describe('8: urls', () => {
  const api = { allow: ['fetch https://api.example.com/*'] };
  it.each([
    [api, 'fetch https://api.example.com/v1', 'allow'],
    [api, 'fetch https://api.example.com.evil.org/', 'no-rule'],
    [api, 'fetch http://api.example.com/v1', 'no-rule'],
    [api, 'fetch https://x@api.example.com/v1', 'no-rule'],
    [{ allow: ['fetch *'] }, 'fetch https://api.example.com/v1', 'value-refused'],
    [{ allow: ['fetch *'] }, 'fetch api.example.com', 'value-refused'],
    [get, 'get pods https://x.example/', 'value-refused'],
    [get, 'get https://x.example/a', 'value-refused'],
    [{ allow: ['send *'] }, 'send https://x.example/', 'allow'],
    [{ allow: ['fetch * --host *'] }, 'fetch x --host evil.example', 'value-refused'],
    [{ allow: ['fetch --host web-*'] }, 'fetch --host web-1.evil.example', 'value-refused'],
    [{ allow: ['fetch --host *.example.com'] }, 'fetch --host a.example.com', 'allow'],
  ])('under %j, %s: %s', (parts, call, expected) => {
    expect(verdict(parts, call)).toBe(expected);
  });
});

describe('9: lists are decided element by element', () => {
  const noSecrets = { allow: ['get *'], deny: ['get secret*'] };
  it.each([
    ['get pods,deploy', 'allow'],
    ['get pods,secrets', 'rule-denies'],
    ['get po,SECRET', 'rule-denies'],
    ['get secret.v1', 'rule-denies'],
    ['get cm/a secret/b', 'rule-denies'],
    ['get cm/a po/b', 'allow'],
    ['get -w --selector secret pods', 'allow'],
  ])('decides %s: %s', (call, expected) => {
    expect(verdict(noSecrets, call)).toBe(expected);
  });
  it('and folded as the tool folds them', () => {
    expect(verdict({ allow: ['get pods'] }, 'get po')).toBe('allow');
    expect(verdict({ allow: ['get po *'] }, 'get Pods,pod.v1')).toBe('allow');
    expect(verdict({ allow: ['get po *'] }, 'get pods,cm')).toBe('no-rule');
    expect(verdict({ allow: ['get pods/web-*'] }, 'get pods/web-1')).toBe('allow');
    expect(verdict({ allow: ['get pods/web-*'] }, 'get pods web-1')).toBe('allow');
    expect(verdict({ allow: ['get pods/web-*'] }, 'get pods/web-1 pods/db-1')).toBe('no-rule');
    expect(verdict(noSecrets, `get ${'pods,'.repeat(100)}pods`)).toBe('value-refused');
    expect(verdict(noSecrets, `get ${'pods,'.repeat(60)}pods ${'a '.repeat(200)}`)).toBe('allow');
    expect(verdict(noSecrets, `get ${'pods,'.repeat(60)}pods ${'a '.repeat(300)}`)).toBe('value-refused');
    expect(verdict(noSecrets, `get pods ${'a '.repeat(300)}`)).toBe('allow');
  });
  it('in a later operand, too', () => {
    expect(verdict({ allow: ['move *'] }, 'move x a,b')).toBe('allow');
    expect(verdict({ allow: ['move *'] }, 'move x a,x1')).toBe('value-refused');
    expect(verdict({ allow: ['move *'], deny: ['move * c'] }, 'move x a,c')).toBe('rule-denies');
  });
  it('in the values of options, too', () => {
    expect(verdict(get, 'get pods --zones a,b')).toBe('allow');
    expect(verdict(get, 'get pods --zones a,x1')).toBe('value-refused');
    expect(verdict(get, 'get pods --zones a,d')).toBe('value-refused');
  });
});

describe('10: characters', () => {
  it('pass in text, and nowhere else', () => {
    expect(verdict(get, ['get', 'pods', '-l', 'a\u001bb\n'])).toBe('allow');
    expect(verdict({ allow: ['send *'] }, ['send', 'a\tb\n'])).toBe('allow');
    expect(verdict({ allow: ['send *'] }, ['send', 'a\u001bb'])).toBe('character-refused');
    expect(verdict(get, ['get', 'pods', 'a\nb'])).toBe('character-refused');
    expect(verdict(get, ['get', 'pods', 'a\0'])).toBe('character-refused');
  });
});

describe('11: denies are wide', () => {
  const all = { allow: ['get *', 'send * --force *', 'exec *', 'fetch https://a.example/*'] };
  it.each([
    ['get *', 'show pods', 'rule-denies'],
    ['show *', 'get pods', 'rule-denies'],
    ['remote exec *', 'exec a b', 'rule-denies'],
    ['exec *', 'remote exec a b', 'rule-denies'],
    ['* -n*', 'get pods --namespace=x', 'rule-denies'],
    ['* --namespace kube-system', 'get pods -nkube-system', 'rule-denies'],
    ['* --namespace=kube*', 'get -n kube-system pods', 'rule-denies'],
    ['* --namespace kube-system', 'get pods -n dev', 'allow'],
    ['exec * release', 'exec a HEAD:release', 'rule-denies'],
    ['exec * release', 'exec a HEAD:refs/heads/release', 'rule-denies'],
    ['exec * /etc/*', 'exec a host:/etc/passwd', 'rule-denies'],
    ['* --force', 'send x -l=--force', 'option-refused'],
    ['* --force', 'send --force x', 'rule-denies'],
    ['* --watch', 'get pods -l --watch', 'allow'],
    ['* --watch', 'get pods -- --watch', 'rule-denies'],
    ['get * web', 'get pods db web', 'rule-denies'],
    ['get pods', 'get pods web', 'rule-denies'],
    ['* /etc/*', 'send x --force -b @/etc/passwd', 'rule-denies'],
    ['* https://a.example/admin*', 'fetch https://a.example/admin', 'rule-denies'],
  ])('%s and %s: %s', (deny, call, expected) => {
    expect(verdict({ ...all, deny: [deny] }, call)).toBe(expected);
  });
  it.each([
    [{ allow: ['get *'], deny: ['* --zones b'] }, 'get pods --zones a,b'],
    [{ allow: ['get *'], deny: ['* --zones=b'] }, 'get pods --zones=a,b'],
    [{ allow: ['get *'], deny: ['get secret/db'] }, 'get Secrets/db'],
    [{ allow: ['get *'], deny: ['get secret/*'] }, 'get secret/db'],
    [{ allow: ['get *'], deny: ['get secret/db'] }, 'get secrets web db'],
    [{ allow: ['get *'], deny: ['get po/*'] }, 'get pod db'],
    [{ allow: ['get *'], deny: ['* secret/db'] }, 'get cm/a secret/db'],
    [{ allow: ['move *'], deny: ['move x b'] }, 'move x a,b'],
  ])('under %j, %s: each element of a list counts, and each pair', (parts, call) => {
    expect(verdict(parts, call)).toBe('rule-denies');
  });
  it('do not take one pair for another', () => {
    expect(verdict({ allow: ['get *'], deny: ['get secret/db', 'get * po/db'] }, 'get cm/db secret/web')).toBe('allow');
  });
  it.each([
    [{ allow: ['send * -b @/srv/*'], deny: ['* /srv/x'] }, 'send a -b @/srv/x'],
    [{ allow: ['send * -b @/srv/*'], deny: ['* /srv/x'] }, 'send a -b @/srv//./x'],
    [{ allow: ['get -f *'], deny: ['* /srv/proj/.env'], cwd_allowed: ['/srv/proj'] }, 'get -f .env'],
    [{ allow: ['get -f *'], deny: ['* --filename /srv/proj/.*'], cwd_allowed: ['/srv/proj'] }, 'get -f ./.env'],
    [{ allow: ['fetch https://a.example/* *'], deny: ['* /etc/*'] }, 'fetch https://a.example/x /etc/passwd'],
    [{ allow: ['fetch https://a.example/* /srv/*'], deny: ['* /srv/x'] }, 'fetch https://a.example/x /srv//x'],
  ])('under %j, %s: a file counts however its path is written', (parts, call) => {
    expect(verdict(parts, call)).toBe('rule-denies');
  });
  it('find what is an option to the next program, where options end', () => {
    expect(verdict({ allow: ['exec web ls -l'], deny: ['* -l'] }, 'exec web ls -l')).toBe('rule-denies');
  });
  it('are not narrowed by what cannot be read', () => {
    expect(verdict({ allow: ['*'], deny: ['get *'] }, 'get --unknown')).not.toBe('allow');
  });
});

describe('at the edges of the rules', () => {
  const cwd_allowed = ['/srv/proj'];
  it.each([
    [{ allow: ['get pods,cm *'] }, 'get pods web', 'allow'],
    [{ allow: ['get pods,cm *'] }, 'get cm,po web', 'allow'],
    [{ allow: ['get pods,cm *'] }, 'get secret web', 'no-rule'],
    [{ allow: ['fetch --host *.example.com'] }, 'fetch --host evil.example,a.example.com', 'value-refused'],
    [{ allow: ['send *'] }, 'send -', 'stdin-refused'],
    [{ allow: ['get *'] }, 'get pods --limit 12', 'allow'],
    [{ allow: ['get *'] }, 'get pods --limit 12x', 'value-refused'],
    [{ allow: ['get *'] }, 'get pods --limit x12', 'value-refused'],
    [{ allow: ['get -f *'], cwd_allowed }, 'get -f https://x.example/a', 'path-refused'],
    [{ allow: ['get -f ./*'], cwd_allowed }, 'get -f ./https://x.example/a', 'path-refused'],
    [{ allow: ['get -f sub/*'] }, 'get -f sub/a', 'allow'],
    [{ allow: ['run x -- *'] }, 'run x --', 'allow'],
    [{ allow: ['run x -- *'] }, 'run x', 'no-rule'],
    [{ allow: ['run * -- ls *'] }, 'run x y -- ls', 'value-refused'],
    [{ allow: ['run x -- ls *'] }, ['run', 'x', '--', 'ls', 'a\u001bb'], 'no-rule'],
    [{ allow: ['run x -- ls *'] }, 'run x -- ls https://x.example/', 'no-rule'],
    [{ allow: ['run x -- ls https://a.example/*'] }, 'run x -- ls https://a.example/b', 'allow'],
    [{ allow: ['run x -- ls /srv/*'] }, 'run x -- ls /srv/../etc', 'no-rule'],
    [{ allow: ['send a -- *'] }, 'send a -- b', 'allow'],
    [{ allow: ['send a -- *'] }, 'send a b -- c', 'no-rule'],
    [{ allow: ['get *'], options: { '--color': ['always'] } }, 'get pods --color', 'value-refused'],
    [{ allow: ['get *'], options: { '--color': ['always'] } }, 'get pods --color=always', 'allow'],
  ])('under %j, %s: %s', (parts, call, expected) => {
    expect(verdict(parts, call)).toBe(expected);
  });
  it('of several elements all claims count, each of the rule that let it through', () => {
    const tool = sampleTool({ allow: ['get pods -f /srv/a/*', 'get cm -f /srv/*'] });
    const roots = (call: string): unknown => {
      const decision = decideSample(tool, call.split(' '));
      return decision.verdict === 'allow' ? decision.claims.flat(2).map(({ root }) => root) : decision.reason;
    };
    expect(roots('get pods,cm -f /srv/a/x')).toEqual(['/srv/a', '/srv']);
    expect(roots('get cm -f /srv/b')).toEqual(['/srv']);
    expect(roots('get pods,cm -f /srv/b')).toBe('no-rule');
  });
  it('a call gets what the client sends only where a pattern says so of each element', () => {
    const tool = sampleTool({ allow: ['get *'], stdin: { stream: ['get pods'] } });
    const stdin = (call: string): unknown => {
      const decision = decideSample(tool, call.split(' '));
      return decision.verdict === 'allow' ? decision.permit.stdin : decision.reason;
    };
    expect(stdin('get pods,po')).toBe('stream');
    expect(stdin('get pods,cm')).toBe('none');
  });
  it('an option has one rule, whichever of its names that uses', () => {
    const options = { '-n': 'allow', '--namespace': 'deny' };
    expect(() => sampleTool({ allow: ['get *'], options })).toThrow("is the option '-n', which has a rule already");
    expect(verdict({ allow: ['get *'], options: { '--namespace': 'deny' } }, 'get pods -n x')).toBe('option-refused');
  });
});

describe('standard input and working directory', () => {
  it('are refused to commands that only read what nobody sends', () => {
    expect(verdict({ allow: ['rpc'] }, 'rpc')).toBe('stdin-refused');
    expect(verdict({ allow: ['rpc'], stdin: 'stream' }, 'rpc')).toBe('allow');
    expect(verdict({ allow: ['rpc'], stdin: { stream: ['rpc'] } }, 'rpc')).toBe('allow');
    expect(verdict({ allow: ['rpc'], stdin: { stream: ['get *'] } }, 'rpc')).toBe('stdin-refused');
  });
  it('are refused to tools that run what they find, unless the policy trusts it', () => {
    const parts = { allow: ['build', 'get *'], cwd_allowed: ['/srv/proj'] };
    expect(verdict(parts, 'build')).toBe('cwd-refused');
    expect(verdict(parts, 'get pods')).toBe('allow');
    expect(verdict({ ...parts, cwd_trusted: true }, 'build')).toBe('allow');
    expect(verdict({ allow: ['build'] }, 'build')).toBe('allow');
  });
});
