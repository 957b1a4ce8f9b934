import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressProblem, pinnedLookup, type ResolveName } from '../../../src/engine/http/pinned-lookup.ts';
import { type ClientIdentity, createUpstreams, type Upstreams } from '../../../src/engine/http/upstream.ts';
import { errnoOf, messageOf } from '../../../src/model/error.ts';
import type { Upstream } from '../../../src/model/http.ts';
import { body, startUpstream, until, upstreamAt } from './http-fixtures.ts';

/** A resolver that knows these names and counts how often it is asked. */
function resolverOf(names: Readonly<Record<string, readonly string[]>>): ResolveName & { asked: string[] } {
  const asked: string[] = [];
  const resolve: ResolveName = (name, done) => {
    asked.push(name);
    const found = names[name];
    if (found === undefined) done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), []);
    else
      done(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  };
  return Object.assign(resolve, { asked });
}

let upstreams: Upstreams;
afterEach(() => upstreams.close());

/** One request; what came of it in a word. */
async function ask(upstream: Upstream, identity: ClientIdentity | null = null): Promise<string> {
  const opened = await upstreams.open(upstream, identity);
  if (!opened.ok) return opened.problem;
  const request = opened.link.request('GET', '/');
  request.setHeader('host', 'x').end();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return `${response.statusCode} ${(await body(response)).toString()}`;
  } catch (error) {
    return `${errnoOf(error) ?? ''} ${messageOf(error)}`;
  }
}

