import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createResolver } from '../../../src/engine/secrets/resolver.ts';
import type { Resolution, Resolver } from '../../../src/engine/secrets/resolver.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { Reference } from '../../../src/model/injection.ts';
import type { Folder, MemoryStore, TestClock, TokenServer } from './resolver-fixtures.ts';
import {
  expectProblem,
  makeFolder,
  MARK,
  memoryStore,
  oauth2,
  rotating,
  startTokenServer,
  testClock,
} from './resolver-fixtures.ts';

describe('the resolver', () => {
  let folder: Folder;
  let store: MemoryStore;
  let clock: TestClock;
  let server: TokenServer;
  let resolver: Resolver;
  let told: string[];
  beforeEach(async () => {
    folder = makeFolder();
    store = memoryStore();
    clock = testClock();
    server = await startTokenServer();
    told = [];
    mkdirSync(folder.path('credentials'));
    resolver = createResolver({
      store,
      env: { TOKEN: MARK },
      credentialsDirectory: folder.path('credentials'),
      now: clock.now,
      usage: {
        used: (name) => void told.push(`used ${name}`),
        failed: (name, problem) => void told.push(`failed ${name}: ${problem}`),
      },
    });
  });
  afterEach(async () => {
    await resolver.close();
    await server.close();
    folder.remove();
  });

  const valueOf = async (reference: Reference): Promise<string> => {
    const resolution = await resolver.resolve(reference);
    return resolution.ok ? resolution.value.reveal() : `problem: ${resolution.problem}`;
  };
  const many = (reference: Reference, count = 50): Promise<Resolution[]> =>
    Promise.all(Array.from({ length: count }, () => resolver.resolve(reference)));

  it('finds values of every kind, as secrets that cannot be printed', async () => {
    store.set('token', MARK);
    store.set('grant', `${MARK}-refresh-0`);
    server.answer = rotating();
    const references: Reference[] = [
      { kind: 'secret', name: 'token' },
      { kind: 'file', path: folder.file('token', `${MARK}\n`) },
      { kind: 'env', name: 'TOKEN' },
      { kind: 'credential', name: 'token' },
      folder.script('print', `echo ${MARK}`),
      oauth2(server.url),
    ];
    folder.file('credentials/token', MARK);
    for (const reference of references) {
      const resolution = await resolver.resolve(reference);
      expect(resolution.ok && resolution.value.reveal()).toMatch(MARK);
      expect(JSON.stringify(resolution)).toBe('{"ok":true,"value":"[secret]"}');
    }
    expect(told).toEqual(['used token', 'used grant']);
    expect(resolver.failures()).toEqual([]);
  });

  it('names the reference in each failure, and what mends it', async () => {
    const path = folder.file('token', MARK, 0o644);
    const script = folder.script('fail', `echo ${MARK} >&2; exit 1`);
    const failures: [Reference, string][] = [
      [{ kind: 'secret', name: 'none' }, 'secret none: does not exist'],
      [{ kind: 'file', path }, `file ${path}: has mode 0644: others may read it (run: chmod go= '${path}')`],
      [{ kind: 'env', name: 'NONE' }, "env NONE: is not in the gateway's environment"],
      [{ kind: 'credential', name: 'a/b' }, "credential a/b: 'a/b' is no name of a credential"],
      [script, `command ${script.argv[0]}: ended with status 1`],
      [oauth2(server.url), "oauth2 grant: secret 'grant': does not exist"],
    ];
    for (const [reference, problem] of failures) {
      const resolution = await resolver.resolve(reference);
      expectProblem(resolution, problem);
      expect(resolution).toMatchObject({ retryAfterMs: 5000 });
    }
    const since = clock.now();
    expect(resolver.failures()).toMatchObject(failures.map(([, problem]) => ({ problem, since, retryAfterMs: 5000 })));
    expect(told).toEqual([
      'failed none: secret none: does not exist',
      "failed grant: oauth2 grant: secret 'grant': does not exist",
    ]);
  });

  it('tells of a defect in the store no more than its name', async () => {
    store.read = () => Promise.reject(new Error(MARK));
    expectProblem(await resolver.resolve({ kind: 'secret', name: 'x' }), 'secret x: internal error (Error)');
  });

  it('does not try a lookup that failed before its time, and then waits twice as long', async () => {
    const script = folder.script('fail', 'exit 1');
    await resolver.resolve(script);
    clock.advance(4999);
    const again = await resolver.resolve(script);
    expectProblem(again, /^command .*: ended with status 1$/);
    expect([again, folder.runs()]).toMatchObject([{ retryAfterMs: 1 }, 1]);
    clock.advance(1);
    expect(await resolver.resolve(script)).toMatchObject({ retryAfterMs: 10_000 });
    expect(folder.runs()).toBe(2);
  });

  it('forgets a failure when the lookup succeeds', async () => {
    const script = folder.script('fail', `test -e ${folder.path('up')} && echo ${MARK}`);
    await resolver.resolve(script);
    folder.file('up', '');
    clock.advance(5000);
    expect(await valueOf(script)).toBe(MARK);
    expect(resolver.failures()).toEqual([]);
  });

  it('sees a secret, a file and a credential that are mended while the failure is remembered', async () => {
    const path = folder.file('token', MARK, 0o644);
    const credential = folder.file('credentials/token', '');
    const references: Reference[] = [
      { kind: 'secret', name: 'token' },
      { kind: 'file', path },
      { kind: 'file', path: folder.path('later') },
      { kind: 'credential', name: 'token' },
    ];
    for (const reference of references) expect(await resolver.resolve(reference)).toMatchObject({ ok: false });
    store.set('token', MARK);
    chmodSync(path, 0o600);
    folder.file('later', MARK);
    writeFileSync(credential, MARK);
    for (const reference of references) expect(await valueOf(reference)).toBe(MARK);
  });

  it('reads what is kept for each call', async () => {
    store.set('token', 'first value');
    const path = folder.file('token', 'first value');
    const both: Reference[] = [
      { kind: 'secret', name: 'token' },
      { kind: 'file', path },
    ];
    for (const reference of both) expect(await valueOf(reference)).toBe('first value');
    store.set('token', 'other value');
    writeFileSync(path, 'other value');
    for (const reference of both) expect(await valueOf(reference)).toBe('other value');
  });

  it('runs a command for each call where nothing is kept, also at the same time', async () => {
    const script = folder.script('count', `wc -l < ${folder.path('runs')}`);
    await many(script, 4);
    expect(folder.runs()).toBe(4);
  });

  it('runs a command whose output is kept once, until its time is over', async () => {
    const script = folder.script('count', `echo ${MARK}`, { cacheMs: 60_000 });
    await many(script);
    clock.advance(59_999);
    await many(script);
    expect(folder.runs()).toBe(1);
    clock.advance(1);
    await many(script);
    expect(folder.runs()).toBe(2);
  });

  it('tells calls apart that differ in their arguments', async () => {
    const script = folder.script('echo', 'echo "$1"', { cacheMs: 60_000 });
    const [program] = script.argv;
    expect(await valueOf({ ...script, argv: [program, 'one'] })).toBe('one');
    expect(await valueOf({ ...script, argv: [program, 'two'] })).toBe('two');
  });

  it('makes one failure of fifty that failed together', async () => {
    const script = folder.script('fail', 'exit 1', { cacheMs: 60_000 });
    store.set('grant', MARK);
    server.answer = () => ({ status: 400, json: { error: 'invalid_grant' } });
    for (const reference of [script, oauth2(server.url)]) {
      const all = await many(reference);
      expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1);
      expect(all[0]).toMatchObject({ ok: false, retryAfterMs: 5000 });
    }
    expect([folder.runs(), server.seen.length]).toEqual([1, 1]);
    expect(told.length).toBe(1);
  });

  describe('with an access token', () => {
    beforeEach(() => {
      store.set('grant', `${MARK}-refresh-0`);
      server.answer = rotating(3600);
    });
    /** What runs in the background is done. */
    const settled = async (count: number): Promise<void> => {
      while (store.get('grant') !== `${MARK}-refresh-${count}`) await new Promise(setImmediate);
      await new Promise(setImmediate);
    };

    it('refreshes it once for fifty calls, at first and whenever it has expired', async () => {
      for (const round of [1, 2, 3]) {
        const all = await many(oauth2(server.url));
        expect(new Set(all.map((one) => one.ok && one.value.reveal()))).toEqual(new Set([`${MARK}-access-${round}`]));
        expect(server.seen.length).toBe(round);
        expect(store.get('grant')).toBe(`${MARK}-refresh-${round}`);
        clock.advance(3_600_000);
      }
    });

    it('refreshes it in the background while it is still good, once', async () => {
      await many(oauth2(server.url));
      clock.advance(3_600_000 * 0.8 - 1);
      await many(oauth2(server.url));
      expect(server.seen.length).toBe(1);
      clock.advance(1);
      const all = await many(oauth2(server.url));
      expect(all.every((one) => one.ok && one.value.reveal() === `${MARK}-access-1`)).toBe(true);
      await settled(2);
      expect(server.seen.length).toBe(2);
      expect(await valueOf(oauth2(server.url))).toBe(`${MARK}-access-2`);
    });

    it('uses it to its end where the refresh fails, which is tried again only when it is time', async () => {
      await resolver.resolve(oauth2(server.url));
      server.answer = () => ({ status: 503 });
      clock.advance(3_600_000 * 0.9);
      // The first thing that a refresh does.
      const { read } = store;
      let begun = 0;
      store.read = (name) => {
        begun += 1;
        return read(name);
      };
      for (let count = 0; count < 3; count += 1) {
        expect(await valueOf(oauth2(server.url))).toBe(`${MARK}-access-1`);
        await new Promise(setImmediate);
        while (resolver.failures().length === 0) await new Promise(setImmediate);
      }
      expect(begun).toBe(1);
      expectProblem(
        { ok: false, ...resolver.failures()[0] },
        'oauth2 grant: the token endpoint answered with status 503',
      );
      clock.advance(3_600_000 * 0.1);
      expectProblem(
        await resolver.resolve(oauth2(server.url)),
        'oauth2 grant: the token endpoint answered with status 503',
      );
    });

    it('takes up a refresh token that was set anew, and none that was removed', async () => {
      await resolver.resolve(oauth2(server.url));
      server.answer = ({ form }) => ({
        json: { access_token: `for ${form.get('refresh_token')}`, token_type: 'bearer', expires_in: 3600 },
      });
      store.set('grant', `${MARK}-other`);
      expect(await valueOf(oauth2(server.url))).toBe(`for ${MARK}-other`);
      store.remove('grant');
      expectProblem(await resolver.resolve(oauth2(server.url)), "oauth2 grant: secret 'grant': does not exist");
    });

    it('tries a refused refresh token again once it was set anew', async () => {
      store.set('grant', `${MARK}-spent`);
      const refused = 'oauth2 grant: the refresh token was refused (invalid_grant); set a new one';
      expectProblem(await resolver.resolve(oauth2(server.url)), refused);
      expectProblem(await resolver.resolve(oauth2(server.url)), refused);
      expect(server.seen.length).toBe(1);
      store.set('grant', `${MARK}-refresh-0`);
      expect(await valueOf(oauth2(server.url))).toBe(`${MARK}-access-1`);
      expect(told).toEqual([`failed grant: ${refused}`, 'used grant']);
    });

    it('looks up the secret of the client as any other, and names it where it fails', async () => {
      const reference = oauth2(server.url, { clientSecret: { kind: 'secret', name: 'client' }, clientAuth: 'body' });
      const problem = 'oauth2 grant: client secret: secret client: does not exist';
      expectProblem(await resolver.resolve(reference), problem);
      expect(server.seen.length).toBe(0);
      store.set('client', `${MARK}-client`);
      expect(await valueOf(reference)).toBe(`${MARK}-access-1`);
      expect(server.seen[0]?.form.get('client_secret')).toBe(`${MARK}-client`);
    });

    it('waits, when it is closed, for a refresh that was sent, and stores what comes of it', async () => {
      let open = (): void => {};
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      const answer = rotating();
      server.answer = async (request) => {
        await gate;
        return answer(request);
      };
      const running = resolver.resolve(oauth2(server.url));
      while (server.seen.length === 0) await new Promise(setImmediate);
      const closing = resolver.close();
      expect(store.get('grant')).toBe(`${MARK}-refresh-0`);
      open();
      await closing;
      expect(store.get('grant')).toBe(`${MARK}-refresh-1`);
      expect(await running).toMatchObject({ ok: true });
    });
  });

  it('finds nothing once it is closed, and remembers no failure of it', async () => {
    await resolver.close();
    expect(await resolver.resolve({ kind: 'env', name: 'TOKEN' })).toEqual({
      ok: false,
      problem: 'env TOKEN: the gateway is stopping',
      retryAfterMs: 0,
    });
    expect(resolver.failures()).toEqual([]);
    expect(new Secret(MARK).toString()).toBe('[secret]');
  });
});
