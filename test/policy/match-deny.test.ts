import { describe, expect, it } from 'vitest';
import { compileDeny } from '../../src/policy/deny-pattern.ts';
import { parse } from '../../src/policy/grammar.ts';
import { matchDeny } from '../../src/policy/match-deny.ts';
import { decideCall } from './policy-of.ts';

function denies(pattern: string, ...argv: string[]): boolean {
  const compiled = compileDeny(pattern);
  if (!compiled.ok) throw new Error(compiled.message);
  return matchDeny(compiled.pattern, parse(argv)).matched;
}

describe('a deny', () => {
  it('ends as if a star followed', () => {
    expect(denies('pr merge', 'pr', 'merge')).toBe(true);
    expect(denies('pr merge', 'pr', 'merge', '5', '--admin')).toBe(true);
    expect(denies('pr merge *', 'pr', 'merge')).toBe(true);
    expect(denies('pr merge', 'pr')).toBe(false);
    expect(denies('pr merge', 'pr', 'view', 'merge')).toBe(false);
  });

  it('passes over options that it does not spell, and over two dashes', () => {
    expect(denies('item delete', '--verbose', 'item', '-x', 'delete')).toBe(true);
    expect(denies('item delete', 'item', '--', 'delete')).toBe(true);
    expect(denies('item delete', 'item', '-', 'delete')).toBe(false);
  });

  it('passes over what may be the value of an option', () => {
    expect(denies('item delete', '--account', 'acme', 'item', 'delete', 'x')).toBe(true);
    expect(denies('item delete', 'item', '-v', 'x', 'delete')).toBe(true);
    expect(denies('item delete', '--account=acme', 'x', 'item', 'delete')).toBe(false);
    expect(denies('item delete', '--', 'x', 'item', 'delete')).toBe(false);
    expect(denies('item delete', '-', 'x', 'item', 'delete')).toBe(false);
  });

  it('takes a lone star for any number of arguments of any kind', () => {
    expect(denies('* delete', 'delete')).toBe(true);
    expect(denies('* delete', 'a', '--b', '-', 'c', 'delete')).toBe(true);
    expect(denies('a * c', 'a', 'c')).toBe(true);
    expect(denies('a * c', 'a', 'b')).toBe(false);
    expect(denies('*')).toBe(true);
    expect(denies('*', '-x', 'y')).toBe(true);
  });

  it('with the empty pattern denies only a call of nothing but options', () => {
    expect(denies('')).toBe(true);
    expect(denies('', '--x')).toBe(true);
    expect(denies('', 'x')).toBe(false);
    expect(denies('', '--x', 'y')).toBe(false);
  });

  it('matches by globs what begins with a dash, is a url, climbs or holds control characters', () => {
    expect(denies('item *x', 'item', '-x')).toBe(true);
    expect(denies('get h*', 'get', 'https://x')).toBe(true);
    expect(denies('get /srv/*', 'get', '/srv/../x')).toBe(true);
    expect(denies('get x*', 'get', 'x\u001b\n')).toBe(true);
    expect(denies('get https://evil*', 'get', 'https://evil.example')).toBe(true);
  });

  it('matches one dash and two dashes that it spells', () => {
    expect(denies('apply -', 'apply', '-')).toBe(true);
    expect(denies('run -- env*', 'run', '--', 'envx')).toBe(true);
    expect(denies('run -- env*', 'run', 'envx')).toBe(false);
  });

  it('matches an empty argument that it spells', () => {
    expect(denies("a ''", 'a', '')).toBe(true);
    expect(denies("a ''", 'a')).toBe(false);
  });
});