describe('the address of an upstream', () => {
  const lookup = async (names: readonly string[], allowPrivate: boolean, options = {}): Promise<unknown> => {
    upstreams = createUpstreams();
    const upstream = upstreamAt(80, { host: 'api.example', allowPrivate });
    return new Promise((resolve) => {
      pinnedLookup(upstream, resolverOf({ 'api.example': names }))('api.example', options, (error, address) =>
        resolve(error === null ? address : error.message),
      );
    });
  };

  it.each([
    ['127.0.0.1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['10.0.0.1', 'private'],
    ['::ffff:10.0.0.1', 'IPv4-mapped'],
    ['fd00::1', 'private'],
    ['0.0.0.0', 'unspecified'],
  ])('%s is refused where its name is public, and passes where the policy says so', async (address, kind) => {
    const expected = `api.example: resolves to ${address}, which is ${kind}; the policy must say that it may`;
    expect(await lookup([address], false)).toBe(expected);
    expect(await lookup(['1.1.1.1', address], false)).toBe(expected);
    expect(await lookup([address], true)).toBe(address);
  });

  it('is what the connection goes to, in each form that Node asks for', async () => {
    expect(await lookup(['1.1.1.1', '2606:4700::1'], false)).toBe('1.1.1.1');
    expect(await lookup(['1.1.1.1', '2606:4700::1'], false, { family: 6 })).toBe('2606:4700::1');
    expect(await lookup(['1.1.1.1', '2606:4700::1'], false, { family: 'IPv6' })).toBe('2606:4700::1');
    expect(await lookup(['1.1.1.1', '2606:4700::1'], false, { all: true })).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
    expect(await lookup(['1.1.1.1'], false, { family: 6 })).toBe('api.example: has no address');
    expect(await lookup([], false)).toBe('api.example: has no address');
  });

  it('is refused where the policy writes one that it does not allow', async () => {
    upstreams = createUpstreams();
    expect(addressProblem(upstreamAt(80, { host: '169.254.169.254', allowPrivate: false }))).toBe(
      '169.254.169.254 is link-local',
    );
    expect(addressProblem(upstreamAt(80, { host: '::1', allowPrivate: false }))).toBe('::1 is loopback');
    expect(addressProblem(upstreamAt(80, { host: '::1', allowPrivate: true }))).toBeUndefined();
    expect(addressProblem(upstreamAt(80, { host: '8.8.8.8', allowPrivate: false }))).toBeUndefined();
    expect(await ask(upstreamAt(1, { allowPrivate: false }))).toBe('127.0.0.1 is loopback');
  });

  it('is resolved once a connection, and the connection goes there', async () => {
    const server = await startUpstream((_request, response) => void response.end('here'));
    const resolve = resolverOf({ 'api.example': ['127.0.0.1'] });
    upstreams = createUpstreams(resolve);
    const upstream = upstreamAt(server.port, { host: 'api.example' });
    expect(await ask(upstream)).toBe('200 here');
    expect(await ask(upstream)).toBe('200 here');
    expect(resolve.asked).toEqual(['api.example']);
    const refused = await ask({ ...upstream, allowPrivate: false });
    expect(refused).toMatch(/^.*api.example: resolves to 127.0.0.1, which is loopback/);
    await until(() => upstreams.connections() === 1);
    await server.close();
  });

  it('of localhost is loopback, whatever a name server says', async () => {
    const server = await startUpstream((_request, response) => void response.end('here'));
    const resolve = resolverOf({ localhost: ['192.0.2.1'] });
    upstreams = createUpstreams(resolve);
    expect(await ask(upstreamAt(server.port, { host: 'localhost' }))).toBe('200 here');
    expect(await ask(upstreamAt(server.port, { host: 'localhost', allowPrivate: false }))).toContain('loopback');
    expect(resolve.asked).toEqual([]);
    await server.close();
  });

  it('that the name server does not know is an error of the request', async () => {
    upstreams = createUpstreams(resolverOf({}));
    expect(await ask(upstreamAt(1, { host: 'no.example' }))).toBe('ENOTFOUND getaddrinfo ENOTFOUND no.example');
  });
});

describe('connections', () => {
  it('take no proxy, and no redirect is followed', async () => {
    const proxied: string[] = [];
    const proxy = await startUpstream((request, response) => {
      proxied.push(request.url ?? '');
      response.end();
    });
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    for (const name of names)
      process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`;
    const server = await startUpstream(
      (_request, response) =>
        void response.writeHead(302, { location: `http://127.0.0.1:${proxy.port}/` }).end('moved'),
    );
    upstreams = createUpstreams();
    expect(await ask(upstreamAt(server.port))).toBe('302 moved');
    expect(proxied).toEqual([]);
    for (const name of names) Reflect.deleteProperty(process.env, name);
    await Promise.all([server.close(), proxy.close()]);
  });

  it('are forgotten where an upstream is no more', async () => {
    const server = await startUpstream((_request, response) => void response.end('ok'));
    upstreams = createUpstreams();
    for (let i = 0; i < 20; i += 1) {
      expect(await ask(upstreamAt(server.port, { host: i % 2 === 0 ? '127.0.0.1' : 'localhost' }))).toBe('200 ok');
    }
    expect(upstreams.connections()).toBe(2);
    await server.close();
    await until(() => upstreams.connections() === 0);
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('an upstream with TLS', () => {
  let directory: string;
  let server: Server;
  let names: (string | false | undefined)[];
  const path = (name: string): string => join(directory, name);

  /** Certificates of one authority. */
  function makeCertificate(name: string, subject: string, alternative: string): void {
    const run = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
    run(
      'req',
      '-newkey',
      'ed25519',
      '-nodes',
      '-keyout',
      path(`${name}.key`),
      '-out',
      path(`${name}.csr`),
      '-subj',
      subject,
    );
    writeFileSync(path(`${name}.ext`), `subjectAltName=${alternative}`);
    run(
      'x509',
      '-req',
      '-in',
      path(`${name}.csr`),
      '-CA',
      path('ca.pem'),
      '-CAkey',
      path('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      path(`${name}.ext`),
      '-out',
      path(`${name}.pem`),
    );
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'carapace-tls-'));
    names = [];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ed25519',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        path('ca.key'),
        '-out',
        path('ca.pem'),
        '-subj',
        '/CN=ca',
      ],
      { stdio: 'ignore' },
    );
    makeCertificate('server', '/CN=server', 'DNS:api.example,IP:127.0.0.1');
    makeCertificate('client', '/CN=client', 'DNS:client');
    upstreams = createUpstreams(resolverOf({ 'api.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] }));
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });

  async function start(options: object = {}): Promise<Upstream> {
    server = createServer(
      {
        cert: readFileSync(path('server.pem')),
        key: readFileSync(path('server.key')),
        ca: readFileSync(path('ca.pem')),
        ...options,
      },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        names.push((socket as TLSSocket & { servername?: string | false }).servername);
        response.end(socket.getPeerCertificate().subject?.CN ?? 'nobody');
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return upstreamAt(port, { protocol: 'https:', host: 'api.example', caFile: path('ca.pem') });
  }

  it('is believed with a certificate for its name, which it is asked for by', async () => {
    const upstream = await start();
    expect(await ask(upstream)).toBe('200 nobody');
    expect(await ask({ ...upstream, host: '127.0.0.1' })).toBe('200 nobody');
    expect(names).toEqual(['api.example', false]);
  });

  it('is not believed for another name, without its authority, or in plain', async () => {
    const upstream = await start();
    expect(await ask({ ...upstream, host: 'other.example' })).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await ask({ ...upstream, caFile: null })).toMatch(
      /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    );
    expect(await ask({ ...upstream, protocol: 'http:' })).toMatch(/HPE|ECONNRESET/);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    expect(await ask({ ...upstream, caFile: null, host: '127.0.0.1' })).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/);
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    expect(names).toEqual([]);
  });

  it('is not believed with TLS 1.1, whatever it prefers', async () => {
    const upstream = await start({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' });
    expect(await ask(upstream)).toMatch(/EPROTO|ECONNRESET/);
  });

  it('gets the certificate of this request, on a connection that no other request uses', async () => {
    const upstream = await start({ requestCert: true, rejectUnauthorized: true });
    const identity = {
      certificate: readFileSync(path('client.pem'), 'utf8'),
      key: readFileSync(path('client.key'), 'utf8'),
    };
    expect(await ask(upstream, identity)).toBe('200 client');
    expect(await ask(upstream)).toMatch(/ERR_SSL|ECONNRESET|EPROTO/);
    expect(await ask(upstream, identity)).toBe('200 client');
  });

  it('is not asked where a certificate cannot be used', async () => {
    const upstream = await start();
    expect(await ask(upstream, { certificate: 'no', key: 'private words' })).toMatch(
      /^its certificates cannot be used: ERR_/,
    );
    expect(await ask({ ...upstream, caFile: path('missing') })).toBe('its certificates cannot be used: ENOENT');
    writeFileSync(path('empty'), 'words');
    expect(await ask({ ...upstream, caFile: path('empty') })).not.toMatch(/^200/);
    expect(names).toEqual([]);
  });

  it('is judged by the authority that the file holds now', async () => {
    const upstream = await start();
    expect(await ask(upstream)).toBe('200 nobody');
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ed25519',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        path('ca.key'),
        '-out',
        path('ca.pem'),
        '-subj',
        '/CN=other',
      ],
      { stdio: 'ignore' },
    );
    expect(await ask(upstream)).toMatch(/SELF_SIGNED|UNABLE_TO/);
  });
});

it('a plain server is what the tests of TLS are compared with', async () => {
  upstreams = createUpstreams();
  const plain = createPlainServer((_request, response) => void response.end('plain')).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  expect(await ask(upstreamAt((plain.address() as AddressInfo).port))).toBe('200 plain');
  plain.close();
  plain.closeAllConnections();
});
