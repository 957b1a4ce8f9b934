import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseListen } from '../../src/config/listen.ts';
import { formatListen } from '../../src/model/listen-address.ts';

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:2222', { kind: 'tcp', host: '127.0.0.1', port: 2222 }],
    ['0.0.0.0:0', { kind: 'tcp', host: '0.0.0.0', port: 0 }],
    ['gw.example:65535', { kind: 'tcp', host: 'gw.example', port: 65_535 }],
    ['[::]:22', { kind: 'tcp', host: '::', port: 22 }],
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
  ])('is read from %j and written back', (text, address) => {
    const parsed = parseListen(text);
    expect(parsed).toEqual({ ok: true, address });
    if (parsed.ok) expect(formatListen(parsed.address)).toBe(text);
  });

  it.each([
    '',
    '2222',
    ':2222',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:022',
    '127.0.0.1:-1',
    '::1:22',
    '[::1]',
    '[::1]22',
    'a b:22',
    '*:22',
    'unix:',
    'unix:run',
    'unix:/a\nb',
    `unix:/${'a'.repeat(103)}`,
    'tcp://a:22',
  ])('is refused: %j', (text) => {
    expect(parseListen(text)).toMatchObject({ ok: false, reason: expect.stringContaining("'") });
  });

  it('never makes the parser throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(typeof parseListen(text).ok).toBe('boolean');
      }),
    );
  });
});
