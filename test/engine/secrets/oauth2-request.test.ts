import { execFile, spawnSync } from 'node:child_process';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requestToken } from '../../../src/engine/secrets/oauth2-request.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { OAuth2Reference } from '../../../src/model/injection.ts';
import type { TokenAnswer } from '../../../src/engine/secrets/oauth2-answer.ts';
import type { Answer, Folder, SeenRequest, TokenServer } from './resolver-fixtures.ts';
import { expectProblem, makeFolder, MARK, oauth2, startTokenServer } from './resolver-fixtures.ts';

const COMPILED = fileURLToPath(new URL('../../../dist/engine/secrets/oauth2-request.js', import.meta.url));
/** Everything that a form has to encode. */
const ODD = `${MARK} +&=%:/é☃~`;
const TOKEN = { access_token: MARK, token_type: 'bearer' };

describe('a request for a token', () => {
  let server: TokenServer;
  beforeEach(async () => {
    server = await startTokenServer();
    server.answer = () => ({ json: TOKEN });
  });
  afterEach(() => server.close());

  const ask = (
    overrides: Partial<OAuth2Reference> = {},
    clientSecret: string | null = null,
    timeLimitMs?: number,
  ): Promise<TokenAnswer> => {
    const secret = clientSecret === null ? null : new Secret(clientSecret);
    const reference = oauth2(server.url, overrides);
    return requestToken({ reference, refreshToken: new Secret(ODD), clientSecret: secret }, timeLimitMs);
  };
  const sent = async (...parameters: Parameters<typeof ask>): Promise<SeenRequest> => {
    const { access } = await ask(...parameters);
    expect(access).toMatchObject({ ok: true });
    const [seen] = server.seen.splice(0);
    if (seen === undefined) throw new Error('nothing was sent');
    return seen;
  };

  it('is a form that is posted, with the refresh token in it', async () => {
    const { method, url, headers, form } = await sent();
    expect([method, url]).toEqual(['POST', '/token']);
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(form)).toEqual({ grant_type: 'refresh_token', refresh_token: ODD, client_id: 'client' });
    expect(headers.authorization).toBeUndefined();
  });

  it('has the scope where the policy names one', async () => {
    expect((await sent({ scope: 'read write' })).form.get('scope')).toBe('read write');
  });

  it('proves the client in the header, both values encoded as a form has it', async () => {
    const { headers, form } = await sent({ clientId: 'id:é', clientSecret: { kind: 'env', name: 'X' } }, ODD);
    const [scheme, encoded] = (headers.authorization ?? '').split(' ');
    const [id, secret, ...rest] = Buffer.from(encoded ?? '', 'base64')
      .toString()
      .split(':');
    expect([scheme, rest]).toEqual(['Basic', []]);
    expect([id, secret]).toEqual(['id%3A%C3%A9', 'hunter2-value+%2B%26%3D%25%3A%2F%C3%A9%E2%98%83%7E']);
    expect([...form.keys()]).toEqual(['grant_type', 'refresh_token']);
  });

  it('proves the client in the body where the policy says so', async () => {
    const { headers, form } = await sent({ clientAuth: 'body' }, ODD);
    expect(headers.authorization).toBeUndefined();
    expect(form.get('client_id')).toBe('client');
    expect(form.get('client_secret')).toBe(ODD);
  });

  it('reaches localhost on this host, and asks no name server where that is', async () => {
    const lookup = vi.spyOn(dns, 'lookup');
    try {
      await sent({ tokenUrl: server.url.replace('127.0.0.1', 'localhost') });
      expect(lookup).not.toHaveBeenCalled();
    } finally {
      lookup.mockRestore();
    }
  });

  it('goes through no proxy of the environment', async () => {
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    for (const name of names) process.env[name] = 'http://127.0.0.1:1';
    try {
      await sent();
    } finally {
      for (const name of names) delete process.env[name];
    }
  });

  it.each([
    ['http://token.example/', 'token_url is not https'],
    ['http://127.0.0.1.token.example/', 'token_url is not https'],
    ['http://192.0.2.1/', 'token_url is not https'],
    ['ftp://127.0.0.1/', 'token_url is not https'],
    [`https://user:${MARK}@token.example/`, 'token_url holds a user'],
    [MARK, 'the token endpoint cannot be asked (ERR_INVALID_URL)'],
  ])('is not sent to %s', async (tokenUrl, problem) => {
    expectProblem((await ask({ tokenUrl })).access, problem);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect of status %d', async (status) => {
    server.answer = () => ({ status, headers: { Location: `${server.url}/${MARK}` }, body: '' });
    const problem = `the token endpoint redirects (status ${status}), which is not followed`;
    expectProblem((await ask()).access, problem);
    expect(server.seen.length).toBe(1);
  });

  const WHOLE = 'the token endpoint closed the connection before its answer was whole';
  it.each<[string, string | RegExp, () => Answer]>([
    [
      'is cut',
      WHOLE,
      () => (response) => void response.writeHead(200, { 'Content-Length': 99 }).write('{', () => response.destroy()),
    ],
    ['never begins', /\(ECONNRESET\)$/, () => (response) => void response.destroy()],
    ['is no HTTP', /\(HPE_[A-Z_]+\)$/, () => (response) => void response.socket?.end(`${MARK}\r\n\r\n`)],
    ['is too large', /more than 1048576 bytes$/, () => ({ body: MARK.repeat(100_000) })],
    ['is compressed', 'the answer is no JSON object', () => ({ headers: { 'Content-Encoding': 'gzip' }, body: MARK })],
  ])('fails where the answer %s', async (_how, problem, answer) => {
    server.answer = answer;
    expectProblem((await ask()).access, problem);
  });

  it.each([
    ['before the answer begins', () => {}],
    ['in the middle of it', (response: { write: (text: string) => boolean }) => void response.write('{"access')],
  ])('is ended at its time limit, %s', async (_when, answer) => {
    server.answer = () => answer;
    expectProblem((await ask({}, null, 200)).access, 'the token endpoint did not answer within 0.2 s');
  });

  it('fails where nobody listens', async () => {
    await server.close();
    expectProblem((await ask()).access, 'the token endpoint cannot be reached (ECONNREFUSED)');
  });
});

