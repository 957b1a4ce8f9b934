import { describe, expect, it } from 'vitest';
import { type ConnectionState, judgeMessage } from '../../../src/doors/ssh/guard.ts';

const ALL = Array.from({ length: 256 }, (_, number) => number);
const handled = (state: ConnectionState): number[] => ALL.filter((number) => judgeMessage(state, number) === 'handle');

describe('judgeMessage', () => {
  it('lets a client without keys ask for a service only', () => {
    expect(handled('transport')).toEqual([5]);
  });

  it('lets a client that authenticates send USERAUTH_REQUEST only', () => {
    expect(handled('authentication')).toEqual([50]);
  });

  it('lets a proven client send what clients send, and nothing that servers send', () => {
    expect(handled('connected')).toEqual([80, 81, 82, 90, 93, 94, 96, 97, 98]);
  });

  it.each(['transport', 'authentication', 'connected'] as const)(
    'ends a connection that sends 51, 52, 53, 60 or 61 while %s',
    (state) => {
      for (const number of [51, 52, 53, 60, 61]) expect(judgeMessage(state, number)).toBe('disconnect');
    },
  );

  it('ends a connection for every message of 80 and above before a client is proven', () => {
    for (const state of ['transport', 'authentication'] as const) {
      for (const number of ALL.slice(80)) expect(judgeMessage(state, number)).toBe('disconnect');
    }
  });

  it('answers local extensions as unimplemented once a client is proven', () => {
    expect(judgeMessage('connected', 192)).toBe('unimplemented');
    expect(judgeMessage('connected', 191)).toBe('disconnect');
  });

  it('ends a connection for a payload without a number', () => {
    expect(judgeMessage('connected', undefined)).toBe('disconnect');
  });
});
