import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encryptTo, newIdentity, recipientOf } from '../../../src/engine/secrets/store-age.ts';
import { Secret } from '../../../src/model/secret.ts';
import { makeStoreDirectory, type StoreDirectory } from './store-directory.ts';

const VALUE = 'hunter2-hunter2';
const isRoot = process.getuid?.() === 0;
const hasAge = spawnSync('age', ['--version']).error === undefined;

describe('the secret store', () => {
  let directory: StoreDirectory;
  const path = (name: string): string => directory.path(name);
  const set = (name: string, value = VALUE): Promise<unknown> => directory.open().write(name, new Secret(value));
  const read = async (name: string): Promise<string> => (await directory.open().read(name)).reveal();
  const failure = async (name: string): Promise<{ code: string; message: string; hint?: string }> => {
    const error = await directory
      .open()
      .read(name)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (!(error instanceof Error) || !('code' in error)) throw new Error('expected an error with a code');
    expect(JSON.stringify([error.message, error])).not.toContain('hunter2');
    return error as unknown as { code: string; message: string };
  };

  beforeEach(() => {
    directory = makeStoreDirectory();
  });
  afterEach(() => {
    directory.remove();
  });

  it.each([
    ['a word', 'hunter2'],
    ['one byte', 'x'],
    ['lines', '-----BEGIN KEY-----\nabc\r\n-----END KEY-----\n'],
    ['every character that JSON escapes', '"\\\u0001\u2028\u{1f600}\ufeff'],
    ['the largest value', '\u0001'.repeat(1024 * 1024)],
  ])('gives back %s as it was set', async (_what, value) => {
    await set('token', value);
    expect((await read('token')) === value).toBe(true);
  });

  it('keeps nothing in the clear, and lets nobody else look', async () => {
    await set('token');
    expect(readdirSync(directory.state).toSorted()).toEqual(['secrets', 'secrets.key', 'secrets.lock']);
    expect(readdirSync(path('secrets'))).toEqual(['token.age']);
    expect(readFileSync(path('secrets/token.age'), 'latin1')).not.toMatch(/hunter2|token/);
    const modes = ['', 'secrets', 'secrets/token.age', 'secrets.key'].map((name) => statSync(path(name)).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600]);
  });

  it('says whether there was one before', async () => {
    const store = directory.open();
    expect(await store.write('token', new Secret('one'))).toBe('set');
    expect(await store.write('token', new Secret('two'))).toBe('replaced');
    expect((await store.read('token')).reveal()).toBe('two');
    expect(await store.remove('token')).toBe(true);
    expect(await store.remove('token')).toBe(false);
    await expect(store.read('token')).rejects.toMatchObject({ code: 'secret-missing' });
  });

  it('has nothing where there is no store yet, and makes none by looking', async () => {
    const store = directory.open();
    expect(store.list()).toEqual([]);
    expect(await store.remove('token')).toBe(false);
    expect(await store.unlock()).toBeNull();
    await expect(store.read('token')).rejects.toMatchObject({
      code: 'secret-missing',
      message: "secret 'token': does not exist",
    });
    expect(existsSync(directory.state)).toBe(false);
  });

  it.each(['', '.', '..', '../token', 'a/b', '.hidden', '-x', 'a b', 'a\nb', 'é', 'x'.repeat(65)])(
    'refuses the name %j',
    async (name) => {
      await expect(set(name)).rejects.toMatchObject({ code: 'bad-data' });
      await expect(read(name)).rejects.toMatchObject({ code: 'secret-missing' });
      expect(await directory.open().remove(name)).toBe(false);
    },
  );

  it('refuses a name that differs only in case, which would be the same file elsewhere', async () => {
    await set('Token', 'one');
    await expect(set('token', 'two')).rejects.toThrow("secret 'token': differs only in case from 'Token'");
    expect(await read('Token')).toBe('one');
  });

  it.each([
    ['', 'is empty'],
    ['a\0b', 'holds a NUL byte'],
    ['\ud800', 'is no valid UTF-8'],
    ['x'.repeat(1024 * 1024 + 1), 'is larger than 1048576 bytes'],
  ])('refuses a value (number %#)', async (value, problem) => {
    await expect(set('token', value)).rejects.toThrow(`secret 'token': ${problem}`);
    expect(directory.open().list()).toEqual([]);
  });

  it('gives another value from the next call on, by whomever it was set or removed', async () => {
    const store = directory.open();
    for (const value of ['one', 'two', 'sec', 'three']) {
      await set('token', value);
      expect((await store.read('token')).reveal()).toBe(value);
    }
    await directory.open().remove('token');
    await expect(store.read('token')).rejects.toMatchObject({ code: 'secret-missing' });
  });

  it('decrypts a file once, as long as it stays as it is', async () => {
    await set('token');
    const store = directory.open();
    const first = await store.read('token');
    rmSync(path('secrets.key'));
    expect(await store.read('token')).toBe(first);
    const { mtime } = statSync(path('secrets/token.age'));
    utimesSync(path('secrets/token.age'), mtime, mtime);
    await expect(store.read('token')).rejects.toMatchObject({ code: 'secret-unreadable' });
  });

  it('refuses a file that others may read, also one that was read before', async () => {
    await set('token');
    const store = directory.open();
    await store.read('token');
    chmodSync(path('secrets/token.age'), 0o644);
    const message = `secret 'token': '${path('secrets/token.age')}': has mode 0644: others may read it`;
    await expect(store.read('token')).rejects.toMatchObject({ code: 'secret-unreadable', message });
    expect(await failure('token')).toMatchObject({ hint: `run: chmod go= '${path('secrets/token.age')}'` });
    expect(directory.open().list()).toMatchObject([
      { name: 'token', problem: 'has mode 0644: others may read or write it' },
    ]);
  });

  it('refuses a directory and an identity that others may read', async () => {
    await set('token');
    chmodSync(path('secrets'), 0o755);
    expect(await failure('token')).toMatchObject({
      message: expect.stringContaining(`'${path('secrets')}': has mode`),
    });
    chmodSync(path('secrets'), 0o700);
    chmodSync(path('secrets.key'), 0o640);
    const message = `secret 'token': '${path('secrets.key')}': has mode 0640: others may read it`;
    expect(await failure('token')).toMatchObject({ code: 'secret-unreadable', message });
    await expect(set('other')).rejects.toThrow(`'${path('secrets.key')}': has mode 0640`);
  });

  it.skipIf(!isRoot)('refuses a file of another user', async () => {
    await set('token');
    chownSync(path('secrets/token.age'), 65_534, 65_534);
    expect(await failure('token')).toMatchObject({
      message: expect.stringContaining('belongs to user 65534, expected 0'),
    });
    expect(directory.open().list()).toMatchObject([{ problem: 'belongs to user 65534, expected 0' }]);
  });

  it.skipIf(!isRoot)('gives what root makes to the user whose gateway it is, and trusts both', async () => {
    mkdirSync(directory.state, { mode: 0o700 });
    chownSync(directory.state, 65_534, 65_534);
    await set('token');
    for (const name of ['secrets', 'secrets/token.age', 'secrets.key', 'secrets.lock'])
      expect([name, statSync(path(name)).uid]).toEqual([name, 65_534]);
    expect(await read('token')).toBe(VALUE);
    expect(directory.open().list()).toMatchObject([{ name: 'token', problem: null }]);
  });

  it.skipIf(!isRoot)(
    'gives a state directory that root makes to the owner of the directory that it is in',
    async () => {
      chownSync(dirname(directory.state), 65_534, 65_533);
      await set('token');
      for (const name of ['.', 'secrets', 'secrets/token.age', 'secrets.key', 'secrets.lock']) {
        const { uid, gid } = statSync(path(name));
        expect([name, uid, gid]).toEqual([name, 65_534, 65_533]);
      }
      expect(statSync(directory.state).mode & 0o777).toBe(0o700);
      expect(await read('token')).toBe(VALUE);
    },
  );

  it('refuses a file that was put in the place of another', async () => {
    await set('one');
    await set('two', 'hunter2-two');
    const [one, two] = [path('secrets/one.age'), path('secrets/two.age')];
    renameSync(one, `${one}.aside`);
    renameSync(two, one);
    renameSync(`${one}.aside`, two);
    expect(await failure('one')).toMatchObject({
      code: 'secret-unreadable',
      message: `secret 'one': '${one}' holds the secret 'two': it was renamed, or put in the place of another`,
    });
    expect(await failure('two')).toMatchObject({ message: expect.stringContaining("holds the secret 'one'") });
    copyFileSync(one, path('secrets/three.age'));
    expect(await failure('three')).toMatchObject({ code: 'secret-unreadable' });
  });

  it('refuses a file that is cut off, at every length', { timeout: 60_000 }, async () => {
    await set('token');
    const file = path('secrets/token.age');
    for (let size = statSync(file).size - 1; size >= 0; size -= 1) {
      truncateSync(file, size);
      expect(await failure('token')).toMatchObject({
        code: 'secret-unreadable',
        message: `secret 'token': '${file}' is damaged or not whole`,
        hint: 'set it again: carapace secret set token',
      });
    }
  });

  it('refuses a file of which a byte was changed, wherever', { timeout: 60_000 }, async () => {
    await set('token');
    const file = path('secrets/token.age');
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(file, changed);
      expect(await failure('token')).toMatchObject({ code: 'secret-unreadable' });
    }
  });

  it.each([
    'hunter2',
    '{}',
    '[]',
    'null',
    '{"v":2,"name":"token","setAt":"2026-01-01T00:00:00Z","value":"hunter2"}',
    '{"v":1,"name":"token","setAt":"2026-01-01T00:00:00Z","value":"hunter2","more":1}',
    '{"v":1,"name":"token","name":"token","setAt":"2026-01-01T00:00:00Z","value":"hunter2"}',
    '{"v":1,"name":"token","setAt":"yesterday","value":"hunter2"}',
    '{"v":1,"name":"token","setAt":"2026-01-01T00:00:00Z","value":""}',
    '{"v":1,"name":"token","setAt":"2026-01-01T00:00:00Z","value":7}',
  ])('refuses a plaintext that it would not have written: %s', async (text) => {
    await set('token');
    const recipient = /age1\w+/.exec(readFileSync(path('secrets.key'), 'utf8'))?.[0] ?? '';
    writeFileSync(path('secrets/token.age'), await encryptTo(recipient, new Secret(text)));
    expect(await failure('token')).toMatchObject({ message: expect.stringContaining('no file that carapace wrote') });
  });

  it('refuses with another identity, and names both files', async () => {
    await set('token');
    const other = await newIdentity();
    writeFileSync(path('secrets.key'), `${other.reveal()}\n`);
    expect(await failure('token')).toMatchObject({
      code: 'secret-unreadable',
      message: `secret 'token': '${path('secrets/token.age')}' is encrypted to another identity than that of '${path('secrets.key')}'`,
    });
  });

  it('makes no new identity where secrets wait for one that is gone', async () => {
    await set('token');
    rmSync(path('secrets.key'));
    const missing = `the identity of the stored secrets is missing: neither '${path('secrets.key')}' nor '${path('secrets.key.age')}' is there`;
    expect(await failure('token')).toMatchObject({ message: `secret 'token': secret store: ${missing}` });
    await expect(set('other')).rejects.toMatchObject({ code: 'configuration', message: `secret store: ${missing}` });
    await expect(directory.open().unlock()).rejects.toMatchObject({ code: 'configuration' });
    expect(existsSync(path('secrets.key'))).toBe(false);
    await directory.open().remove('token');
    await set('token', 'again');
    expect(await read('token')).toBe('again');
  });

  it.each(['', '# nothing\n', 'AGE-SECRET-KEY-1XX\n', 'hunter2\n'])('refuses an identity file of %j', async (text) => {
    await set('token');
    writeFileSync(path('secrets.key'), text);
    expect(await failure('token')).toMatchObject({
      message: `secret 'token': secret store: '${path('secrets.key')}' holds no identity of the form 'AGE-SECRET-KEY-1...'`,
    });
  });

  it('loses nothing to several that write at once', { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 12 }, (_, i) => `s${i % 6}`);
    const done = await Promise.all(names.map((name, i) => directory.open().write(name, new Secret(`value ${i}`))));
    expect(done.toSorted()).toEqual([...names.slice(6).map(() => 'replaced'), ...names.slice(6).map(() => 'set')]);
    for (const name of names) expect(await read(name)).toMatch(/^value \d+$/);
    expect(readdirSync(path('secrets'))).toHaveLength(6);
  });

  it('removes what a killed writer left, and nothing else', async () => {
    await set('token');
    writeFileSync(path('secrets/.AAAAAAAAAAAA.tmp'), 'half');
    writeFileSync(path('.AAAAAAAAAAAA.tmp'), readFileSync(path('secrets.key')));
    writeFileSync(path('.BBBBBBBBBBBB.tmp'), "another's");
    writeFileSync(path('secrets/usage.json'), '{}');
    await set('other');
    expect(readdirSync(path('secrets')).toSorted()).toEqual(['other.age', 'token.age', 'usage.json']);
    expect(readdirSync(directory.state)).toContain('.BBBBBBBBBBBB.tmp');
    expect(readdirSync(directory.state)).not.toContain('.AAAAAAAAAAAA.tmp');
  });

  it('lists what is there with its problems, and needs no identity for it', async () => {
    await set('b');
    await set('a');
    writeFileSync(path('secrets/a copy.age'), 'x');
    mkdirSync(path('secrets/c.age'));
    utimesSync(path('secrets/b.age'), new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'));
    rmSync(path('secrets.key'));
    const list = directory.open().list();
    expect(list.map(({ name, problem }) => [name, problem])).toEqual([
      ['a', null],
      ['a copy', expect.stringContaining('is no name of a secret')],
      ['b', null],
      ['c', 'is no regular file'],
    ]);
    expect(list[2]?.setAt).toEqual(new Date('2026-01-02T03:04:05Z'));
  });

  it.skipIf(!hasAge)('is read by age, and age-keygen knows its identity', async () => {
    await set('token');
    const key = path('secrets.key');
    const recipient = execFileSync('age-keygen', ['-y', key]).toString().trim();
    expect(recipient).toBe(/age1\w+/.exec(readFileSync(key, 'utf8'))?.[0]);
    const text = execFileSync('age', ['-d', '-i', key, path('secrets/token.age')]).toString();
    expect(JSON.parse(text)).toEqual({ v: 1, name: 'token', setAt: expect.any(String), value: VALUE });
  });

  it.skipIf(!hasAge)('reads what age wrote, with an identity of age-keygen', async () => {
    mkdirSync(path('secrets'), { recursive: true, mode: 0o700 });
    execFileSync('age-keygen', ['-o', path('secrets.key')], { stdio: 'ignore' });
    const recipient = execFileSync('age-keygen', ['-y', path('secrets.key')])
      .toString()
      .trim();
    const text = '{"v":1,"name":"token","setAt":"2026-01-01T00:00:00Z","value":"by age"}';
    execFileSync('age', ['-r', recipient, '-o', path('secrets/token.age')], { input: text });
    chmodSync(path('secrets/token.age'), 0o600);
    expect(await read('token')).toBe('by age');
    expect(await recipientOf(new Secret(readFileSync(path('secrets.key'), 'utf8').split('\n')[2] ?? ''))).toBe(
      recipient,
    );
    await set('other', 'by us');
    expect(await read('other')).toBe('by us');
  });
});
