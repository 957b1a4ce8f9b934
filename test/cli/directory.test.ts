import type * as nodeFs from 'node:fs';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveDirectory } from '../../src/cli/directory.ts';

let systemDirectoryExists = false;

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof nodeFs>();
  const statSync = (path: string, options: { throwIfNoEntry: false }) => {
    if (path !== '/etc/carapace') return fs.statSync(path, options);
    return systemDirectoryExists ? { isDirectory: () => true } : undefined;
  };
  return { ...fs, statSync };
});

describe('the directory of a gateway', () => {
  const before = process.cwd();
  let root: string;
  beforeEach(() => {
    systemDirectoryExists = false;
    root = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-directory-')));
    process.chdir(root);
  });
  afterEach(() => {
    process.chdir(before);
    rmSync(root, { recursive: true });
  });

  it('is the one that --dir names, with its state in it', () => {
    mkdirSync('gateway');
    systemDirectoryExists = true;
    expect(resolveDirectory('gateway')).toMatchObject({
      path: join(root, 'gateway'),
      configFile: join(root, 'gateway/carapace.yaml'),
      keysDirectory: join(root, 'gateway/authorized_keys.d'),
      policiesDirectory: join(root, 'gateway/policies'),
      stateDirectory: join(root, 'gateway/state'),
      auditFile: join(root, 'gateway/state/audit.jsonl'),
      operatorSocket: join(root, 'gateway/state/operator.sock'),
    });
  });

  it('is /etc/carapace where that exists, with its state where packages put it', () => {
    mkdirSync('policies');
    systemDirectoryExists = true;
    const found = { path: '/etc/carapace', stateDirectory: '/var/lib/carapace' };
    expect(resolveDirectory(undefined)).toMatchObject(found);
    expect(resolveDirectory('/etc/carapace/')).toMatchObject(found);
  });

  it('is the current one if that has policies', () => {
    mkdirSync('policies');
    expect(resolveDirectory(undefined).path).toBe(root);
  });

  it('is missing otherwise, with a hint', () => {
    expect(() => resolveDirectory(undefined)).toThrow(
      expect.objectContaining({ code: 'configuration', hint: expect.stringContaining('--dir DIR') }),
    );
  });

  it('is no file and nothing that is not there', () => {
    writeFileSync('file', '');
    for (const name of ['file', 'nothing']) {
      expect(() => resolveDirectory(name)).toThrow(expect.objectContaining({ code: 'configuration' }));
    }
  });
});
