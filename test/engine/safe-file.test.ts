import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkTrustedDirectory,
  OTHERS_MAY_ANYTHING,
  readTrustedFile,
  removeIfThere,
  writeFileAtomically,
} from '../../src/engine/safe-file.ts';

const isRoot = process.getuid?.() === 0;

describe('files that decide', () => {
  let directory: string;
  const path = (name = 'file'): string => join(directory, name);
  const make = (mode: number, text = 'text', name = 'file'): string => {
    writeFileSync(path(name), text);
    chmodSync(path(name), mode);
    return path(name);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'carapace-safe-file-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it.each([0o600, 0o644, 0o755, 0o444])('are read with mode %o', (mode) => {
    expect(readTrustedFile(make(mode)).toString()).toBe('text');
  });

  it.each([0o620, 0o602, 0o666, 0o777])('are refused with mode %o, with what mends it', (mode) => {
    expect(() => readTrustedFile(make(mode))).toThrow(
      expect.objectContaining({
        code: 'configuration',
        message: expect.stringContaining(`has mode 0${mode.toString(8)}: others may write to it`),
        hint: `run: chmod go-w '${path()}'`,
      }),
    );
  });

  it.each([0o640, 0o604, 0o660])('are refused with mode %o where nobody else may read them', (mode) => {
    expect(() => readTrustedFile(make(mode), { forbiddenMode: OTHERS_MAY_ANYTHING })).toThrow(
      /others may (read|write)/,
    );
  });

  it.runIf(isRoot)('are refused where somebody else owns them', () => {
    chownSync(make(0o644), 4321, 0);
    expect(() => readTrustedFile(path())).toThrow(/belongs to user 4321, expected 0/);
    expect(readTrustedFile(path(), { ownerUids: [4321] }).toString()).toBe('text');
  });

  it('are judged by what a symbolic link leads to', () => {
    make(0o666, 'text', 'target');
    symlinkSync('target', path('link'));
    expect(() => readTrustedFile(path('link'))).toThrow(/others may write/);
    chmodSync(path('target'), 0o644);
    expect(readTrustedFile(path('link')).toString()).toBe('text');
  });

  it('are refused where they are no regular file, without waiting for a FIFO’s writer', () => {
    mkdirSync(path('folder'));
    spawnSync('mkfifo', [path('fifo')]);
    for (const name of ['folder', 'fifo']) expect(() => readTrustedFile(path(name))).toThrow(/is no regular file/);
    expect(() => readTrustedFile('/dev/zero')).toThrow(/is no regular file/);
  });

  it('are refused above their greatest size', () => {
    expect(readTrustedFile(make(0o644, 'four'), { maxBytes: 4 })).toHaveLength(4);
    expect(() => readTrustedFile(make(0o644, 'five!'), { maxBytes: 4 })).toThrow(/is larger than 4 bytes/);
  });

  it('say that they are missing, with the system’s error', () => {
    expect(() => readTrustedFile(path('none'))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('does not exist'),
        cause: expect.objectContaining({ code: 'ENOENT' }),
      }),
    );
  });

  it('lie in directories that are judged alike', () => {
    mkdirSync(path('folder'), { mode: 0o755 });
    expect(() => checkTrustedDirectory(path('folder'))).not.toThrow();
    chmodSync(path('folder'), 0o1777);
    expect(() => checkTrustedDirectory(path('folder'))).toThrow(/has mode 1777: others may write/);
    expect(() => checkTrustedDirectory(make(0o644))).toThrow(/is no directory/);
  });

  it('are written whole, with their mode whatever the umask, and leave nothing behind', () => {
    const umask = process.umask(0o077);
    try {
      writeFileAtomically(path(), 'one', { mode: 0o644, replace: false });
      writeFileAtomically(path(), Buffer.from('two'), { mode: 0o600, replace: true });
    } finally {
      process.umask(umask);
    }
    expect(readFileSync(path(), 'utf8')).toBe('two');
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['file']);
  });

  it('are replaced and not written into: whoever has the old file open keeps the old text', () => {
    make(0o644, 'old');
    linkSync(path(), path('other'));
    writeFileAtomically(path(), 'new', { mode: 0o644, replace: true });
    expect(readFileSync(path('other'), 'utf8')).toBe('old');
  });

  it('are left as they are where they may not be replaced', () => {
    make(0o644, 'old');
    expect(() => {
      writeFileAtomically(path(), 'new', { mode: 0o644, replace: false });
    }).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(readFileSync(path(), 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(['file']);
  });

  it('leave nothing behind where they cannot be written', () => {
    mkdirSync(path('folder/in'), { recursive: true });
    expect(() => {
      writeFileAtomically(path('folder'), 'new', { mode: 0o644, replace: true });
    }).toThrow();
    expect(readdirSync(directory)).toEqual(['folder']);
  });

  it.runIf(isRoot)('are given away by root', () => {
    writeFileAtomically(path(), 'x', { mode: 0o600, owner: { uid: 4321, gid: 4321 }, replace: false });
    expect(statSync(path())).toMatchObject({ uid: 4321, gid: 4321 });
  });

  it('are removed, if they are there', () => {
    make(0o644);
    removeIfThere(path());
    removeIfThere(path());
    expect(readdirSync(directory)).toEqual([]);
    mkdirSync(path('folder'));
    expect(() => {
      removeIfThere(path('folder'));
    }).toThrow();
  });
});
