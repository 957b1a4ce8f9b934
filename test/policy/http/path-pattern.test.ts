import { describe, expect, it } from 'vitest';
import { decideSent, httpToolOf, verdictOf } from './http-policy-of.ts';

function verdict(rule: string, path: string): string {
  return verdictOf(httpToolOf({ allow: [`GET ${rule}`] }), `GET ${path}`);
}

describe('the path of an allow', () => {
  it.each([
    ['/v1/models', '/v1/models'],
    ['/', '/'],
    ['/v1/', '/v1/'],
    ['/repos/*/*/issues', '/repos/a/b/issues'],
    ['/v*/x.*', '/v1/x.json'],
    ['/v1/**', '/v1/a'],
    ['/v1/**', '/v1/a/b/'],
    ['/v1/**', '/v1/'],
    ['/**', '/'],
    ['/a/**/z', '/a/z'],
    ['/a/**/z', '/a/b/c/z'],
    ['/a/**/z/**', '/a/z/z/z'],
    ['/models/*', '/models/gemini:generateContent'],
    ['/calendars/*/events', '/calendars/me%40example.com/events'],
    ['/x/*', '/x/caf%C3%A9%20au+lait'],
    ['/projects/*%2F*', '/projects/group%2Fapp'],
    ['/a/../b', '/a/../b'],
    ['/a//b', '/a//b'],
    ['/a;v=1', '/a;v=1'],
    ['/%zz', '/%zz'],
    ['/%*', '/%zz'],
  ])('%s matches %s', (rule, path) => expect(verdict(rule, path)).toBe('allow'));

  it.each([
    ['/v1/models', '/v1/models/'],
    ['/v1/models', '/v1/Models'],
    ['/v1/models', '/v1/model%73'],
    ['/v1/**', '/v1'],
    ['/repos/*/x', '/repos//x'],
    ['/repos/*', '/repos/'],
    ['/repos/*', '/repos/a/b'],
    ['/a/**/z', '/a/b'],
    ['/**', '/a//b'],
    ['/**', '//evil.example/'],
    ['/**', '/a/../b'],
    ['/**', '/a/.'],
    ['/**', '/a/%2e%2E/b'],
    ['/**', '/a/.%2e/b'],
    ['/**', '/a/..;/b'],
    ['/**', '/a/..%20/b'],
    ['/**', '/a%2fb'],
    ['/**', '/a%5Cb'],
    ['/**', '/a%5cb'],
    ['/**', String.raw`/a\b`],
    ['/**', '/a%00b'],
    ['/**', '/a%0Ab'],
    ['/**', '/a%7F'],
    ['/**', '/a%C2%85'],
    ['/**', '/a%252Fb'],
    ['/**', '/%41'],
    ['/**', '/%c0%af'],
    ['/**', '/%'],
    ['/**', '/%4'],
    ['/**', '/%zz'],
    ['/**', '/a;b'],
    ['/**', '/a#b'],
    ['/**', '/{x}'],
    ['/**', '/a|b'],
    ['/**', '/caf\u00e9'],
    // What a wildcard takes may not make an escape with what stands beside it.
    ['/a%*', '/a%2F'],
    ['/a%2*', '/a%2F'],
    ['/*2F', '/%2F'],
    ['/*F', '/%2F'],
    // A literal beside a wildcard does not spell a dot segment.
    ['/*.', '/..'],
    ['/*%2e', '/.%2e'],
    ['/*;x', '/..;x'],
    // Spelled once is spelled once.
    ['/*%2F*', '/a%2Fb%2Fc'],
    ['/a/../*', '/a/../..'],
  ])('%s does not match %s', (rule, path) => expect(verdict(rule, path)).not.toBe('allow'));

  it('is refused by name where no wildcard stands for it', () => {
    expect(verdict('/**', '/a%2Fb')).toBe('path-refused');
    expect(verdict('/**', '/a/../b')).toBe('path-refused');
    expect(verdict('/x', '/y')).toBe('no-rule');
  });

  it('begins with a slash: the absolute form and the asterisk are no paths', () => {
    const tool = httpToolOf({ allow: ['* /**'] });
    expect(verdictOf(tool, 'GET http://other.example/x')).toBe('path-refused');
    expect(verdictOf(tool, 'OPTIONS *')).toBe('path-refused');
  });
});

describe('the path of a deny', () => {
  it.each([
    ['/admin', '/admin'],
    ['/admin', '/admin/x/y'],
    ['/admin/', '/admin/x'],
    ['/admin/**', '/admin'],
    ['/', '/x'],
    ['/**', '/x'],
    ['/users/me@x', '/users/me%40x'],
    ['/models/*:delete', '/models/a%3Adelete'],
    ['/caf%C3%A9', '/caf%c3%a9'],
    ['/x*y', '/x%20y'],
    ['/*/keys', '/a/keys/1'],
  ])('%s covers %s', (rule, path) => {
    const tool = httpToolOf({ allow: ['* /**?*'], deny: [`* ${rule}`] });
    expect(verdictOf(tool, `GET ${path}`)).toBe('rule-denies');
    expect(verdictOf(tool, `GET ${path}?x=1`)).toBe('rule-denies');
  });

  it.each([
    ['/admin', '/administrator'],
    ['/a/b', '/a'],
  ])('%s does not cover %s', (rule, path) => {
    expect(verdictOf(httpToolOf({ allow: ['* /**'], deny: [`* ${rule}`] }), `GET ${path}`)).toBe('allow');
  });

  it('is not got around by what an allow spells', () => {
    const tool = httpToolOf({ allow: ['GET /a%2Fb', 'GET /x/../a/b', 'GET /a;x/b', 'GET /a//b'], deny: ['GET /a/b'] });
    for (const path of ['/a%2Fb', '/x/../a/b', '/a;x/b', '/a//b'])
      expect(verdictOf(tool, `GET ${path}`)).toBe('rule-denies');
  });
});

describe('placeholders', () => {
  const tool = httpToolOf({
    allow: ['POST /bot{token}/sendMessage', 'POST /bot{token}/get*', 'GET /echo/*'],
    deny: ['* /bot*/getSecret'],
    inject: { path: { token: { secret: 'bot' } } },
  });

  it.each([
    ['/bot{token}/sendMessage', '/bot{token}/sendMessage'],
    ['/bot%7Btoken%7D/sendMessage', '/bot{token}/sendMessage'],
    ['/bot%7btoken%7d/getMe', '/bot{token}/getMe'],
    ['/bot/getMe', '/bot{token}/getMe'],
  ])('%s is sent as %s', (path, sent) => {
    expect(decidedPath(`POST ${path}`)).toBe(sent);
  });

  it.each(['POST /bot123/sendMessage', 'POST /bot{other}/getMe', 'GET /echo/{token}', 'GET /echo/%7Btoken%7D'])(
    '%s is refused',
    (line) => expect(verdictOf(tool, line)).not.toBe('allow'),
  );

  it('are covered by denies as they are sent', () => {
    expect(verdictOf(tool, 'POST /bot/getSecret')).toBe('rule-denies');
  });

  it('are refused where two rules would fill in different ones', () => {
    const inject = { path: { a: { secret: 'a' }, b: { secret: 'b' } } };
    const rules = httpToolOf({ allow: ['GET /x{a}', 'GET /x{b}'], inject });
    expect(verdictOf(rules, 'GET /x')).toBe('path-refused');
    expect(verdictOf(rules, 'GET /x{b}')).toBe('allow');
  });

  function decidedPath(line: string): string | undefined {
    const decision = decideSent(tool, line);
    return decision.verdict === 'allow' ? decision.permit.path : undefined;
  }
});
