import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAccessTokens } from '../../../src/engine/secrets/oauth2.ts';
import type { AccessTokens } from '../../../src/engine/secrets/oauth2.ts';
import type { Found } from '../../../src/engine/secrets/resolve-text.ts';
import { CarapaceError } from '../../../src/model/error.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { MemoryStore, TestClock, TokenServer } from './resolver-fixtures.ts';
import {
  expectProblem,
  MARK,
  memoryStore,
  oauth2,
  rotating,
  startTokenServer,
  testClock,
} from './resolver-fixtures.ts';

const FULL = new CarapaceError('x', 'secret store: the disk is full');
const NOT_STORED = 'the new refresh token could not be stored, and is kept in memory: secret store: the disk is full';

describe('a refresh', () => {
  let store: MemoryStore;
  let server: TokenServer;
  let clock: TestClock;
  let tokens: AccessTokens;
  beforeEach(async () => {
    store = memoryStore();
    store.set('grant', `${MARK}-refresh-0`);
    clock = testClock();
    server = await startTokenServer();
    server.answer = rotating();
    const lookUpClient = async (): Promise<Found> => ({ ok: true, value: new Secret(MARK) });
    tokens = createAccessTokens({ store, lookUpClient, now: clock.now });
  });
  afterEach(async () => {
    store.writeFault = undefined;
    await tokens.close();
    await server.close();
  });

  const valueOf = async (found: Promise<Found>): Promise<string> => {
    const settled = await found;
    return settled.ok ? settled.value.reveal() : `problem: ${settled.problem}`;
  };
  /** Sends an answer once `open` is called. */
  const gated = (): (() => void) => {
    const { answer } = server;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    server.answer = async (request) => {
      await gate;
      return answer(request);
    };
    return open;
  };
  const requested = async (count: number): Promise<void> => {
    while (server.seen.length < count) await new Promise(setImmediate);
  };

  it('stores the new refresh token before the access token is given out', async () => {
    const order: string[] = [];
    store.beforeWrite = () => void order.push('stored');
    await tokens.refresh(oauth2(server.url)).then(() => order.push('given out'));
    expect(order).toEqual(['stored', 'given out']);
    expect(store.get('grant')).toBe(`${MARK}-refresh-1`);
  });

  it('stores nothing where the server keeps to the refresh token', async () => {
    store.writeFault = FULL;
    for (const refresh_token of [undefined, `${MARK}-refresh-0`]) {
      server.answer = () => ({ json: { access_token: MARK, token_type: 'bearer', refresh_token } });
      expect(await valueOf(tokens.refresh(oauth2(server.url)))).toBe(MARK);
    }
  });

  it('stores the new refresh token of an answer that is wrong otherwise', async () => {
    server.answer = () => ({ json: { refresh_token: `${MARK}-new` } });
    expectProblem(await tokens.refresh(oauth2(server.url)), 'the answer has no access_token');
    expect(store.get('grant')).toBe(`${MARK}-new`);
  });

  it('runs one at a time with the same refresh token, though it be for different scopes', async () => {
    const scopes = ['a', 'b', 'c', 'd'].map((scope) => valueOf(tokens.refresh(oauth2(server.url, { scope }))));
    expect(await Promise.all(scopes)).toEqual([1, 2, 3, 4].map((count) => `${MARK}-access-${count}`));
    expect(store.get('grant')).toBe(`${MARK}-refresh-4`);
  });

  it('does not wait for one with another refresh token', async () => {
    const open = gated();
    const first = valueOf(tokens.refresh(oauth2(server.url)));
    const second = tokens.refresh(oauth2(server.url, { refresh: 'other' }));
    await expect(second).rejects.toThrow("secret 'other': does not exist");
    open();
    expect(await first).toBe(`${MARK}-access-1`);
  });

  it('gives nothing out while the new refresh token cannot be stored, and loses none', async () => {
    store.writeFault = FULL;
    expectProblem(await tokens.refresh(oauth2(server.url)), NOT_STORED);
    // The server is not asked with a token that is spent.
    expectProblem(await tokens.refresh(oauth2(server.url)), NOT_STORED);
    expect([store.get('grant'), server.seen.length]).toEqual([`${MARK}-refresh-0`, 1]);
    store.writeFault = undefined;
    expect(await valueOf(tokens.refresh(oauth2(server.url)))).toBe(`${MARK}-access-2`);
    expect(store.get('grant')).toBe(`${MARK}-refresh-2`);
  });

  it('stores at its close what could not be stored before', async () => {
    store.writeFault = FULL;
    await tokens.refresh(oauth2(server.url));
    store.writeFault = undefined;
    await tokens.close();
    expect(store.get('grant')).toBe(`${MARK}-refresh-1`);
    expectProblem(await tokens.refresh(oauth2(server.url)), 'the gateway is stopping');
  });

  it.each(['while it runs', 'while the new one cannot be stored'])(
    'never writes over a refresh token that an operator set %s',
    async (when) => {
      const open = gated();
      if (when !== 'while it runs') store.writeFault = FULL;
      const running = tokens.refresh(oauth2(server.url));
      await requested(1);
      if (when === 'while it runs') store.set('grant', `${MARK}-operator`);
      open();
      const found = await running;
      if (when !== 'while it runs') store.set('grant', `${MARK}-operator`);
      store.writeFault = undefined;
      await tokens.refresh(oauth2(server.url));
      expect(server.seen.map(({ form }) => form.get('refresh_token'))).toEqual([
        `${MARK}-refresh-0`,
        `${MARK}-operator`,
      ]);
      expect(store.get('grant')).toBe(`${MARK}-operator`);
      // Who waits is served, and the next call asks anew.
      if (found.ok) expect(found.keep?.stamp).not.toBe(store.stamp('grant'));
    },
  );

  it('brings no refresh token back that an operator removed', async () => {
    const open = gated();
    const running = tokens.refresh(oauth2(server.url));
    await requested(1);
    store.remove('grant');
    open();
    await running;
    expect(store.get('grant')).toBeUndefined();
  });

  it('stores the new one where the old one was only encrypted anew', async () => {
    const open = gated();
    const running = tokens.refresh(oauth2(server.url));
    await requested(1);
    store.set('grant', `${MARK}-refresh-0`);
    open();
    await running;
    expect(store.get('grant')).toBe(`${MARK}-refresh-1`);
  });

  it.each([
    [3600, 0.8 * 3600],
    [300, 240],
    [200, 140],
    [100, 50],
    [10, 5],
    [0, 0],
  ])('is due, for a token of %d s, after %d s', async (life, due) => {
    server.answer = rotating(life);
    const sentAt = clock.now();
    const running = tokens.refresh(oauth2(server.url));
    await requested(1);
    // Its life began on the server, before the answer came.
    clock.advance(7000);
    const found = await running;
    expect(found.ok && found.keep).toMatchObject({
      from: sentAt,
      refreshAt: sentAt + due * 1000,
      expiresAt: sentAt + life * 1000,
      stamp: store.stamp('grant'),
    });
  });
});