describe('a request for a token over TLS', () => {
  let folder: Folder;
  let server: Server;
  let url: string;
  let requests: number;
  beforeEach(async () => {
    folder = makeFolder();
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', folder.path('key'), '-out', folder.path('certificate')];
    spawnSync('openssl', ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', ...subject, ...files]);
    const options = { key: readFileSync(folder.path('key')), cert: readFileSync(folder.path('certificate')) };
    requests = 0;
    server = createServer(options, (_request, response) => {
      requests += 1;
      response.end(JSON.stringify(TOKEN));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    folder.remove();
  });

  it('is not sent to a server that nobody vouches for, whatever the environment says', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const parts = { reference: oauth2(url), refreshToken: new Secret(MARK), clientSecret: null };
      const { access } = await requestToken(parts);
      expectProblem(access, 'the token endpoint cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT)');
      expect(requests).toBe(0);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  /** In a process of its own, because Node reads these variables when it starts. */
  const askFromProcess = async (tokenUrl: string, env: Readonly<Record<string, string>>): Promise<unknown> => {
    const script = `
      import { requestToken } from ${JSON.stringify(COMPILED)};
      const reference = ${JSON.stringify(oauth2(tokenUrl))};
      const refreshToken = { reveal: () => 'x' };
      const { access } = await requestToken({ reference, refreshToken, clientSecret: null });
      console.log(JSON.stringify(access));`;
    const argv = ['--input-type=module', '--eval', script];
    return JSON.parse((await promisify(execFile)(process.execPath, argv, { env })).stdout);
  };

  it('is sent to one whose certificate is good, and through no proxy of the environment', async () => {
    const proxy = 'http://127.0.0.1:1';
    const env = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy, https_proxy: proxy };
    const trusted = { ...env, NODE_EXTRA_CA_CERTS: folder.path('certificate') };
    expect(await askFromProcess(url, trusted)).toMatchObject({ ok: true, token: '[secret]' });
    expect(requests).toBe(1);
  });

  it('is not sent to one whose certificate is for another name', async () => {
    const env = { NODE_EXTRA_CA_CERTS: folder.path('certificate') };
    expect(await askFromProcess(url.replace('localhost', '127.0.0.1'), env)).toEqual({
      ok: false,
      problem: 'the token endpoint cannot be reached (ERR_TLS_CERT_ALTNAME_INVALID)',
    });
    expect(requests).toBe(0);
  });
});
