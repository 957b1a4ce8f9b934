import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDirectory, openRequestedDirectory } from '../../src/engine/working-directory.ts';
import { toolOf } from '../policy/policy-of.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-cwd-')));
mkdirSync(join(root, 'src'));
writeFileSync(join(root, 'file'), '');
symlinkSync(join(root, 'src'), join(root, 'link'));
symlinkSync('/dev', join(root, 'devices'));
afterAll(() => rmSync(root, { recursive: true }));

describe('openDirectory', () => {
  it('gives the real path, device and inode', () => {
    const stats = statSync(join(root, 'src'), { bigint: true });
    const directory = { path: join(root, 'src'), dev: String(stats.dev), ino: String(stats.ino) };
    expect(openDirectory(join(root, 'link'), [])).toEqual({ kind: 'opened', directory, allowed: [] });
  });

  it('resolves the allowed directories, and leaves out those that do not exist', () => {
    const opened = openDirectory(root, [join(root, 'link'), join(root, 'none'), '/']);
    expect(opened.kind === 'opened' && opened.allowed).toEqual([join(root, 'src'), '/']);
  });

  it.each([
    [join(root, 'file'), 'is no directory'],
    [join(root, 'none'), 'ENOENT'],
    [join(root, 'file', 'x'), 'is no directory'],
    [join(root, 'devices'), 'lies in /dev'],
    ['/dev', 'lies in /dev'],
    ['/proc', 'lies in /proc'],
    [`/proc/self/root${root}`, 'lies in /proc'],
    ['/proc/self/cwd', 'lies in /proc'],
    ['/sys', 'lies in /sys'],
    [`${root}\0`, 'cannot be opened'],
  ])('refuses %j', (path, why) => {
    const found = openDirectory(path, ['/']);
    expect(found.kind === 'refused' && found.message).toContain(why);
  });
});

/** Swaps a directory and a link to another one without end, as its owner can who shares it with the host. */
const SWAP = `
const { renameSync } = require('node:fs');
for (;;) for (const [from, to] of [['real', 'spare'], ['link', 'real'], ['real', 'link'], ['spare', 'real']]) renameSync(from, to);
`;

describe.runIf(process.platform === 'linux')('a directory that is swapped while it is looked at', () => {
  it('is never judged by the path of another', async () => {
    const shared = join(root, 'shared');
    for (const name of ['shared/real', 'outside']) mkdirSync(join(root, name, 'inner'), { recursive: true });
    symlinkSync(join(root, 'outside'), join(shared, 'link'));
    const inner = statSync(join(shared, 'real', 'inner'), { bigint: true }).ino.toString();
    const swapper = spawn(process.execPath, ['-e', SWAP], { cwd: shared, stdio: 'ignore' });
    await once(swapper, 'spawn');
    const wrong: unknown[] = [];
    const seen = new Set<string>();
    for (const end = performance.now() + 1500; performance.now() < end; ) {
      const found = openDirectory(join(shared, 'real', 'inner'), []);
      if (found.kind !== 'opened') continue;
      seen.add(found.directory.ino);
      if (found.directory.path.startsWith(shared) !== (found.directory.ino === inner)) wrong.push(found.directory);
    }
    swapper.kill('SIGKILL');
    await once(swapper, 'exit');
    expect(wrong).toEqual([]);
    expect(seen.size).toBe(2);
  });
});

describe('openRequestedDirectory', () => {
  it('opens nothing for an unknown tool, or one that ignores the directory', () => {
    const request = { tool: 'tool', argv: [], env: new Map(), cwd: root };
    expect(openRequestedDirectory(undefined, request)).toEqual({ kind: 'none' });
    expect(openRequestedDirectory(toolOf({}), request)).toEqual({ kind: 'none' });
  });

  it('opens what policy names', () => {
    const tool = toolOf({ cwd_allowed: [root] });
    const found = openRequestedDirectory(tool, { tool: 'tool', argv: [], env: new Map(), cwd: undefined });
    expect(found).toMatchObject({ kind: 'opened', directory: { path: root }, allowed: [root] });
  });
});
