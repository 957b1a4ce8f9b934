import { describe, expect, it } from 'vitest';
import { isClientName, kindOfKeyFile } from '../../src/identity/client-name.ts';

describe('client names', () => {
  it.each(['a', '0', 'claw-vm', 'claw.vm', 'claw_vm', 'a'.repeat(64), 'bak', 'pub', 'claw.backups'])(
    'take %j',
    (name) => {
      expect(isClientName(name)).toBe(true);
      expect(kindOfKeyFile(name)).toBe('client');
    },
  );

  it.each(['', 'Claw', '-a', '_a', 'a b', 'a/b', 'a\n', 'é', 'a'.repeat(65)])('refuse %j, loudly as a file', (name) => {
    expect(isClientName(name)).toBe(false);
    expect(kindOfKeyFile(name)).toBe('misnamed');
  });

  it.each([
    'a.bak',
    'a.pub',
    'a~',
    'a.orig',
    'a.old',
    'a.swp',
    'a.swo',
    'a.tmp',
    'a.dpkg-old',
    'a.dpkg-dist',
    'a.rpmsave',
    'a.rpmnew',
    'a.ucf-dist',
    'a.disabled',
    'a.revoked',
    'A.bak',
    '.a',
    '.',
    '..',
    'README.md',
  ])('leave the file %j alone', (name) => {
    expect(isClientName(name)).toBe(false);
    expect(kindOfKeyFile(name)).toBe('ignored');
  });
});
