import { expect, it } from 'vitest';
import { runChecks } from '../../src/engine/operator-health.ts';
import { failing, passing } from './operator-fixtures.ts';

it('is healthy where every check passes', async () => {
  const answer = await runChecks([passing('audit'), { name: 'runner', run: async () => Promise.resolve() }]);
  expect(answer).toEqual({
    ok: true,
    checks: [
      { name: 'audit', ok: true, message: null },
      { name: 'runner', ok: true, message: null },
    ],
  });
});

it('is not healthy where one check throws, and says which and why', async () => {
  const answer = await runChecks([passing('runner'), failing('audit', 'ENOSPC\n: no space')]);
  expect(answer.ok).toBe(false);
  expect(answer.checks[1]).toEqual({ name: 'audit', ok: false, message: 'ENOSPC\\n: no space' });
});

it('is not healthy where one check rejects', async () => {
  const answer = await runChecks([{ name: 'runner', run: () => Promise.reject(new Error('gone')) }]);
  expect(answer).toEqual({ ok: false, checks: [{ name: 'runner', ok: false, message: 'gone' }] });
});

it('is not healthy where a check does not answer in time', async () => {
  const answer = await runChecks([passing('audit'), { name: 'runner', run: () => new Promise(() => {}) }], 10);
  expect(answer.ok).toBe(false);
  expect(answer.checks[1]?.message).toBe('no answer within 10 ms');
});

it('is not healthy without checks', async () => {
  expect(await runChecks([])).toEqual({ ok: false, checks: [] });
});
