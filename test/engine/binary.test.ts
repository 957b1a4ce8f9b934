import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  lchownSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectBinary } from '../../src/engine/binary.ts';

const UID = process.getuid?.() ?? 0;
const OTHER = 12_345;

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'carapace-bin-')));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** An executable of its own directory below `base`; its path. */
function program(directory: string, name = 'op', mode = 0o755): string {
  mkdirSync(join(base, directory), { recursive: true });
  const path = join(base, directory, name);
  writeFileSync(path, '');
  chmodSync(path, mode);
  return path;
}

function inspect(path: string) {
  return inspectBinary(path, { uid: UID });
}

describe('inspectBinary', () => {
  it('finds nothing wrong with a program that only root and the gateway can write', () => {
    expect(inspect('/bin/ls')).toEqual({ kind: 'ok', realPath: realpathSync('/bin/ls') });
    const path = program('bin');
    expect(inspect(path)).toEqual({ kind: 'ok', realPath: path });
  });

  it('says what is missing', () => {
    expect(inspect(join(base, 'none'))).toEqual({ kind: 'missing', why: 'is not there' });
    expect(inspect(join(base, 'none/op'))).toMatchObject({ kind: 'missing' });
    expect(inspect(`${program('bin')}/op`)).toMatchObject({ kind: 'missing' });
    expect(inspect(program('bin', 'data', 0o644))).toEqual({ kind: 'missing', why: 'is not an executable file' });
    expect(inspect(join(base, 'bin'))).toEqual({ kind: 'missing', why: 'is not an executable file' });
    symlinkSync(join(base, 'nowhere'), join(base, 'dangling'));
    expect(inspect(join(base, 'dangling'))).toMatchObject({ kind: 'missing' });
    symlinkSync('loop', join(base, 'loop'));
    expect(inspect(join(base, 'loop'))).toMatchObject({ kind: 'missing', why: 'goes through too many links' });
  });

  it.each([0o757, 0o777, 0o702])('finds a program insecure that everybody may write: mode %o', (mode) => {
    const path = program('bin', 'op', mode);
    const found = inspect(path);
    expect(found).toMatchObject({ kind: 'insecure' });
    expect(found).toHaveProperty('why', `'${path}' can be written by others (mode 0${mode.toString(8)})`);
  });

  it('finds a program insecure in a directory that others may write, however far above', () => {
    const path = program('a/b/c');
    chmodSync(join(base, 'a'), 0o777);
    expect(inspect(path)).toMatchObject({ kind: 'insecure', why: expect.stringContaining(`'${join(base, 'a')}'`) });
  });

  it('takes a sticky directory for safe, because what is ours in it stays ours', () => {
    const path = program('shared');
    chmodSync(join(base, 'shared'), 0o1777);
    expect(inspect(path)).toMatchObject({ kind: 'ok' });
  });

  it.runIf(UID === 0)('counts a group as others, unless it is the group of root', () => {
    const path = program('bin', 'op', 0o775);
    expect(inspect(path)).toMatchObject({ kind: 'ok' });
    chownSync(path, 0, 50);
    expect(inspect(path)).toMatchObject({ kind: 'insecure', why: expect.stringContaining('0775') });
    chmodSync(path, 0o755);
    expect(inspect(path)).toMatchObject({ kind: 'ok' });
    chmodSync(join(base, 'bin'), 0o2775);
    chownSync(join(base, 'bin'), 0, 50);
    expect(inspect(path)).toMatchObject({ kind: 'insecure', why: expect.stringContaining('2775') });
  });

  it.runIf(UID === 0)('finds what another user owns insecure, whatever its mode', () => {
    const path = program('bin');
    chownSync(path, OTHER, 0);
    expect(inspect(path)).toMatchObject({
      kind: 'insecure',
      why: `'${path}' is owned by user ${OTHER}, expected 0 or ${UID}`,
    });
    chownSync(path, 0, 0);
    chownSync(join(base, 'bin'), OTHER, 0);
    expect(inspect(path)).toMatchObject({ kind: 'insecure' });
    expect(inspectBinary(path, { uid: OTHER })).toMatchObject({ kind: 'ok' });
  });

  it.runIf(UID === 0)('finds a link of another user insecure where others can put links', () => {
    const path = program('bin');
    mkdirSync(join(base, 'shared'));
    chmodSync(join(base, 'shared'), 0o1777);
    const link = join(base, 'shared/op');
    symlinkSync(path, link);
    expect(inspect(link)).toEqual({ kind: 'ok', realPath: path });
    rmSync(link);
    symlinkSync(path, link);
    lchownSync(link, OTHER, 0);
    expect(inspect(link)).toMatchObject({ kind: 'insecure', why: expect.stringContaining(`'${link}'`) });
  });

  it('judges where the links lead, and the directories that hold them', () => {
    const path = program('real');
    mkdirSync(join(base, 'links'));
    symlinkSync('../real/op', join(base, 'links/relative'));
    symlinkSync(join(base, 'real'), join(base, 'links/directory'));
    expect(inspect(join(base, 'links/relative'))).toEqual({ kind: 'ok', realPath: path });
    expect(inspect(`${base}/links/directory/../real/./op`)).toEqual({ kind: 'ok', realPath: path });
    chmodSync(join(base, 'real'), 0o777);
    expect(inspect(join(base, 'links/relative'))).toMatchObject({ kind: 'insecure' });
    chmodSync(join(base, 'real'), 0o755);
    chmodSync(join(base, 'links'), 0o777);
    expect(inspect(join(base, 'links/relative'))).toMatchObject({ kind: 'insecure' });
  });

  it.each([
    'sh',
    'bash',
    'python3',
    'python3.11',
    'perl5.36.0',
    'ruby3.1',
    'node',
    'env',
    'xargs',
    'busybox',
    'lua5.4',
  ])('warns of %s, which runs whatever it is told', (name) => {
    const path = program('bin', name);
    expect(inspect(path)).toEqual({ kind: 'interpreter', realPath: path, name });
  });

  it.each(['op', 'gh', 'git', 'ssh', 'shasum', 'nodemon', 'perldoc', 'envsubst', 'watchman'])(
    'does not warn of %s',
    (name) => {
      expect(inspect(program('bin', name))).toMatchObject({ kind: 'ok' });
    },
  );

  it('knows an interpreter by its real name, and a multi-call program by the name that it is called by', () => {
    symlinkSync(program('bin', 'python3.12'), join(base, 'bin/tool'));
    expect(inspect(join(base, 'bin/tool'))).toMatchObject({ kind: 'interpreter', name: 'python3.12' });
    program('bin', 'busybox');
    symlinkSync('busybox', join(base, 'bin/ls'));
    symlinkSync('busybox', join(base, 'bin/ash'));
    expect(inspect(join(base, 'bin/ls'))).toMatchObject({ kind: 'ok' });
    expect(inspect(join(base, 'bin/ash'))).toMatchObject({ kind: 'interpreter', name: 'ash' });
  });

  it('shows a path safely', () => {
    const path = program('a\u001b[2Jb', 'op', 0o777);
    expect(inspect(path)).toHaveProperty('why', expect.not.stringContaining('\u001b'));
  });
});
