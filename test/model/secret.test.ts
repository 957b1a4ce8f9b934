import { inspect } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/model/error.ts';
import { Secret } from '../../src/model/secret.ts';

const TEXT = 'hunter2-hunter2';

describe('a secret', () => {
  const secret = new Secret(TEXT);

  it('is revealed where somebody asks for it', () => {
    expect(secret.reveal()).toBe(TEXT);
    expect(new Secret('zwölf').byteLength).toBe(6);
  });

  it.each<[string, () => string]>([
    ['String', () => String(secret)],
    ['a template', () => `a ${secret as unknown as string}`],
    ['adding to text', () => ('' as string) + (secret as unknown as string)],
    ['JSON', () => JSON.stringify({ secret, list: [secret] })],
    ['inspection, hidden fields too', () => inspect({ secret }, { showHidden: true, depth: 9, getters: true })],
    ['a structured clone', () => inspect(structuredClone({ secret }), { showHidden: true })],
    ['its keys and values', () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret)])],
    ['an error message', () => inspect(new Error(`cannot use ${secret as unknown as string}`, { cause: secret }))],
    ['a rejection', () => messageOf(secret)],
  ])('does not come out by %s', (_way, print) => {
    expect(print()).not.toContain('hunter2');
  });

  it('does not come out in a line of the log', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    log.info({ secret, nested: { secret } }, 'a line %s %j %o', secret, secret, secret);
    expect(lines).toHaveLength(1);
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('is compared by its whole text', () => {
    expect(secret.equals(new Secret(TEXT))).toBe(true);
    expect(secret.equals(new Secret(`${TEXT}x`))).toBe(false);
    expect(secret.equals(new Secret(''))).toBe(false);
  });

  it('has a fingerprint that depends on value and context', () => {
    expect(secret.fingerprint('a')).toBe(new Secret(TEXT).fingerprint('a'));
    expect(secret.fingerprint('a')).not.toBe(secret.fingerprint('b'));
    expect(new Secret('').fingerprint('ab')).not.toBe(new Secret('b').fingerprint('a'));
    expect(secret.fingerprint('a')).not.toContain('hunter2');
  });
});
