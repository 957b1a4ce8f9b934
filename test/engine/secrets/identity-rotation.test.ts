import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Rotation } from '../../../src/engine/secrets/identity-rotation.ts';
import {
  decryptWithPassphrase,
  encryptWithPassphrase,
  newIdentity,
  recipientOf,
} from '../../../src/engine/secrets/store-age.ts';
import { Secret } from '../../../src/model/secret.ts';
import { makeStoreDirectory, passphrase, type StoreDirectory } from './store-directory.ts';

/** Real files take a second each. */
const FAST = { workFactor: 2 };
const PASSPHRASE = 'correct horse battery';
const LOCKED: Rotation = { keep: { passphrase: new Secret(PASSPHRASE) }, ...FAST };
const SAME: Rotation = { keep: 'same', ...FAST };

describe('the identity of the store', () => {
  let directory: StoreDirectory;
  const path = (name: string): string => directory.path(name);
  const credentials = (): string => directory.path('../credentials');
  const set = (name: string, value: string): Promise<unknown> => directory.open().write(name, new Secret(value));
  const read = async (name: string, asked = PASSPHRASE): Promise<string> =>
    (await directory.open({ askPassphrase: passphrase(asked).ask }).read(name)).reveal();
  const giveCredential = (name: string, text: string): void => {
    mkdirSync(credentials(), { recursive: true });
    writeFileSync(join(credentials(), name), text, { mode: 0o400 });
  };

  beforeEach(() => {
    directory = makeStoreDirectory();
  });
  afterEach(() => {
    directory.remove();
  });

  it('is another one after a rotation, and the old one reads nothing any more', async () => {
    await set('one', 'value one');
    await set('two', 'value two');
    const before = readFileSync(path('secrets.key'));
    expect(await directory.open().rotate(SAME)).toEqual({
      source: { kind: 'file', path: path('secrets.key') },
      secrets: 2,
      resumed: false,
    });
    expect([await read('one'), await read('two')]).toEqual(['value one', 'value two']);
    expect(statSync(path('secrets/one.age')).mode & 0o777).toBe(0o600);
    expect(readFileSync(path('secrets.key'), 'utf8').match(/^AGE-SECRET-KEY-1/gm)).toHaveLength(1);
    writeFileSync(path('secrets.key'), before);
    await expect(read('one')).rejects.toMatchObject({ code: 'secret-unreadable' });
  });

  it('leaves the secrets as old as they were', async () => {
    const times = (): unknown[] =>
      directory
        .open()
        .list()
        .map(({ setAt }) => setAt?.getTime());
    await set('one', 'value one');
    const [set1] = times();
    await directory.open().rotate(SAME);
    const rotated = times();
    expect(Number(set1) - Number(rotated[0])).toBeGreaterThanOrEqual(0);
    await directory.open().rotate(SAME);
    expect(times()).toEqual(rotated);
  });

  it('is changed under a store that is open', async () => {
    await set('one', 'value one');
    const store = directory.open();
    await store.read('one');
    await directory.open().rotate(SAME);
    expect((await store.read('one')).reveal()).toBe('value one');
    await store.write('one', new Secret('value two'));
    expect(await read('one')).toBe('value two');
  });

  it('loses nothing of what is set and read while it is changed', { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 8 }, (_, i) => `s${i}`);
    for (const name of names) await set(name, `old ${name}`);
    const reads = names.map((name) => read(name));
    await Promise.all([
      directory.open().rotate(SAME),
      ...names.slice(4).map((name) => set(name, `new ${name}`)),
      directory.open().rotate(SAME),
      ...reads,
    ]);
    for (const name of names) expect(await read(name)).toBe(`${name < 's4' ? 'old' : 'new'} ${name}`);
  });

  it('is not changed where a secret cannot be read, which is named', async () => {
    await set('one', 'value one');
    await set('two', 'value two');
    const before = readFileSync(path('secrets.key'));
    writeFileSync(path('secrets/two.age'), 'damaged');
    await expect(directory.open().rotate(SAME)).rejects.toThrow(/secret 'two': .*two\.age' is damaged or not whole/);
    chmodSync(path('secrets/two.age'), 0o644);
    await expect(directory.open().rotate(SAME)).rejects.toThrow(/two\.age' has mode 0644/);
    expect(readFileSync(path('secrets.key'))).toEqual(before);
    expect(await read('one')).toBe('value one');
  });

  it('is finished by a second run where the first was killed, and no further one is made', async () => {
    await set('one', 'value one');
    const old = readFileSync(path('secrets.key'), 'utf8');
    const [identity, key] = [await newIdentity(), path('secrets.key')];
    writeFileSync(key, `${identity.reveal()}\n${old}`);
    expect(await directory.open().unlock()).toMatchObject({ unfinished: true });
    await set('two', 'value two');
    expect([await read('one'), await read('two')]).toEqual(['value one', 'value two']);
    expect(await directory.open().rotate(SAME)).toMatchObject({ secrets: 2, resumed: true });
    expect(readFileSync(key, 'utf8').match(/^AGE-.*/gm)).toEqual([identity.reveal()]);
    expect(await directory.open().unlock()).toMatchObject({ unfinished: false });
    expect([await read('one'), await read('two')]).toEqual(['value one', 'value two']);
  });

  it('is behind a passphrase, which a gateway asks for once, and nobody for setting a secret', async () => {
    await set('one', 'value one');
    await directory.open().rotate(LOCKED);
    expect(readdirSync(directory.state).toSorted()).toEqual([
      'secrets',
      'secrets.key.age',
      'secrets.lock',
      'secrets.pub',
    ]);
    const { ask, asked } = passphrase(PASSPHRASE);
    const gateway = directory.open({ askPassphrase: ask });
    expect(await gateway.unlock()).toEqual({
      source: { kind: 'passphrase', path: path('secrets.key.age') },
      unfinished: false,
    });
    await set('two', 'value two');
    expect((await gateway.read('one')).reveal()).toBe('value one');
    expect((await gateway.read('two')).reveal()).toBe('value two');
    expect(asked()).toBe(1);
    await directory.open({ askPassphrase: ask }).rotate(SAME);
    await set('two', 'value three');
    expect((await gateway.read('two')).reveal()).toBe('value three');
    await expect(read('one', 'another one')).rejects.toThrow('is encrypted with another passphrase');
  });

  it('goes back to a file, and nothing of the passphrase stays', async () => {
    await set('one', 'value one');
    await directory.open().rotate(LOCKED);
    await directory.open({ askPassphrase: passphrase(PASSPHRASE).ask }).rotate({ keep: 'file', ...FAST });
    expect(readdirSync(directory.state).toSorted()).toEqual(['secrets', 'secrets.key', 'secrets.lock']);
    expect((await directory.open().read('one')).reveal()).toBe('value one');
  });

  it('is encrypted to as it is kept, whatever a file of another day says', async () => {
    const other = await recipientOf(await newIdentity());
    await set('one', 'value one');
    writeFileSync(path('secrets.pub'), `${other ?? ''}\n`);
    await set('two', 'value two');
    expect(await read('two')).toBe('value two');
    await directory.open().rotate(LOCKED);
    await set('three', 'value three');
    expect(await read('three')).toBe('value three');
    unlinkSync(path('secrets.pub'));
    await directory.open({ askPassphrase: passphrase(PASSPHRASE).ask }).write('four', new Secret('value four'));
    expect(await read('four')).toBe('value four');
  });

  it('comes from the credential where there is one, and secrets are set without it', async () => {
    const identity = await newIdentity();
    giveCredential('carapace-secrets-key', `${identity.reveal()}\n`);
    const gateway = directory.open({ credentialsDirectory: credentials() });
    expect(await gateway.unlock()).toMatchObject({ source: { kind: 'credential' } });
    expect(readFileSync(path('secrets.pub'), 'utf8')).toBe(`${(await recipientOf(identity)) ?? ''}\n`);
    await set('one', 'value one');
    expect(existsSync(path('secrets.key'))).toBe(false);
    expect((await gateway.read('one')).reveal()).toBe('value one');
    await expect(gateway.rotate(SAME)).rejects.toThrow("its identity is the credential 'carapace-secrets-key'");
    await expect(read('one')).rejects.toThrow('the identity of the stored secrets is missing');
    chmodSync(join(credentials(), 'carapace-secrets-key'), 0o444);
    await set('one', 'value two');
    await expect(gateway.read('one')).rejects.toThrow('has mode 0444: others may read it');
  });

  it('is what new secrets are encrypted to where it is at hand, whatever is noted for those who have it not', async () => {
    await set('one', 'value one');
    giveCredential('carapace-secrets-key', readFileSync(path('secrets.key'), 'utf8'));
    writeFileSync(path('secrets.pub'), `${await recipientOf(await newIdentity())}\n`);
    await directory.open({ credentialsDirectory: credentials() }).write('two', new Secret('value two'));
    expect(await read('two')).toBe('value two');
  });

  it('is not opened where that would take more than a gigabyte of memory', async () => {
    const file = await encryptWithPassphrase(new Secret(PASSPHRASE), new Secret('text'), 2);
    const [before, after] = file.toString('latin1').split(/(?<=-> scrypt \S+ )2(?=\n)/);
    const greedy = Buffer.from(`${before}21${after}`, 'latin1');
    expect(await decryptWithPassphrase(new Secret(PASSPHRASE), file)).toMatchObject({ kind: 'text' });
    expect(await decryptWithPassphrase(new Secret(PASSPHRASE), greedy)).toEqual({ kind: 'damaged' });
  });

  it('is opened by the passphrase of a credential, and nobody is asked', async () => {
    await set('one', 'value one');
    await directory.open().rotate(LOCKED);
    giveCredential('carapace-secrets-passphrase', `${PASSPHRASE}\n`);
    const gateway = directory.open({ credentialsDirectory: credentials() });
    expect((await gateway.read('one')).reveal()).toBe('value one');
  });

  it('is made by a rotation where there is none, and nothing waits for another one', async () => {
    expect(await directory.open().rotate(LOCKED)).toMatchObject({ source: { kind: 'passphrase' }, secrets: 0 });
    await set('one', 'value one');
    expect(await read('one')).toBe('value one');
    unlinkSync(path('secrets.key.age'));
    await expect(directory.open().rotate(SAME)).rejects.toThrow('the identity of the stored secrets is missing');
  });

  it('is refused where the passphrase opens something else, or the file is damaged', async () => {
    await set('one', 'value one');
    await directory.open().rotate(LOCKED);
    const file = readFileSync(path('secrets.key.age'));
    for (const size of [0, 10, 60, 120, file.length - 1]) {
      writeFileSync(path('secrets.key.age'), file.subarray(0, size));
      await expect(read('one')).rejects.toThrow(/secret 'one': secret store: '.*secrets\.key\.age' is damaged/);
    }
  });
});