describe('an option word of a deny', () => {
  it.each([['* --reveal'], ['* --reveal *'], ['--reveal'], ['* --reveal*'], ['item get --reveal']])(
    'in %s matches in any place',
    (pattern) => {
      expect(denies(pattern, 'item', 'get', 'x', '--reveal')).toBe(true);
      expect(denies(pattern, 'item', 'get', '--reveal', 'x')).toBe(true);
      expect(denies(pattern, '--reveal', 'item', 'get', 'x')).toBe(true);
      expect(denies(pattern, 'item', 'get', '--', 'x', '--reveal')).toBe(true);
      expect(denies(pattern, 'item', 'get', '--reveal=true')).toBe(true);
      expect(denies(pattern, 'item', 'get', 'x')).toBe(false);
      expect(denies(pattern, 'item', 'get', 'x --reveal')).toBe(false);
    },
  );

  it('matches the whole name only, unless it ends in a wildcard', () => {
    expect(denies('* --reveal', '--revealing')).toBe(false);
    expect(denies('* --reveal*', '--revealing')).toBe(true);
    expect(denies('* -o', '-ofile')).toBe(false);
    expect(denies('* -o*', '-ofile')).toBe(true);
    expect(denies('-?', '-x')).toBe(true);
    expect(denies('--*token', '--my-token')).toBe(true);
    expect(denies('--*token', '--my-token=x')).toBe(true);
  });

  it('is each required', () => {
    expect(denies('--a --b', '--b', '--a')).toBe(true);
    expect(denies('--a --b', '--a')).toBe(false);
  });

  it('with a word behind it matches that word as its value, wherever it stands and however it is written', () => {
    for (const argv of [
      ['api', 'x', '-X', 'DELETE'],
      ['api', '-X', 'DELETE', 'x'],
      ['-X', 'DELETE', 'api'],
      ['api', 'x', '-X=DELETE'],
      ['DELETE', '-X'],
    ]) {
      expect(denies('-X DELETE', ...argv), argv.join(' ')).toBe(true);
    }
    expect(denies('-X DELETE', 'api', '-X', 'GET')).toBe(false);
    expect(denies('api -X DELETE', 'api', 'x', '-X', 'DELETE')).toBe(true);
    expect(denies('api -X D*', 'api', '-X', 'DELETE')).toBe(true);
  });

  it('takes only the word right behind it for its value', () => {
    expect(denies('-X a b', '-X', 'b', 'a')).toBe(false);
    expect(denies('-X a b', 'b', '-X', 'a')).toBe(true);
  });

  it('with a value attached matches that value as the next argument too', () => {
    expect(denies('--method=DELETE', 'x', '--method=DELETE')).toBe(true);
    expect(denies('--method=DELETE', 'x', '--method', 'DELETE')).toBe(true);
    expect(denies('--method=DELETE', 'x', '--method', 'GET')).toBe(false);
    expect(denies('--method=DELETE', 'x', '--method')).toBe(false);
    expect(denies('--m*=D*', '--method', 'DELETE')).toBe(true);
    expect(denies('--method=DELETE x', '--method', 'DELETE', 'x')).toBe(true);
  });

  it('does not let its value hide the words behind it', () => {
    expect(denies('item --vault delete', 'item', '--vault', 'Shared', 'delete')).toBe(true);
    expect(denies('item --vault delete', 'item', '--vault', 'Shared', 'list')).toBe(false);
  });
});

describe('a deny with a path', () => {
  it('is tried on attached values too', () => {
    expect(denies('* /etc/*', 'cat', '/etc/passwd')).toBe(true);
    expect(denies('* /etc/*', 'cat', '--file=/etc/passwd')).toBe(true);
    expect(denies('* /etc/*', 'cat', '--file', '/etc/passwd')).toBe(true);
    expect(denies('* /etc/*', 'cat', '--file')).toBe(false);
    expect(denies('* /etc/*', 'cat', 'x=/etc/passwd')).toBe(false);
  });

  it('leaves other words out of attached values', () => {
    expect(denies('* delete', 'say', '--text=delete')).toBe(false);
  });
});

describe('a denial by a rule', () => {
  it('names the argument that tells most', () => {
    const token = (deny: string, argv: string[]): unknown => {
      const decision = decideCall({ allow: ['*'], deny: [deny] }, argv);
      return decision.verdict === 'deny' ? [decision.reason, decision.token, decision.message] : undefined;
    };
    expect(token('repo delete', ['repo', 'delete', 'x'])).toEqual([
      'rule-denies',
      'delete',
      'these arguments are denied',
    ]);
    expect(token('* --yes', ['repo', 'x', '--yes=1'])).toEqual(['rule-denies', '--yes=1', 'option --yes is denied']);
    expect(token('', [])).toEqual(['rule-denies', null, 'these arguments are denied']);
  });

  it('is decided within a second for 60,000 arguments and 62 words', () => {
    const argv = Array.from({ length: 60_000 }, (_, index) => (index % 2 === 0 ? 'a' : '-a'));
    const compiled = compileDeny(`${'* a '.repeat(31)} b`);
    if (!compiled.ok) throw new Error(compiled.message);
    const parsed = parse(argv);
    const started = performance.now();
    expect(matchDeny(compiled.pattern, parsed).matched).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
