/** A gateway that is killed while it refreshes a token, and what the next one finds. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createResolver } from '../../../src/engine/secrets/resolver.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { Answer, SeenRequest, TokenServer } from './resolver-fixtures.ts';
import { expectProblem, MARK, oauth2, startTokenServer } from './resolver-fixtures.ts';
import type { StoreDirectory } from './store-directory.ts';
import { makeStoreDirectory } from './store-directory.ts';

const GATEWAY = fileURLToPath(new URL('resolver-gateway.js', import.meta.url));
const COMPILED = fileURLToPath(new URL('../../../dist/engine/secrets/resolver.js', import.meta.url));

/** A server whose refresh tokens serve once, or, with `grace`, until the next one is used. */
function serverOf(grace: boolean): {
  readonly answer: (request: SeenRequest) => Answer;
  readonly issued: () => number;
} {
  let issued = 0;
  let used = 0;
  const answer = ({ form }: SeenRequest): Answer => {
    const [, sent] = /-refresh-(\d+)$/.exec(form.get('refresh_token') ?? '') ?? [];
    const isKnown = Number(sent) === issued || (grace && Number(sent) >= used && Number(sent) <= issued);
    if (!isKnown) return { status: 400, json: { error: 'invalid_grant' } };
    used = Number(sent);
    issued += 1;
    const token = { access_token: `${MARK}-access-${issued}`, refresh_token: `${MARK}-refresh-${issued}` };
    return { json: { ...token, token_type: 'bearer', expires_in: 3600 } };
  };
  return { answer, issued: () => issued };
}

describe('a gateway that is killed in a refresh', () => {
  let directory: StoreDirectory;
  let server: TokenServer;
  let child: ChildProcessByStdio<null, Readable, null> | undefined;
  beforeEach(async () => {
    if (!existsSync(COMPILED)) throw new Error(`${COMPILED} is not there: npm run build`);
    directory = makeStoreDirectory();
    await directory.open().write('grant', new Secret(`${MARK}-refresh-0`));
    server = await startTokenServer();
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await server.close();
    directory.remove();
  });

  /** Starts a gateway; resolves once it has come as far as `step`. */
  const startUntil = async (step: string, stayAt: string): Promise<void> => {
    const argv = [GATEWAY, directory.state, server.url, stayAt];
    const started = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    let said = '';
    for await (const chunk of started.stdout.iterator({ destroyOnReturn: false })) {
      said += String(chunk);
      if (said.split('\n').includes(step)) return;
    }
    throw new Error(`the gateway ended after: ${said}`);
  };
  const kill = async (): Promise<void> => {
    const killed = child;
    if (killed === undefined) return;
    const exited = new Promise((resolve) => killed.once('exit', resolve));
    if (killed.exitCode === null && killed.signalCode === null) {
      killed.kill('SIGKILL');
      await exited;
    }
  };
  const stored = async (): Promise<string> => (await directory.open().read('grant')).reveal();
  /** What the next gateway finds. */
  const next = async (): Promise<object> => {
    const resolver = createResolver({ store: directory.open(), env: {}, credentialsDirectory: undefined });
    const found = await resolver.resolve(oauth2(server.url));
    await resolver.close();
    return found.ok ? { value: found.value.reveal() } : found;
  };

  it('before the request has lost nothing', async () => {
    server.answer = serverOf(false).answer;
    await startUntil('before the request', 'before the request');
    await kill();
    expect([await stored(), server.seen.length]).toEqual([`${MARK}-refresh-0`, 0]);
    expect(await next()).toEqual({ value: `${MARK}-access-1` });
    expect(await stored()).toBe(`${MARK}-refresh-1`);
  });

  it('before the server has made a new token has lost nothing', async () => {
    const { answer } = serverOf(false);
    server.answer = () => new Promise(() => {});
    await startUntil('before the request', 'nowhere');
    while (server.seen.length === 0) await delay(5);
    await kill();
    server.answer = answer;
    expect(await stored()).toBe(`${MARK}-refresh-0`);
    expect(await next()).toEqual({ value: `${MARK}-access-1` });
  });

  it.each([true, false])(
    'between the answer and the write has the old token, which the server takes once more or not (%s)',
    async (grace) => {
      const { answer, issued } = serverOf(grace);
      server.answer = answer;
      await startUntil('before the write', 'before the write');
      await kill();
      expect([await stored(), issued()]).toEqual([`${MARK}-refresh-0`, 1]);
      const found = await next();
      if (grace) expect(found).toEqual({ value: `${MARK}-access-2` });
      else expectProblem(found, 'oauth2 grant: the refresh token was refused (invalid_grant); set a new one');
    },
  );

  it('after the write has lost nothing', async () => {
    server.answer = serverOf(false).answer;
    await startUntil('after the write', 'after the write');
    await kill();
    expect(await stored()).toBe(`${MARK}-refresh-1`);
    expect(await next()).toEqual({ value: `${MARK}-access-2` });
  });

  it('at any moment of the write has the old token or the new one, whole', async () => {
    for (let round = 0; round < 12; round += 1) {
      await directory.open().write('grant', new Secret(`${MARK}-refresh-0`));
      const { answer } = serverOf(true);
      server.answer = answer;
      await startUntil('before the write', 'done');
      // From at once to well after it: a write takes some ten milliseconds.
      await delay(round * 3);
      await kill();
      expect([`${MARK}-refresh-0`, `${MARK}-refresh-1`]).toContain(await stored());
      expect(await next()).toHaveProperty('value');
    }
  });
});
