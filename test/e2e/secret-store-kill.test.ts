/** Killed before any of its steps, a command that writes to the secret store loses no secret; another run finishes. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newIdentity, recipientOf } from '../../src/engine/secrets/store-age.ts';
import { openSecretStore, type SecretStore } from '../../src/engine/secrets/store.ts';
import { Secret } from '../../src/model/secret.ts';
import { MAIN } from '../helpers/gateway.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const HOOK = fixture('kill-at-step.js');
const ROTATE = fixture('rotate-key.js');
/** The passphrases before and after; whoever is asked tries both. */
const OLD = 'correct horse battery';
const NEW = 'staple under the rug';
const SECRETS: Readonly<Record<string, string>> = { one: 'value one', two: 'value two' };

/** Ways that share their steps with others. */
const MORE = [
  ['behind a passphrase', 'passphrase', 'same'],
  ['from one passphrase to another', 'passphrase', NEW],
] as const;

function openStore(state: string, passphrase: string): SecretStore {
  return openSecretStore({
    stateDirectory: state,
    credentialsDirectory: undefined,
    askPassphrase: () => Promise.resolve(new Secret(passphrase)),
  });
}

/** The value, by whichever of the two passphrases opens the identity. */
async function readBack(state: string, name: string): Promise<string> {
  const read = async (passphrase: string): Promise<string> => (await openStore(state, passphrase).read(name)).reveal();
  return read(NEW).catch(() => read(OLD));
}

describe('killed at any step', () => {
  let root: string;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'carapace-kill-'));
  });
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  /** Runs node with `words`, killed before step `killAt`; with 0, to its end. Returns the number of steps then. */
  const run = (words: readonly string[], killAt: number, input = ''): number => {
    const env = { ...process.env, KILL_AT: String(killAt) };
    const ran = spawnSync(process.execPath, ['--import', HOOK, ...words], { input, env, encoding: 'utf8' });
    if (killAt > 0) expect([ran.signal, ran.stderr]).toEqual(['SIGKILL', '']);
    else expect([ran.status, ran.stderr]).toEqual([0, '']);
    return Number(/steps (\d+)/.exec(ran.stdout)?.[1]);
  };

  /** A directory with the secrets in it, its identity kept as `keep` says. */
  const filled = async (name: string, keep: 'file' | 'passphrase'): Promise<string> => {
    const state = join(root, name, 'state');
    const store = openStore(state, OLD);
    for (const [secret, value] of Object.entries(SECRETS)) await store.write(secret, new Secret(value));
    if (keep === 'passphrase') await store.rotate({ keep: { passphrase: new Secret(OLD) }, workFactor: 2 });
    // Of another day, and of no identity that is kept: it must not count when it is behind a passphrase.
    else writeFileSync(join(state, 'secrets.pub'), `${(await recipientOf(await newIdentity())) ?? ''}\n`);
    return state;
  };

  /** For each step: a copy of `state`, the command killed before that step in it, and what must hold then. */
  const killEverywhere = async (
    state: string,
    words: (copy: string) => readonly string[],
    check: (copy: string) => Promise<void>,
    input = '',
  ): Promise<number> => {
    const copyTo = (name: string): string => {
      const copy = join(root, name, 'state');
      cpSync(join(state, '..'), join(root, name), { recursive: true, preserveTimestamps: true });
      return copy;
    };
    const steps = run(words(copyTo('to-its-end')), 0, input);
    await check(join(root, 'to-its-end', 'state'));
    rmSync(join(root, 'to-its-end'), { recursive: true });
    for (let step = 1; step <= steps; step += 1) {
      const copy = copyTo('killed');
      run(words(copy), step, input);
      await check(copy);
      rmSync(join(root, 'killed'), { recursive: true });
    }
    return steps;
  };

  const setWords = (copy: string): string[] => [MAIN, 'secret', 'set', 'one', '--dir', join(copy, '..')];

  it('secret set leaves the old value or the new one, and the others as they are', { timeout: 120_000 }, async () => {
    const state = await filled('set', 'file');
    const seen = new Set<string>();
    const steps = await killEverywhere(
      state,
      setWords,
      async (copy) => {
        seen.add(await readBack(copy, 'one'));
        expect(await readBack(copy, 'two')).toBe('value two');
        await openStore(copy, OLD).write('four', new Secret('value four'));
        expect(readdirSync(join(copy, 'secrets')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        expect(readdirSync(copy).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      },
      'another value',
    );
    expect(steps).toBeGreaterThan(4);
    expect(seen).toEqual(new Set(['value one', 'another value']));
  });

  it('the first secret set leaves a store that can be written to', { timeout: 120_000 }, async () => {
    const state = join(root, 'first', 'state');
    mkdirSync(join(root, 'first'));
    const seen = new Set<string>();
    await killEverywhere(
      state,
      setWords,
      async (copy) => {
        seen.add(await readBack(copy, 'one').catch((error: Error & { code?: string }) => error.code ?? error.message));
        await openStore(copy, OLD).write('two', new Secret('value two'));
        expect(await readBack(copy, 'two')).toBe('value two');
      },
      'value one',
    );
    expect(seen).toEqual(new Set(['secret-missing', 'value one']));
  });

  it.each([
    ['from file to file', 'file', 'same'],
    ['from a file to behind a passphrase', 'file', NEW],
    ['from a passphrase to a file', 'passphrase', 'file'],
    ...(process.env['SLOW'] === '1' ? MORE : []),
  ] as const)(
    'secret rotate-key %s loses nothing, and a second run finishes',
    { timeout: 300_000 },
    async (_what, from, to) => {
      const state = await filled(`rotate-${from}-${to.slice(0, 4)}`, from);
      const words = (copy: string): string[] => [ROTATE, copy, OLD, to];
      const allAreThere = async (copy: string): Promise<void> => {
        for (const [name, value] of Object.entries(SECRETS)) expect(await readBack(copy, name)).toBe(value);
      };
      let interrupted = 0;
      const steps = await killEverywhere(state, words, async (copy) => {
        await allAreThere(copy);
        // What is set meanwhile is not lost either, also where nobody knows the passphrase.
        await openStore(copy, 'nobody knows it')
          .write('four', new Secret('value four'))
          .catch(async () => {
            await openStore(copy, OLD)
              .write('four', new Secret('value four'))
              .catch(() => undefined);
          });
        if (openStore(copy, OLD).list().length === 3) expect(await readBack(copy, 'four')).toBe('value four');
        const passphrase = await openStore(copy, NEW)
          .unlock()
          .then(
            () => NEW,
            () => OLD,
          );
        const store = openStore(copy, passphrase);
        if ((await store.unlock())?.unfinished === true) interrupted += 1;
        await store.rotate({ keep: 'same', workFactor: 2 });
        await allAreThere(copy);
        expect(await openStore(copy, passphrase).unlock()).toMatchObject({ unfinished: false });
        expect(leftoverIdentities(copy)).toBe(1);
      });
      expect(steps).toBeGreaterThan(15);
      expect(interrupted).toBeGreaterThan(8);
    },
  );
});

/** How many files hold an identity, open or encrypted. */
function leftoverIdentities(state: string): number {
  return readdirSync(state, { withFileTypes: true }).filter(
    (entry) =>
      entry.isFile() && /AGE-SECRET-KEY-|^age-encryption/.test(readFileSync(join(state, entry.name), 'latin1')),
  ).length;
}
