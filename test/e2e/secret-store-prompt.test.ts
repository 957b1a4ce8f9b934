/** `carapace secret` on a real terminal: what is typed is not shown. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSecretStore, type SecretStore } from '../../src/engine/secrets/store.ts';
import { Secret } from '../../src/model/secret.ts';
import { MAIN } from '../helpers/gateway.ts';

const PTY = fileURLToPath(new URL('../fixtures/on-terminal.py', import.meta.url));
const PYTHON = '/usr/bin/python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import pty']).status === 0;
const hasAge = spawnSync('age', ['--version']).error === undefined;

/** Runs a program on a terminal of its own; each answer is typed when its question has appeared. */
function onTerminal(
  words: readonly string[],
  answers: readonly (readonly [question: string, typed: string | number])[],
) {
  const input = JSON.stringify({ words, answers });
  const ran = spawnSync(PYTHON, [PTY], { input, encoding: 'utf8', timeout: 25_000 });
  expect(ran.stderr).toBe('');
  const { status, shown, echo } = JSON.parse(ran.stdout) as { status: number; shown: string; echo: boolean };
  return { status, shown: shown.replaceAll('\r\n', '\n'), echo };
}

describe.skipIf(!hasPython)('on a terminal', { timeout: 60_000 }, () => {
  let root: string;
  const state = (): string => join(root, 'state');
  const secret = (words: readonly string[], answers: Parameters<typeof onTerminal>[1]): ReturnType<typeof onTerminal> =>
    onTerminal([process.execPath, MAIN, 'secret', ...words, '--dir', root], answers);
  const open = (passphrase = ''): SecretStore =>
    openSecretStore({
      stateDirectory: state(),
      credentialsDirectory: undefined,
      askPassphrase: () => Promise.resolve(new Secret(passphrase)),
    });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'carapace-prompt-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('a value is asked for twice and never shown, and the terminal echoes again afterwards', async () => {
    const ran = secret(
      ['set', 'token'],
      [
        ['value of token: ', 'hunter2 hünter\r'],
        ['value of token, again: ', 'hunter2 hünterX\u007f\r'],
      ],
    );
    expect(ran).toEqual({
      status: 0,
      shown: 'value of token: \nvalue of token, again: \ntoken: set\n',
      echo: true,
    });
    expect((await open().read('token')).reveal()).toBe('hunter2 hünter');
  });

  it('nothing is stored where the answers differ, hold control characters, or are interrupted', () => {
    const first = ['value of token: ', 'hunter2\r'] as const;
    const again = 'value of token, again: ';
    expect(secret(['set', 'token'], [first, [again, 'hunter3\r']])).toMatchObject({ status: 65, echo: true });
    expect(secret(['set', 'token'], [['value of token: ', 'hunter\u001b[D2\r']])).toMatchObject({ status: 65 });
    expect(secret(['set', 'token'], [first, [again, 'hunter\u0003']])).toMatchObject({ status: 1, echo: true });
    expect(secret(['set', 'token'], [first, [again, '\u0004']])).toMatchObject({ status: 1, echo: true });
    expect(open().list()).toEqual([]);
  });

  it.each(['SIGHUP', 'SIGTERM'] as const)('the terminal echoes again after %s', (signal) => {
    const number = constants.signals[signal];
    const ran = secret(['set', 'token'], [['value of token: ', number]]);
    // A program that died of a signal has its negative number.
    expect(ran).toMatchObject({ status: -number, echo: true });
    expect(open().list()).toEqual([]);
  });

  it('what is typed ahead is taken and not shown', async () => {
    const ran = secret(['set', 'token'], [['value of token: ', 'wrong\u0015hunter2!\rhunter2!\r']]);
    expect(ran.shown).not.toContain('hunter2');
    expect(ran.status).toBe(0);
    expect((await open().read('token')).reveal()).toBe('hunter2!');
  });

  it('a passphrase comes to the identity, is changed, and goes again', { timeout: 180_000 }, async () => {
    await open().write('token', new Secret('value'));
    const [one, two] = ['correct horse battery', 'staple under the rug'];
    const twice = (passphrase: string) =>
      [
        ['new passphrase: ', `${passphrase}\r`],
        ['new passphrase, again: ', `${passphrase}\r`],
      ] as const;
    const asked = (passphrase: string) => [`secrets.key.age': `, `${passphrase}\r`] as const;
    expect(secret(['rotate-key', '--passphrase'], twice('short'))).toMatchObject({ status: 65 });
    const began = secret(['rotate-key', '--passphrase'], twice(one));
    expect(began.status).toBe(0);
    expect(began.shown).toMatch(/again: \nthis takes a few seconds: .*\nsecrets: made a new identity/);
    expect((await open(one).read('token')).reveal()).toBe('value');
    if (hasAge) {
      const words = ['age', '-d', join(state(), 'secrets.key.age')];
      const { shown } = onTerminal(words, [['passphrase: ', `${one}\r`]]);
      expect(shown).toMatch(/AGE-SECRET-KEY-1\w+\n$/);
    }
    expect(secret(['rotate-key'], [asked('another one, wrong')])).toMatchObject({ status: 78 });
    expect(secret(['rotate-key', '--passphrase'], [...twice(two), asked(one)])).toMatchObject({ status: 0 });
    await expect(open(one).read('token')).rejects.toMatchObject({
      message: expect.stringContaining('is encrypted with another passphrase'),
    });
    expect(secret(['rotate-key', '--no-passphrase'], [asked(two)])).toMatchObject({ status: 0 });
    expect(readFileSync(join(state(), 'secrets.key'), 'utf8')).toMatch(/^AGE-SECRET-KEY-1\w+$/m);
    expect((await open().read('token')).reveal()).toBe('value');
  });
});
