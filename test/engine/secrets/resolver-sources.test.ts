import { chmodSync, chownSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CarapaceError } from '../../../src/model/error.ts';
import { describeThrown, readKept, stampOf } from '../../../src/engine/secrets/resolver-sources.ts';
import type { KeptReference, Sources } from '../../../src/engine/secrets/resolver-sources.ts';
import type { Found } from '../../../src/engine/secrets/resolve-text.ts';
import type { Folder, MemoryStore } from './resolver-fixtures.ts';
import { expectProblem, makeFolder, MARK, memoryStore, oauth2 } from './resolver-fixtures.ts';

const isRoot = process.getuid?.() === 0;
const SOMEBODY = 4321;

describe('values that are read where they are kept', () => {
  let folder: Folder;
  let store: MemoryStore;
  let sources: Sources;
  beforeEach(() => {
    folder = makeFolder();
    store = memoryStore();
    const env = { TOKEN: `${MARK}\n`, EMPTY: '', BROKEN: `${MARK}\uFFFD` };
    mkdirSync(folder.path('credentials'));
    sources = { store, env, credentialsDirectory: folder.path('credentials') };
  });
  afterEach(() => folder.remove());

  /** As the resolver does: what is thrown is a problem too. */
  const read = async (reference: KeptReference): Promise<Found> => {
    try {
      return await readKept(reference, sources);
    } catch (error) {
      return { ok: false, problem: describeThrown(error) };
    }
  };
  const valueOf = async (reference: KeptReference): Promise<string> => {
    const found = await read(reference);
    return found.ok ? found.value.reveal() : `problem: ${found.problem}`;
  };

  it('are what the store holds, newlines included', async () => {
    store.set('token', `${MARK}\n`);
    expect(await valueOf({ kind: 'secret', name: 'token' })).toBe(`${MARK}\n`);
    expectProblem(await read({ kind: 'secret', name: 'other' }), 'does not exist');
  });

  it('are what a file holds, without the newline at its end', async () => {
    expect(await valueOf({ kind: 'file', path: folder.file('token', `${MARK}\n`) })).toBe(MARK);
    expect(await valueOf({ kind: 'file', path: folder.file('token', `${MARK}\r\n`, 0o400) })).toBe(MARK);
    symlinkSync('token', folder.path('link'));
    expect(await valueOf({ kind: 'file', path: folder.path('link') })).toBe(MARK);
  });

  it.each([
    [0o644, 'others may read it'],
    [0o640, 'others may read it'],
    [0o604, 'others may read it'],
    [0o660, 'others may read it'],
    [0o620, 'others may write to it'],
  ])('are refused in a file of mode %o, with what mends it', async (mode, why) => {
    const path = folder.file('token', MARK, mode);
    const found = await read({ kind: 'file', path });
    expectProblem(found, new RegExp(`^has mode 0${mode.toString(8)}: ${why} \\(run: chmod go.* '${path}'\\)$`));
  });

  it.runIf(isRoot)('are refused in a file that somebody else owns', async () => {
    const path = folder.file('token', MARK);
    chownSync(path, SOMEBODY, 0);
    expectProblem(await read({ kind: 'file', path }), /^belongs to user 4321, expected 0 /);
  });

  it('are refused where there is no file, a directory, or a megabyte and a byte', async () => {
    expectProblem(await read({ kind: 'file', path: folder.path('none') }), 'does not exist');
    expectProblem(await read({ kind: 'file', path: folder.path('credentials') }), 'is no regular file');
    const path = folder.file('large', MARK.padEnd(1024 * 1024 + 1, 'x'));
    expectProblem(await read({ kind: 'file', path }), 'is larger than 1048576 bytes');
    writeFileSync(path, 'x'.repeat(1024 * 1024));
    expect(await read({ kind: 'file', path })).toMatchObject({ ok: true });
  });

  it('are refused in a file that is empty, no UTF-8, or holds NUL', async () => {
    expectProblem(await read({ kind: 'file', path: folder.file('token', '\n') }), 'is empty');
    expectProblem(await read({ kind: 'file', path: folder.file('token', `${MARK}\0`) }), 'holds a NUL byte');
    const path = folder.file('token', Buffer.from([0x61, 0xc3]));
    expectProblem(await read({ kind: 'file', path }), 'is no valid UTF-8');
  });

  it("are variables of the gateway's own environment, as they are", async () => {
    expect(await valueOf({ kind: 'env', name: 'TOKEN' })).toBe(`${MARK}\n`);
    expectProblem(await read({ kind: 'env', name: 'OTHER' }), "is not in the gateway's environment");
    expectProblem(await read({ kind: 'env', name: 'EMPTY' }), 'is empty');
    expectProblem(await read({ kind: 'env', name: 'BROKEN' }), 'is no valid UTF-8');
  });

  it('are credentials of systemd, also where the mode shows the mask of an access control list', async () => {
    folder.file('credentials/token', `${MARK}\n`, 0o440);
    expect(await valueOf({ kind: 'credential', name: 'token' })).toBe(MARK);
    chmodSync(folder.path('credentials/token'), 0o400);
    expect(await valueOf({ kind: 'credential', name: 'token' })).toBe(MARK);
  });

  it('are refused as a credential that all may read, is not there, or lies elsewhere', async () => {
    const path = folder.file('credentials/token', MARK, 0o444);
    expectProblem(await read({ kind: 'credential', name: 'token' }), new RegExp(`^'${path}': has mode 0444`));
    expectProblem(await read({ kind: 'credential', name: 'none' }), /none': does not exist$/);
    folder.file('outside', MARK);
    for (const name of ['../outside', 'a/../token', '', '.', '..']) {
      expectProblem(await read({ kind: 'credential', name }), `'${name}' is no name of a credential`);
    }
    sources = { ...sources, credentialsDirectory: undefined };
    expectProblem(await read({ kind: 'credential', name: 'token' }), /^there is no \$CREDENTIALS_DIRECTORY/);
  });

  it('have a stamp that changes with the file', () => {
    const path = folder.file('token', MARK);
    const reference = { kind: 'file', path } as const;
    const first = stampOf(reference, sources);
    expect(stampOf(reference, sources)).toBe(first);
    const stamps = [first];
    // As a person mends it: the content, the mode, and a file of the same size in its place.
    for (const change of [
      () => writeFileSync(path, `${MARK}!`),
      () => chmodSync(path, 0o640),
      () => utimesSync(path, 1, 1),
    ]) {
      change();
      stamps.push(stampOf(reference, sources));
    }
    stamps.push(stampOf({ kind: 'file', path: folder.path('none') }, sources));
    expect(new Set(stamps).size).toBe(stamps.length);
  });

  it('have a stamp that changes with the stored secret, and with what a refresh is made from', () => {
    const reference = oauth2('https://token.example/', { clientSecret: { kind: 'secret', name: 'client' } });
    const stamps = [stampOf(reference, sources)];
    store.set('grant', MARK);
    stamps.push(stampOf(reference, sources));
    store.set('client', MARK);
    stamps.push(stampOf(reference, sources));
    expect(new Set(stamps).size).toBe(3);
    expect(stampOf({ kind: 'credential', name: 'x' }, { ...sources, credentialsDirectory: undefined })).toBe('ENOENT');
  });
});

describe('what was thrown', () => {
  it('is told in our own words, and else only by name', () => {
    expect(describeThrown(new CarapaceError('x', 'store: is locked'))).toBe('store: is locked');
    expect(describeThrown(new CarapaceError('x', 'store: is locked', { hint: 'unlock it' }))).toBe(
      'store: is locked (unlock it)',
    );
    expect(describeThrown(Object.assign(new Error(MARK), { code: 'EIO' }))).toBe('internal error (EIO)');
    expect(describeThrown(new TypeError(MARK))).toBe('internal error (TypeError)');
    expect(describeThrown(MARK)).toBe('internal error (string)');
  });
});
