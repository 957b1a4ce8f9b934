/** A decision with what lies on the disk: files are judged by where they really lead. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decideRequest } from '../../src/engine/decide-request.ts';
import { sampleTool } from '../policy/profile/sample-profile.ts';

const base = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-decide-')));
afterAll(() => rmSync(base, { recursive: true }));
const root = join(base, 'proj');
const own = join(root, 'own');
for (const directory of [root, own, join(root, 'sub'), join(base, 'else')]) mkdirSync(directory);
for (const file of [join(root, 'a'), join(own, 'key'), join(base, 'else', 'secret')]) writeFileSync(file, '');
symlinkSync(join(base, 'else', 'secret'), join(root, 'out'));
symlinkSync(join(root, 'a'), join(root, 'in'));
symlinkSync(join(base, 'else', 'not-yet'), join(root, 'dangling'));
symlinkSync(join(base, 'nowhere'), join(root, 'dangling-directory'));
symlinkSync('loop', join(root, 'loop'));
symlinkSync('/proc/self', join(root, 'process'));
symlinkSync(own, join(root, 'to-own'));
symlinkSync(root, join(base, 'other-name'));

function verdict(path: string, allow = ['get -f *'], closed = [own]): string {
  const tools = new Map([['sample', sampleTool({ allow, cwd_allowed: [root] })]]);
  const request = { tool: 'sample', argv: ['get', '-f', path], env: new Map(), cwd: root };
  return decideRequest(tools, request, closed).reason ?? 'allow';
}

describe('a file that a wildcard stands for', () => {
  it.each(['a', 'in', 'sub/new', 'sub/new/deeper', 'other', join(root, 'a')])(
    'is allowed in its directory: %s',
    (path) => {
      expect(verdict(path)).toBe('allow');
    },
  );
  it.each(['out', 'process/environ', 'own/key', 'own', 'to-own/key', 'own/new', 'loop', 'a/below'])(
    'is refused where it leads elsewhere, or nowhere: %s',
    (path) => {
      expect(verdict(path)).toBe('path-refused');
    },
  );
  it.each(['dangling', 'dangling-directory/x', 'dangling-directory/x/y'])(
    'is refused where a link leads to what is not there yet, and would be made: %s',
    (path) => {
      expect(verdict(path)).toBe('path-refused');
    },
  );
  it('lies in the directory by any name of that', () => {
    const name = join(base, 'other-name');
    expect(verdict(join(name, 'a'), [`get -f ${name}/*`])).toBe('allow');
    expect(verdict(join(name, 'out'), [`get -f ${name}/*`])).toBe('path-refused');
  });
  it('is none of the gateway, though its directories are named by links or are not there', () => {
    expect(verdict('own/key', undefined, [join(root, 'to-own')])).toBe('path-refused');
    expect(verdict('sub/new/key', undefined, [join(root, 'sub', 'new')])).toBe('path-refused');
  });
});
