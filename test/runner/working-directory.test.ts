import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorkingDirectory } from '../../src/runner/working-directory.ts';

let base: string;
let place: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'carapace-cwd-'));
  place = join(base, 'place');
  mkdirSync(place);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function expected(path: string): { path: string; dev: string; ino: string } {
  const { dev, ino } = statSync(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino) };
}

describe('openWorkingDirectory', () => {
  it.runIf(process.platform === 'linux')('is where a child starts, also when the path means another by then', () => {
    const directory = openWorkingDirectory(expected(place));
    renameSync(place, join(base, 'moved'));
    mkdirSync(place);
    const { stdout } = spawnSync('/bin/pwd', ['-P'], { cwd: directory?.name, encoding: 'utf8' });
    directory?.close();
    expect(stdout).toBe(`${join(base, 'moved')}\n`);
  });

  it('is undefined for another directory at the same path', () => {
    const was = expected(place);
    renameSync(place, join(base, 'moved'));
    mkdirSync(place);
    expect(openWorkingDirectory(was)).toBeUndefined();
  });

  it('throws for what is not there, for a file, and for a link that took its place', () => {
    const was = expected(place);
    renameSync(place, join(base, 'moved'));
    expect(() => openWorkingDirectory(was)).toThrow(/ENOENT/);
    symlinkSync(join(base, 'moved'), place);
    expect(() => openWorkingDirectory(was)).toThrow(/ENOTDIR|ELOOP/);
    expect(() => openWorkingDirectory({ ...was, path: '/etc/passwd' })).toThrow(/ENOTDIR/);
  });

  it('needs no permission to list the directory', () => {
    chmodSync(place, 0o111);
    const directory = openWorkingDirectory(expected(place));
    expect(directory).toBeDefined();
    directory?.close();
  });

  it('leaves no descriptor open', () => {
    const count = (): number => readdirSync('/proc/self/fd').length;
    const before = count();
    openWorkingDirectory(expected(place))?.close();
    openWorkingDirectory({ ...expected(place), ino: '1' });
    expect(count()).toBe(before);
  });
});
