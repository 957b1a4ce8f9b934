import { isInside } from '../../src/policy/paths.ts';
import { describe, expect, it } from 'vitest';
import { directoryToOpen, judgeDirectory, type WorkingDirectory } from '../../src/policy/working-directory.ts';
import { toolOf } from './policy-of.ts';

const tool = toolOf({ cwd_allowed: ['/srv/proj', '/data'] });
const free = toolOf({});

function request(cwd?: string): Parameters<typeof judgeDirectory>[1] {
  return { tool: 'tool', argv: [], env: new Map(), cwd };
}

function opened(path: string, allowed: string[] = ['/srv/proj', '/data']): WorkingDirectory {
  return { kind: 'opened', directory: { path, dev: '1', ino: '2' }, allowed };
}

describe('directoryToOpen', () => {
  it('is nothing where the tool ignores the working directory', () => {
    expect(directoryToOpen(free, request('/srv/proj'))).toBeNull();
  });

  it('is what the client sent, or the first allowed one', () => {
    expect(directoryToOpen(tool, request('/srv/proj/x'))).toBe('/srv/proj/x');
    expect(directoryToOpen(tool, request())).toBe('/srv/proj');
  });

  it.each(['', 'x', './x', '../x', '/srv/proj/../../etc', '/srv/proj/..', '/srv\0/proj', '/\ud800'])(
    'opens nothing for %j',
    (cwd) => {
      expect(directoryToOpen(tool, request(cwd))).toBeNull();
    },
  );
});

describe('judgeDirectory', () => {
  it('starts the tool in the opened directory where it is allowed or below', () => {
    for (const path of ['/srv/proj', '/srv/proj/a/b', '/data']) {
      expect(judgeDirectory(tool, request(path), opened(path))).toEqual({
        ok: true,
        cwd: { path, dev: '1', ino: '2' },
      });
    }
  });

  it('ignores what the client sent where the tool has no allowed directories', () => {
    expect(judgeDirectory(free, request('relative/../x'), { kind: 'none' })).toEqual({ ok: true, cwd: null });
  });

  it('says the same of a directory that is missing and of one that is elsewhere', () => {
    const missing = judgeDirectory(tool, request('/secret'), { kind: 'refused', message: 'ENOENT' });
    const elsewhere = judgeDirectory(tool, request('/secret'), opened('/secret'));
    const unopened = judgeDirectory(tool, request('/secret'), { kind: 'none' });
    expect(missing).toEqual({ ok: false, token: '/secret', message: 'working directory is not allowed' });
    expect([elsewhere, unopened]).toEqual([missing, missing]);
  });

  it('compares real paths, of the allowed directories too', () => {
    expect(judgeDirectory(tool, request('/srv/proj/link'), opened('/etc')).ok).toBe(false);
    expect(judgeDirectory(tool, request('/srv/proj'), opened('/mnt/proj', ['/mnt/proj'])).ok).toBe(true);
    expect(judgeDirectory(tool, request('/srv/proj'), opened('/srv/proj', [])).ok).toBe(false);
  });

  it('refuses by its text what was not to be opened, whatever was found', () => {
    for (const cwd of ['x', '/srv/proj/..', '/srv/proj\0']) {
      expect(judgeDirectory(tool, request(cwd), opened('/srv/proj')).ok, cwd).toBe(false);
    }
    expect(judgeDirectory(free, request('/x\0'), { kind: 'none' }).ok).toBe(false);
  });

  it('names no directory where the client sent none', () => {
    expect(judgeDirectory(tool, request(), { kind: 'refused', message: 'ENOENT' })).toMatchObject({
      ok: false,
      token: null,
    });
  });
});

describe('isInside', () => {
  it('compares components, not characters', () => {
    expect(isInside('/srv/proj', '/srv/project')).toBe(false);
    expect(isInside('/srv/proj', '/srv/proj/x')).toBe(true);
    expect(isInside('/srv/proj/x', '/srv/proj')).toBe(false);
    expect(isInside('/', '/anything')).toBe(true);
    expect(isInside('/', '/')).toBe(true);
  });
});
