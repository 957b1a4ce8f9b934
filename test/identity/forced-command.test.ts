import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatForcedCommand,
  isCarriedPath,
  isPolicyName,
  parseForcedCommand,
} from '../../src/identity/forced-command.ts';

describe('a forced command', () => {
  it.each([
    ['carapace force --client a --policy p', { program: 'carapace', directory: null, client: 'a', policies: ['p'] }],
    [
      '/carapace force --dir / --client a --policy p',
      { program: '/carapace', directory: '/', client: 'a', policies: ['p'] },
    ],
    [
      '/opt/x/carapace force --dir /srv/c-1 --client a.b --policy p --policy Q_2',
      { program: '/opt/x/carapace', directory: '/srv/c-1', client: 'a.b', policies: ['p', 'Q_2'] },
    ],
  ])('is read from %j', (text, command) => {
    expect(parseForcedCommand(text)).toEqual({ ok: true, command });
    expect(formatForcedCommand(command)).toBe(text);
  });

  it('is read back as it was written, whatever its parts', () => {
    const word = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/);
    const path = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => `/${words.join('/')}`);
    const policies = fc.uniqueArray(word, { minLength: 1, maxLength: 4 });
    const command = fc.record({
      program: fc.constantFrom('carapace', '/usr/bin/carapace'),
      directory: fc.option(path),
      client: word,
      policies,
    });
    fc.assert(
      fc.property(command, (value) => {
        expect(parseForcedCommand(formatForcedCommand(value))).toEqual({ ok: true, command: value });
      }),
    );
  });

  it('never makes the parser throw, and holds nothing that a shell takes for more than a character', () => {
    const word = fc.constantFrom(
      'carapace',
      'force',
      '--dir',
      '--client',
      '--policy',
      '/a',
      'a',
      ' ',
      '$(x)',
      ';',
      '\n',
      "'",
      '/carapace',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const text = words.join(' ');
        if (parseForcedCommand(text).ok) expect(text).toMatch(/^[A-Za-z0-9 ./_-]+$/);
      }),
      { numRuns: 500 },
    );
  });

  it('knows what it can carry', () => {
    expect(['/', '/a', '/a/b.c'].every(isCarriedPath)).toBe(true);
    expect(['', 'a', '/a b', '/a/', '/a$b', "/a'", '//a', '/a\n'].some(isCarriedPath)).toBe(false);
    expect(['', '.a', '-a', 'a/b', 'a b', '..'].some(isPolicyName)).toBe(false);
  });
});
