import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatPrivateKey } from '../../src/identity/private-key.ts';
import { filesBelow, findLeaks, ownKeys } from './leak-walk.ts';

const value = `t0ken "${randomBytes(12).toString('base64')}\\`;
const kept = [{ name: 'token', value }];

function leaksIn(text: string | Buffer): string[] {
  return findLeaks(kept, [{ name: 'log', bytes: Buffer.concat([Buffer.from('before '), Buffer.from(text)]) }]);
}

describe('the leak walk', () => {
  it('finds a value in each of its forms, and says where without saying it', () => {
    expect(leaksIn(value)).toEqual(['log: token in the clear']);
    expect(leaksIn(JSON.stringify({ message: value }))).toEqual(['log: token in JSON']);
    for (const before of ['', 'a', 'ab', 'user:']) {
      for (const after of ['', 'z', 'zz']) {
        const encoded = execFileSync('base64', ['-w', '0'], { input: before + value + after });
        expect(leaksIn(encoded)).toEqual(['log: token in base64']);
        expect(leaksIn(encoded.toString().replaceAll('+', '-').replaceAll('/', '_'))).toEqual(['log: token in base64']);
      }
    }
    const hex = Buffer.from(value).toString('hex');
    expect([leaksIn(hex), leaksIn(hex.toUpperCase())]).toEqual([['log: token in hex'], ['log: token in hex']]);
  });

  it('finds one line of a value in several', () => {
    const pem = ['-----BEGIN-----', ...[1, 2].map(() => randomBytes(48).toString('base64')), ''].join('\n');
    const places = [{ name: 'log', bytes: Buffer.from(`says ${pem.split('\n')[2] ?? ''}!`) }];
    expect(findLeaks([{ name: 'pem', value: pem }], places)).toEqual(['log: pem in the clear']);
  });

  it('finds nothing where nothing is', () => {
    expect(leaksIn(value.slice(1))).toEqual([]);
    expect(leaksIn(randomBytes(100_000))).toEqual([]);
  });

  it('leaves out only the places where a value belongs', () => {
    const places = ['here', 'there'].map((name) => ({ name, bytes: Buffer.from(value) }));
    expect(findLeaks([{ name: 'token', value, belongs: ['here'] }], places)).toEqual(['there: token in the clear']);
  });

  it('refuses a value that stands anywhere by chance', () => {
    expect(() => findLeaks([{ name: 'short', value: '1234567' }], [])).toThrow('short is too short');
  });

  it('reads every file of a gateway but what its tools wrote, and knows its keys', () => {
    const directory = mkdtempSync(join(tmpdir(), 'leak-walk-'));
    try {
      const { privateKey } = generateKeyPairSync('ed25519');
      for (const path of ['home/tool', 'secrets']) mkdirSync(join(directory, path), { recursive: true });
      const identity = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
      const files = {
        'audit.jsonl': 'a',
        'audit.jsonl.1': 'b',
        'home/tool/notes': value,
        'secrets/token.age': 'c',
        host_key: formatPrivateKey(privateKey, '', 1),
        'secrets.key': `# key\n${identity}\n`,
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
      const found = filesBelow(directory);
      expect(found.map(({ name }) => name).toSorted()).toEqual(
        ['audit.jsonl', 'audit.jsonl.1', 'secrets/token.age', 'host_key', 'secrets.key'].toSorted(),
      );
      const keys = ownKeys(found);
      expect(findLeaks(keys, found)).toEqual([]);
      const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
      const log = { name: 'log', bytes: Buffer.from(`${seed.toString('hex')} ${identity}`) };
      expect(findLeaks(keys, [log])).toEqual(['log: host key in hex', 'log: store key in the clear']);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
