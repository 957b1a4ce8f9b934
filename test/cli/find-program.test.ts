import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findProgram, programDirectories } from '../../src/cli/find-program.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-find-')));
afterAll(() => rmSync(root, { recursive: true }));

const [first, second, third] = ['a', 'b', 'c'].map((name) => join(root, name)) as [string, string, string];
for (const directory of [first, second, third]) mkdirSync(directory, { mode: 0o755 });

function place(path: string, mode: number): void {
  writeFileSync(path, '');
  chmodSync(path, mode);
}

it('finds the first that the gateway would start', () => {
  place(join(first, 'x'), 0o644);
  place(join(second, 'x'), 0o777);
  symlinkSync('/usr/bin/true', join(third, 'x'));
  const { path, insecure } = findProgram('x', [first, second, third, '/usr/bin']);
  expect(path).toBe(join(third, 'x'));
  expect(insecure).toEqual([{ path: join(second, 'x'), why: expect.stringContaining('mode 0777') as string }]);
});

it('finds nothing where nothing is', () => {
  expect(findProgram('nothing-of-this-name', [first, join(root, 'none')])).toEqual({ path: undefined, insecure: [] });
});

it('looks where hosts keep programs', () => {
  expect(findProgram('env', programDirectories()).path).toMatch(/^\/(usr\/)?bin\/env$/);
});
