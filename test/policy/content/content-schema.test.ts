import { describe, expect, it } from 'vitest';
import { contentRules } from '../../../src/policy/content/content-schema.ts';
import { DETECTORS } from '../../../src/policy/content/detectors.ts';

function read(value: unknown): (readonly [string, string])[] {
  return contentRules.parse(value).map(({ name, action }) => [name, action] as const);
}

function messages(value: unknown): string {
  const { error } = contentRules.safeParse(value);
  return JSON.stringify(error?.issues ?? []);
}

describe('what a policy may say', () => {
  it('takes a name alone, and ends the call there', () => {
    expect(read(['private-key', 'jwt'])).toEqual([
      ['private-key', 'end'],
      ['jwt', 'end'],
    ]);
  });

  it('takes an action for a detector, and a pattern with a name', () => {
    expect(
      read([
        { detector: 'card-number', action: 'redact' },
        { pattern: 'INTERNAL-[0-9]{6}', name: 'internal-id', action: 'end' },
      ]),
    ).toEqual([
      ['card-number', 'redact'],
      ['internal-id', 'end'],
    ]);
  });

  it('takes a group for all of its detectors', () => {
    const names = read([{ detector: 'provider-tokens', action: 'redact' }]).map(([name]) => name);
    expect(names).toEqual(DETECTORS.filter(({ provider }) => provider).map(({ name }) => name));
  });

  it.each([
    [['github-token', { detector: 'provider-tokens', action: 'redact' }]],
    [[{ detector: 'provider-tokens', action: 'redact' }, 'github-token']],
  ])('lets the stricter action win in either order', (list) => {
    const actions = new Map(read(list));
    expect(actions.get('github-token')).toBe('end');
    expect(actions.get('npm-token')).toBe('redact');
  });
});

describe('what a policy may not say', () => {
  it.each([
    [['privat-key'], 'is no detector; there are provider-tokens, private-key'],
    [[{ detector: 'all', action: 'end' }], 'is no detector'],
    [[{ detector: 'jwt' }], 'action'],
    [[{ detector: 'jwt', action: 'drop' }], 'redact'],
    [[{ detector: 'jwt', action: 'end', name: 'x' }], 'Unrecognized key'],
    [[{ pattern: '(a', name: 'x', action: 'end' }], 'is no pattern of RE2'],
    [[{ pattern: '(?=a)b', name: 'x', action: 'end' }], 'is no pattern of RE2'],
    [[{ pattern: 'a*', name: 'x', action: 'end' }], 'matches the empty text'],
    [
      [{ pattern: '(?:[a-z]{900}){1}[a-z]{999}[a-z]{999}[a-z]{999}[a-z]{999}[a-z]{999}', name: 'x', action: 'end' }],
      'is too large',
    ],
    [[{ pattern: 'a'.repeat(1001), name: 'x', action: 'end' }], 'is longer than 1000 characters'],
    [[{ pattern: 'a', name: 'X', action: 'end' }], 'small letters'],
    [[{ pattern: 'a', name: 'jwt', action: 'end' }], 'is the name of a detector'],
    [[{ pattern: 'a', action: 'end' }], 'name'],
    [Array.from({ length: 65 }, () => 'jwt'), 'Too big'],
    ['jwt', 'expected array'],
  ])('refuses %j', (value, message) => {
    expect(messages(value)).toContain(message);
  });
});
