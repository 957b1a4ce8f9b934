/** Long and large answers through a real gateway: identical bytes, events at once, and ends that reach the other side. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestGateway, until } from '../helpers/gateway.ts';
import { ask, BIG, Forwards, HttpUpstream, openStream, sha256 } from '../helpers/http-upstream.ts';

const policy = (origin: string): string => `
version: 1
tools:
  web:
    type: http
    upstream: ${origin}
    allow: ["GET /events", "GET /big", "GET /echo", "POST /upload"]
    inject: {headers: {Authorization: "Bearer \${secret:token}"}}
    max_body_bytes: 40MiB
    max_concurrent: 60
`;

let upstream: HttpUpstream;
let gateway: TestGateway;
let forwards: Forwards;
beforeAll(async () => {
  upstream = await HttpUpstream.start();
  gateway = await TestGateway.start({
    policies: { test: policy(upstream.origin) },
    clients: { vm: ['test'], leaver: ['test'] },
    secrets: { token: 'tok-9c1b7e2a6d80354f' },
  });
  forwards = await Forwards.open(gateway, { web: 'web:80' });
});
afterAll(async () => {
  forwards.close();
  upstream.stop();
  await gateway.stop();
});
beforeEach(() => upstream.forget());

const events = (at = forwards): Promise<IncomingMessage> => openStream(at.socket('web'), '/events');

async function firstOf(stream: IncomingMessage): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  return chunk.toString();
}

const closeOf = (stream: IncomingMessage): Promise<unknown> =>
  stream.closed ? Promise.resolve() : new Promise((resolve) => stream.resume().once('close', resolve));

/** Milliseconds until a promise is kept. */
async function timed(what: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await what;
  return performance.now() - began;
}

describe('large bodies', () => {
  it('come down whole', async () => {
    const stream = await openStream(forwards.socket('web'), '/big');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(BIG));
  });

  it('go up whole', async () => {
    const body = BIG.subarray(7, 30_000_007);
    const answer = await ask(forwards.socket('web'), '/upload', { body });
    expect(answer).toMatchObject({ status: 200, body: sha256(body) });
  });

  it('beyond the limit are refused', async () => {
    const answer = await ask(forwards.socket('web'), '/upload', {
      body: '',
      headers: { 'content-length': '41943041' },
    });
    expect(answer.status).toBe(413);
    expect(upstream.requests).toEqual([]);
  });
});

describe('an event stream', () => {
  it('gives its first event while it stays open', async () => {
    const stream = await events();
    expect(await firstOf(stream)).toBe('data: first\n\n');
    expect(upstream.streams.size).toBe(1);
    expect(stream.complete).toBe(false);
    stream.destroy();
    await until(() => upstream.streams.size === 0);
  });

  it('is closed at the upstream once the client is gone', async () => {
    const stream = await events();
    await firstOf(stream);
    stream.destroy();
    expect(await timed(until(() => upstream.streams.size === 0))).toBeLessThan(1000);
    await until(() => gateway.audit().at(-1)?.['kind'] === 'abandoned');
  });

  it('is closed at the upstream once the client’s ssh is killed', async () => {
    const other = await Forwards.open(gateway, { web: 'web:80' }, [], 'leaver');
    await firstOf(await events(other));
    other.child.kill('SIGKILL');
    expect(await timed(until(() => upstream.streams.size === 0))).toBeLessThan(1000);
  });

  it.each(['end', 'destroy'] as const)('is over for the client once the upstream’s answer has its %s', async (how) => {
    const stream = await events();
    await firstOf(stream);
    for (const response of upstream.streams) response[how]();
    expect(await timed(closeOf(stream))).toBeLessThan(1000);
    // Broken off, it does not look whole.
    expect(stream.complete).toBe(how === 'end');
  });

  it('is one of fifty at once', async () => {
    const streams = await Promise.all(Array.from({ length: 50 }, () => events()));
    expect(await Promise.all(streams.map(firstOf))).toEqual(streams.map(() => 'data: first\n\n'));
    expect(upstream.streams.size).toBe(50);
    for (const stream of streams) stream.destroy();
    await until(() => upstream.streams.size === 0);
  });
});

describe('what is taken away', () => {
  it('ends the open streams of a key that is revoked', async () => {
    const other = await Forwards.open(gateway, { web: 'web:80' }, [], 'leaver');
    const mine = await events();
    const theirs = await events(other);
    await Promise.all([firstOf(mine), firstOf(theirs)]);
    const over = closeOf(theirs);
    expect((await gateway.carapace(['client', 'revoke', 'leaver'])).status).toBe(0);
    expect(await timed(Promise.all([over, until(() => upstream.streams.size === 1)]))).toBeLessThan(2000);
    expect(mine.closed).toBe(false);
    mine.destroy();
    await until(() => upstream.streams.size === 0);
  });

  it('ends open streams that no rule allows any more, and nothing else', async () => {
    const stream = await events();
    await firstOf(stream);
    gateway.writePolicy('test', policy(upstream.origin).replace('"GET /events", ', ''));
    expect(await timed(Promise.all([closeOf(stream), until(() => upstream.streams.size === 0)]))).toBeLessThan(2000);
    expect((await ask(forwards.socket('web'), '/events')).status).toBe(403);
    expect((await ask(forwards.socket('web'), '/echo')).status).toBe(200);
    gateway.writePolicy('test', policy(upstream.origin));
    await until(async () => {
      const again = await events();
      again.destroy();
      return again.statusCode === 200;
    });
  });
});

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
};

it('a WebSocket is none without the policy’s word', async () => {
  const answer = await ask(forwards.socket('web'), '/echo', { headers: UPGRADE });
  expect(answer.status).not.toBe(101);
  expect(upstream.bytes.toLowerCase()).not.toContain('upgrade');
  expect(upstream.bytes.toLowerCase()).not.toContain('sec-websocket');
});

it('a gateway that stops lets a stream end, and takes no request meanwhile', async () => {
  await until(() => upstream.streams.size === 0);
  const idle = forwards.socket('web');
  const stream = await events();
  await firstOf(stream);
  const exited = once(gateway.child, 'exit');
  gateway.child.kill('SIGTERM');
  await until(async () => {
    const status = await ask(idle, '/echo').then(
      (answer) => answer.status,
      () => 0,
    );
    return status !== 200;
  });
  upstream.forget();
  await ask(idle, '/echo').catch(() => undefined);
  expect(upstream.raw).toEqual([]);
  expect(stream.closed).toBe(false);
  const over = closeOf(stream);
  for (const response of upstream.streams) response.end('data: last\n\n');
  await over;
  expect(stream.complete).toBe(true);
  expect((await exited)[0]).toBe(0);
});
