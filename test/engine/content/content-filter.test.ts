import { Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { filterStream } from '../../../src/engine/stream-filter.ts';
import { createContentFilter, type ContentFilter } from '../../../src/engine/content/content-filter.ts';
import { scannerOf } from '../../../src/policy/content/content-rules.ts';
import { contentRules } from '../../../src/policy/content/content-schema.ts';
import { sampleOf } from '../../policy/content/samples.ts';

const token = sampleOf('github-token');
const key = sampleOf('private-key');

function filterFor(rules: unknown): ContentFilter {
  const scanner = scannerOf(contentRules.parse(rules));
  if (scanner === null) throw new Error('no rules');
  return createContentFilter(scanner);
}

/** What a stream gave so far. */
function collect(stream: Transform): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('latin1');
}

const redact = ['provider-tokens', 'private-key'].map((detector) => ({ detector, action: 'redact' }));
const pattern = { pattern: 'INTERNAL-[0-9]{6}', name: 'internal-id', action: 'redact' };

describe('while bytes come', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function settled(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  it('passes what cannot be part of a match without waiting', async () => {
    const stream = filterStream(filterFor(redact).open);
    const out = collect(stream);
    stream.write('first line\nsecond!');
    await settled();
    expect(out()).toBe('first line\nsecond!');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds what may be for 20 ms from its first byte', async () => {
    const stream = filterStream(filterFor(redact).open);
    const out = collect(stream);
    stream.write('x g');
    await vi.advanceTimersByTimeAsync(15);
    stream.write('h');
    await settled();
    expect(out()).toBe('x ');
    await vi.advanceTimersByTimeAsync(4);
    expect(out()).toBe('x ');
    await vi.advanceTimersByTimeAsync(1);
    await settled();
    expect(out()).toBe('x gh');
  });

  it('holds what is hardly anything else until it is decided', async () => {
    const stream = filterStream(filterFor(redact).open);
    const out = collect(stream);
    stream.write(token.slice(0, 20));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(out()).toBe('');
    stream.write(`${token.slice(20)}\n`);
    await settled();
    expect(out()).toBe('[redacted:github-token]\n');
  });

  it('holds an unfinished line for a pattern, and passes it at its end', async () => {
    const stream = filterStream(filterFor([pattern]).open);
    const out = collect(stream);
    stream.write('a line\nINTERNAL-');
    await settled();
    expect(out()).toBe('a line\n');
    stream.write('123456\nmore');
    await settled();
    expect(out()).toBe('a line\n[redacted:internal-id]\n');
    await vi.advanceTimersByTimeAsync(20);
    await settled();
    expect(out()).toBe('a line\n[redacted:internal-id]\nmore');
  });

  it('leaves no timer behind a stream that is destroyed or ends', async () => {
    const filter = filterFor([pattern]);
    const [destroyed, ended] = [filterStream(filter.open), filterStream(filter.open)];
    const out = collect(ended);
    destroyed.write('x');
    ended.write('x');
    await settled();
    expect(vi.getTimerCount()).toBe(2);
    destroyed.destroy();
    ended.end();
    await settled();
    expect(vi.getTimerCount()).toBe(0);
    expect(out()).toBe('x');
  });
});

it('tells the name of the rule that ends, and lets nothing pass on any stream', async () => {
  const filter = filterFor(['private-key']);
  const [stdout, stderr] = [filterStream(filter.open), filterStream(filter.open)];
  const [out, err] = [collect(stdout), collect(stderr)];
  stderr.write('before ');
  stdout.write(`the key: ${key}`);
  expect(await filter.refused).toBe('private-key');
  stderr.end('behind');
  stdout.end('behind');
  await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.once('end', resolve))));
  expect(out()).toBe('the key: ');
  expect(err()).toBe('before ');
  expect(filter.counts()).toEqual(new Map([['private-key', 1]]));
});

it('counts what it replaced, over all streams', async () => {
  const filter = filterFor(redact);
  const streams = [filterStream(filter.open), filterStream(filter.open)];
  const outs = streams.map((stream) => {
    stream.end(`${token} ${key} ${token}`);
    return buffer(stream);
  });
  expect((await Promise.all(outs)).map(String)).toEqual(
    [0, 1].map(() => '[redacted:github-token] [redacted:private-key] [redacted:github-token]'),
  );
  expect(filter.counts()).toEqual(
    new Map([
      ['github-token', 4],
      ['private-key', 2],
    ]),
  );
});

it('changes no byte of what holds nothing, however it comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 8 }), async (chunks) => {
      const stream = filterStream(filterFor([...redact, pattern]).open);
      const collected = buffer(stream);
      await pipeline(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), stream);
      expect(await collected).toEqual(Buffer.concat(chunks));
    }),
    { numRuns: 50 },
  );
});
