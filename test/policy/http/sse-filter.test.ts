import { describe, expect, it } from 'vitest';
import { httpToolOf } from './http-policy-of.ts';

function passes(filters: unknown, type: string, data: unknown): boolean | undefined {
  const { sseFilter } = httpToolOf({ allow: ['GET /events'], sse_filters: filters });
  return sseFilter?.passes({ type, data: typeof data === 'string' ? data : JSON.stringify(data) });
}

const from = (number: unknown): object => ({ params: { envelope: { sourceNumber: number } } });
const filter = {
  event: 'receive',
  field: 'params.envelope.sourceNumber',
  allow_patterns: ['+1*'],
  deny_patterns: ['+1900*'],
};

describe('filters on events', () => {
  it('are none where none are written', () => {
    expect(httpToolOf({ allow: ['GET /events'] }).sseFilter).toBe(null);
  });

  it.each([
    ['receive', from('+15'), true],
    ['receive', from('+49'), false],
    ['receive', from('+19001'), false],
    ['receive', from(15), false],
    ['receive', from(null), false],
    ['receive', from(['+15', '+49']), false],
    ['receive', {}, false],
    ['receive', 'no JSON', false],
    ['receive', '', false],
    ['message', from('+15'), false],
  ])('%s %j: %s', (type, data, expected) => expect(passes([filter], type, data)).toBe(expected));

  it('let other events through where one is about them', () => {
    expect(passes([filter, { event: 'ping' }], 'ping', 'no JSON')).toBe(true);
    expect(passes([filter, { event: 'ping' }], 'pong', '{}')).toBe(false);
  });

  it('hold all, those without an event for every event', () => {
    const both = [filter, { field: 'account', allow_values: ['me'] }];
    expect(passes(both, 'receive', { ...from('+15'), account: 'me' })).toBe(true);
    expect(passes(both, 'receive', { ...from('+15'), account: 'you' })).toBe(false);
    expect(passes(both, 'other', { account: 'me' })).toBe(true);
  });

  it('may leave out what is not always there', () => {
    expect(passes([{ ...filter, optional: true }], 'receive', { params: { envelope: {} } })).toBe(true);
    expect(passes([{ ...filter, optional: true }], 'receive', from('+49'))).toBe(false);
  });
});
