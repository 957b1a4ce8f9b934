import { describe, expect, it } from 'vitest';
import { decideSent, httpToolOf, saidOf, verdictOf } from './http-policy-of.ts';

describe('the method of a rule', () => {
  it.each([
    ['GET /x', 'GET', 'allow'],
    ['GET /x', 'HEAD', 'allow'],
    ['HEAD /x', 'GET', 'no-rule'],
    ['GET /x', 'POST', 'no-rule'],
    ['GET /x', 'get', 'no-rule'],
    ['* /x', 'DELETE', 'allow'],
    ['* /x', 'PROPFIND', 'no-rule'],
    ['* /x', 'TRACE', 'no-rule'],
    ['* /x', 'CONNECT', 'no-rule'],
    ['PROPFIND /x', 'PROPFIND', 'allow'],
  ])('%s and %s: %s', (rule, method, verdict) => {
    expect(verdictOf(httpToolOf({ allow: [rule] }), `${method} /x`)).toBe(verdict);
  });

  it('of a deny covers HEAD with GET, and everything with an asterisk', () => {
    const tool = httpToolOf({ allow: ['* /**', 'PROPFIND /**'], deny: ['GET /x', '* /y'] });
    expect(['GET /x', 'HEAD /x', 'POST /x', 'PROPFIND /y'].map((line) => verdictOf(tool, line))).toEqual([
      'rule-denies',
      'rule-denies',
      'allow',
      'rule-denies',
    ]);
  });
});

describe('the query of an allow', () => {
  it.each([
    ['/x', '/x', 'allow'],
    ['/x', '/x?', 'allow'],
    ['/x', '/x?a=1', 'no-rule'],
    ['/x?a=*', '/x', 'allow'],
    ['/x?a=*', '/x?a=1', 'allow'],
    ['/x?a=*', '/x?a', 'allow'],
    ['/x?a=*', '/x?b=1', 'no-rule'],
    ['/x?a=*', '/x?A=1', 'no-rule'],
    ['/x?a=*', '/x?a=1&a=2', 'no-rule'],
    ['/x?a=*', '/x?a=1&%61=2', 'no-rule'],
    ['/x?a=*', '/x?a=1&', 'no-rule'],
    ['/x?a=*&b=2', '/x?b=2&a=1', 'allow'],
    ['/x?b=2', '/x?b=%32', 'allow'],
    ['/x?b=2', '/x?b=22', 'no-rule'],
    ['/x?q=a%20b', '/x?q=a+b', 'allow'],
    ['/x?q=a*', '/x?q=a%2Fb%26c', 'allow'],
    ['/x?q=*', '/x?q=a%0Ab', 'no-rule'],
    ['/x?q=%2A', '/x?q=a', 'no-rule'],
    ['/x?q=%2A', '/x?q=*', 'allow'],
    ['/x?*', '/x?a=1&a=2&b', 'allow'],
    ['/x?*', '/x?q=a%0Ab', 'allow'],
    ['/x?state=open&*', '/x?page=2', 'allow'],
    ['/x?state=open&*', '/x?state=closed', 'no-rule'],
    ['/x?state=open&*', '/x?state=open&state=closed', 'no-rule'],
    ['/x?*', '/x?a=%zz', 'character-refused'],
    ['/x?*', '/x?a=%ff', 'character-refused'],
    ['/x?*', '/x?a=1;b=2', 'character-refused'],
    ['/x?*', '/x?a=%00', 'character-refused'],
    ['/x?*', '/x?a=\u00e9', 'character-refused'],
  ])('%s and %s: %s', (rule, target, verdict) => {
    expect(verdictOf(httpToolOf({ allow: [`GET ${rule}`] }), `GET ${target}`)).toBe(verdict);
  });

  it('is sent as it came, without a lone question mark', () => {
    const tool = httpToolOf({ allow: ['GET /x?*'] });
    const queryOf = (line: string): unknown => {
      const decision = decideSent(tool, line);
      return decision.verdict === 'allow' ? decision.permit.query : decision;
    };
    expect(queryOf('GET /x?b=%32&a=x+y')).toBe('b=%32&a=x+y');
    expect(queryOf('GET /x?')).toBe(null);
    expect(queryOf('GET /x')).toBe(null);
  });

  it('has no name that the gateway fills in, in whatever spelling', () => {
    const tool = httpToolOf({ allow: ['GET /x?*'], inject: { query: { key: { secret: 'k' } } } });
    for (const query of ['key=1', 'KEY=1', 'a=1&ke%79', 'key'])
      expect(verdictOf(tool, `GET /x?${query}`)).toBe('value-refused');
    expect(verdictOf(tool, 'GET /x?keys=1')).toBe('allow');
  });
});

describe('the query of a deny', () => {
  const tool = httpToolOf({ allow: ['GET /**?*'], deny: ['GET /x?admin=*', 'GET /y?a=1&b=2'] });
  it.each([
    ['/x', 'allow'],
    ['/x?admin', 'rule-denies'],
    ['/x?a=1&admin=%0A', 'rule-denies'],
    ['/x?a=1&admin=1&admin=2', 'rule-denies'],
    ['/y?a=1', 'allow'],
    ['/y?b=2&c=3&a=1', 'rule-denies'],
  ])('%s: %s', (target, verdict) => expect(verdictOf(tool, `GET ${target}`)).toBe(verdict));
});

describe('a rule that is none', () => {
  it.each([
    ['/x', "expected METHOD PATH, such as 'GET /v1/models'; found '/x'"],
    ['get /x', "'get' is no method; they are in capitals, and '*' is any"],
    ['TRACE /x', 'TRACE never passes'],
    ['GET x', "path 'x' does not begin with '/'"],
    ['GET /a**', "'**' is a segment of its own; 'a**' holds more"],
    ['GET /\u00e9', 'holds blanks or other than ASCII'],
    ['GET /a b', 'holds blanks or other than ASCII'],
    ['GET /a#b', "holds '#'"],
    ['GET /x?a=1&a=2', "query names 'a' twice"],
    ['GET /x?a*=1', "query 'a*=1' is no NAME=VALUE"],
    ['GET /x?', "query '' is no NAME=VALUE"],
    ['GET /x?a=%zz', "query 'a=%zz' holds a bad escape"],
    ['GET /{a}*', 'a placeholder is {NAME}, with plain text around it'],
    ['GET /{a', 'a placeholder is {NAME}'],
    ['GET /**/{a}', "a placeholder cannot stand behind '**'"],
    ['GET /{a}', '{a} is filled in from inject.path.a, which is not there'],
  ])('%s: %s', (rule, message) => {
    expect(saidOf({ allow: [rule] })[0]).toContain(message);
    expect(saidOf({ allow: [rule] })[0]).toMatch(/^error: allow\[0\]: /);
  });
});
