import { describe, expect, it } from 'vitest';
import { carryOut, type Executor } from '../../src/engine/carry-out.ts';
import type { Reference } from '../../src/model/injection.ts';
import type { Permit } from '../../src/model/permit.ts';
import type { RunAs } from '../../src/model/run-as.ts';
import { openClient, permitFor } from './runner-fixtures.ts';

/** Nothing here gets as far as a runner: what runs is tested through the gateway. */
const NO_RUNNER = { ok: false, problem: 'user op: is unknown', message: 'cannot be used' } as const;
const FOUND = { ok: true, runner: {} as never } as const;
const SECRET: Reference = { kind: 'secret', name: 'token' };

function executor(parts: Partial<Executor> = {}): Executor {
  return {
    runners: { of: () => Promise.resolve(NO_RUNNER) },
    resolver: {
      resolve: () => Promise.resolve({ ok: false, problem: 'secret token: is missing', retryAfterMs: 5000 }),
    },
    defaultRunAs: { kind: 'gateway' },
    ...parts,
  };
}

function permit(overrides: Partial<Permit> = {}): Permit {
  const secrets = new Map([['TOKEN', { parts: [SECRET], redacted: true }]]);
  return { ...permitFor('/bin/true', []), secrets, ...overrides };
}

describe('carrying out a permit', () => {
  it('asks for the runner of the user that the policy names, or else of the default', async () => {
    const asked: [RunAs, string][] = [];
    const of = (runAs: RunAs, client: string) => {
      asked.push([runAs, client]);
      return Promise.resolve(NO_RUNNER);
    };
    await carryOut(executor({ runners: { of } }), permit(), 'vm', openClient().io);
    await carryOut(executor({ runners: { of } }), permit({ runAs: { kind: 'per-client' } }), 'vm', openClient().io);
    expect(asked).toEqual([
      [{ kind: 'gateway' }, 'vm'],
      [{ kind: 'per-client' }, 'vm'],
    ]);
  });

  it('looks up no secret where there is no runner, and tells the client nothing of the host', async () => {
    let lookups = 0;
    const resolve = () => Promise.reject(new Error(String((lookups += 1))));
    const outcome = await carryOut(executor({ resolver: { resolve } }), permit(), 'vm', openClient().io);
    expect(outcome).toEqual({
      kind: 'failed',
      reason: 'tool-unavailable',
      message: 'cannot be used',
      detail: 'user op: is unknown',
    });
    expect(lookups).toBe(0);
  });

  it('runs nothing with a secret missing: which it is, is for the log alone', async () => {
    const client = openClient();
    client.stdin.write('what the client sends on');
    const outcome = await carryOut(
      executor({ runners: { of: () => Promise.resolve(FOUND) } }),
      permit(),
      'vm',
      client.io,
    );
    expect(outcome).toEqual({
      kind: 'failed',
      reason: 'secret-unavailable',
      message: 'a secret that the tool needs cannot be had',
      detail: 'secret token: is missing',
      retryAfterMs: 5000,
    });
    expect(client.stdin.readableFlowing).toBe(true);
  });

  it.each(['runner', 'secret'])('ends with a client that leaves while its %s is looked for', async (what) => {
    const client = openClient();
    const never = new Promise<never>(() => undefined);
    const runners = { of: () => (what === 'runner' ? never : Promise.resolve(FOUND)) };
    const running = carryOut(executor({ runners, resolver: { resolve: () => never } }), permit(), 'vm', client.io);
    client.leave();
    expect(await running).toMatchObject({ kind: 'abandoned' });
  });
});
