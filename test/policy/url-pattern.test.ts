import { describe, expect, it } from 'vitest';
import { policyText, problemsIn, verdictOf } from './policy-of.ts';

function allow(pattern: string, argument: string): string {
  return verdictOf({ allow: [pattern] }, [argument]);
}

function problem(pattern: string): string {
  return problemsIn(policyText('tool', { allow: [pattern] })).join('\n');
}

describe('url patterns', () => {
  const pattern = 'https://api.example.com/v1/*';

  it('match scheme and host as they stand, and the rest by glob', () => {
    expect(allow(pattern, 'https://api.example.com/v1/')).toBe('allow');
    expect(allow(pattern, 'https://api.example.com/v1/a/b?q=a b&x=https://other/#f@g')).toBe('allow');
  });

  it.each([
    'http://api.example.com/v1/x',
    'HTTPS://api.example.com/v1/x',
    'https://API.example.com/v1/x',
    'https://api.example.com.evil.org/v1/x',
    'https://api.example.com:8443/v1/x',
    'https://user@api.example.com/v1/x',
    'https://api.example.com@evil.org/v1/x',
    'https://evil.org/https://api.example.com/v1/x',
    'https://api.example.com',
    'https://api.example.com?/v1/x',
    'https://api.example.com#/v1/x',
    'https://api.example.com\\@evil.org/v1/x',
    'https://api.example.com/v1/x\\y',
    'https://api.example.com/v1/\tx',
    'https://api.example.com/v2/x',
    ' https://api.example.com/v1/x',
    'xhttps://api.example.com/v1/x',
  ])('do not match %j', (argument) => expect(allow(pattern, argument)).toBe('value-refused'));

  it('match no climbing path', () => {
    expect(allow(pattern, 'https://api.example.com/v1/../admin')).toBe('path-refused');
    expect(allow(pattern, 'https://api.example.com/v1/%2e%2e/admin')).toBe('path-refused');
    expect(allow(pattern, 'https://api.example.com/v1/..?x')).toBe('path-refused');
  });

  it('do not match what is no url, nor an option', () => {
    expect(allow(pattern, 'api.example.com')).toBe('no-rule');
    expect(allow(pattern, '-https://api.example.com/v1/x')).toBe('option-refused');
  });

  it('match subdomains by a leading star and dot, and never the domain itself', () => {
    const subdomains = 'https://*.example.com/*';
    expect(allow(subdomains, 'https://a.example.com/x')).toBe('allow');
    expect(allow(subdomains, 'https://a-b.c_d.example.com/')).toBe('allow');
    for (const host of [
      'example.com',
      '.example.com',
      'a..example.com',
      'evil.org?.example.com',
      'u@a.example.com',
      'a:1@b.example.com',
      'a%2f.example.com',
      'aexample.com',
    ]) {
      expect(allow(subdomains, `https://${host}/x`), host).toBe('value-refused');
    }
  });

  it('match ports only as they are spelled', () => {
    expect(allow('http://*.local:8080/*', 'http://a.local:8080/x')).toBe('allow');
    expect(allow('http://*.local:8080/*', 'http://a.local/x')).toBe('value-refused');
    expect(allow(String.raw`http://\[::1\]:80/*`, 'http://[::1]:80/x')).toBe('allow');
  });

  it('match a scheme without a host', () => {
    expect(allow('file:///srv/*', 'file:///srv/x')).toBe('allow');
    expect(allow('file:///srv/*', 'file://evil/srv/x')).toBe('value-refused');
    expect(allow('op://Shared/*', 'op://Shared/db/password')).toBe('allow');
    expect(allow('op://Shared/*', 'op://Private/db/password')).toBe('value-refused');
  });

  it('match with text before the url, and as the value of an option', () => {
    expect(allow('remote=https://h/*', 'remote=https://h/x')).toBe('allow');
    expect(allow('--url=https://h/*', '--url=https://h/x')).toBe('allow');
    expect(allow('--url=https://h/*', '--url=https://h.evil/x')).toBe('value-refused');
    expect(allow('--url=https://h/*', '--url=https://h/../x')).toBe('path-refused');
  });

  it('match further wildcards in the rest', () => {
    expect(allow('https://h/*/x?', 'https://h/a/b/x1')).toBe('allow');
    expect(allow('https://h/a/https://*', 'https://h/a/https://b')).toBe('allow');
  });

  it('without a wildcard are literals', () => {
    expect(allow('https://api.example.com', 'https://api.example.com')).toBe('allow');
    expect(allow('https://api.example.com', 'https://api.example.com/')).toBe('no-rule');
  });

  it.each([
    ['https://api.example.com*', "needs a '/' after its host"],
    ['https://*.example.com*', "needs a '/' after its host"],
    ['https://*.example.com', "needs a '/' after its host"],
    ['https://api?.example.com/*', "needs a '/' after its host"],
    ['https://*/*', "no wildcard but a leading '*.'"],
    ['https://*', "no wildcard but a leading '*.'"],
    ['https://*example.com/*', "no wildcard but a leading '*.'"],
    ['*://api.example.com/*', 'no wildcard before its host'],
    ['http?://api.example.com/', 'no wildcard before its host'],
    ['https://user@api.example.com/*', 'no user name or password'],
    [String.raw`https://h\\x/*`, 'no backslash'],
    [String.raw`https://h/x\\*`, 'no backslash'],
    ['--url=https://h*', "needs a '/' after its host"],
  ])('%s is an error at load', (bad, message) => expect(problem(bad)).toContain(message));
});
