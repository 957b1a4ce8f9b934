import { spawnSync } from 'node:child_process';
import type * as nodeCrypto from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadHostKey } from '../../src/engine/host-key.ts';

const ssh2 = createRequire(import.meta.url)('ssh2') as {
  utils: { parseKey: (text: string) => { getPublicSSH: () => Buffer } };
};
const hasSshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

/** Runs once, in the moment between "there is no key" and "here is one". */
let beforeGenerating: (() => void) | undefined;

vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof nodeCrypto>();
  const generateKeyPairSync = (type: 'ed25519') => {
    beforeGenerating?.();
    return crypto.generateKeyPairSync(type);
  };
  return { ...crypto, generateKeyPairSync };
});

describe('the host key', () => {
  let root: string;
  let state: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'carapace-host-key-'));
    state = join(root, 'state');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('is made once, readable by its owner only', () => {
    const made = loadHostKey(state);
    expect(statSync(state).mode & 0o777).toBe(0o700);
    expect(statSync(join(state, 'host_key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(state, 'host_key.pub'), 'utf8')).toBe(`${made.publicLine} carapace\n`);
    expect(loadHostKey(state)).toEqual(made);
  });

  it.runIf(hasSshKeygen)('is a key for ssh-keygen, with the same fingerprint', () => {
    const made = loadHostKey(state);
    const path = join(state, 'host_key');
    expect(spawnSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' }).stdout.trim()).toBe(
      `${made.publicLine} carapace`,
    );
    expect(spawnSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' }).stdout).toContain(` ${made.fingerprint} `);
  });

  it('is a key for ssh2', () => {
    const made = loadHostKey(state);
    const parsed = ssh2.utils.parseKey(made.privateKeyFile);
    expect(parsed.getPublicSSH()).toEqual(made.publicBlob);
  });

  it.runIf(hasSshKeygen)('may be one that ssh-keygen made', () => {
    loadHostKey(state);
    const path = join(state, 'host_key');
    rmSync(path);
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a comment of 20 char', '-f', path], {
      input: 'y\n',
    });
    expect(loadHostKey(state).publicLine).toBe(readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
  });

  it('is that of the faster process where two make it at once', () => {
    let faster: string | undefined;
    beforeGenerating = () => {
      beforeGenerating = undefined;
      faster = loadHostKey(state).fingerprint;
    };
    expect(loadHostKey(state).fingerprint).toBe(faster);
    expect(faster).toMatch(/^SHA256:/);
    expect(readdirSync(state).toSorted()).toEqual(['host_key', 'host_key.pub']);
  });

  it('is refused where others could have read it', () => {
    loadHostKey(state);
    chmodSync(join(state, 'host_key'), 0o640);
    expect(() => loadHostKey(state)).toThrow(/has mode 0640: others may read it/);
  });

  it('is refused in a directory that others may write to', () => {
    loadHostKey(state);
    chmodSync(state, 0o777);
    expect(() => loadHostKey(state)).toThrow(/others may write/);
  });

  it('is never written over, whatever lies in its place', () => {
    const { fingerprint } = loadHostKey(state);
    const path = join(state, 'host_key');
    const text = readFileSync(path, 'utf8');
    for (const broken of ['', 'x', text.slice(0, 200), text.replace('b3BlbnNzaC', 'b3BlbnNzaD')]) {
      writeFileSync(path, broken);
      expect(() => loadHostKey(state)).toThrow(/is no unencrypted ed25519 key/);
      expect(readFileSync(path, 'utf8')).toBe(broken);
    }
    writeFileSync(path, text);
    expect(loadHostKey(state).fingerprint).toBe(fingerprint);
  });
});
