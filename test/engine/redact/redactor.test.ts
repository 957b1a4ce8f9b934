import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { filterStream } from '../../../src/engine/stream-filter.ts';
import { compileRedactions, MAX_VALUE_BYTES } from '../../../src/engine/redact/compiled.ts';
import { createRedactor } from '../../../src/engine/redact/redactor.ts';
import type { Redaction } from '../../../src/model/injection.ts';
import { Secret } from '../../../src/model/secret.ts';

const named = (name: string, value: string): Redaction => ({ name, value: new Secret(value) });
const TOKEN = named('token', 'hunter2!hunter3?');

function open(...redactions: Redaction[]) {
  const redactor = createRedactor(redactions);
  const stream = filterStream(redactor.open);
  const parts: string[] = [];
  stream.on('data', (chunk: Buffer) => parts.push(chunk.toString()));
  return { redactor, stream, output: () => parts.join('') };
}

describe('a stream of a redactor', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('passes what begins nothing in the turn in which it comes', () => {
    const { stream, output } = open(TOKEN);
    stream.write('...');
    expect(output()).toBe('...');
    stream.write('. one line\n. hunt');
    expect(output()).toBe('.... one line\n. ');
    expect(vi.getTimerCount()).toBe(1);
  });

  it('holds the beginning of a value for 20 ms, and no longer', () => {
    const { stream, output } = open(TOKEN);
    stream.write('a hunt');
    vi.advanceTimersByTime(10);
    stream.write('er');
    vi.advanceTimersByTime(9);
    expect(output()).toBe('a ');
    vi.advanceTimersByTime(1);
    expect(output()).toBe('a hunter');
    stream.write('2!hunter3?');
    expect(output()).toBe('a hunter[redacted:token]');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds what covers half of a value until it is decided, however long that takes', () => {
    const { stream, output } = open(TOKEN);
    stream.write('a hunter2!');
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(3_600_000);
    expect(output()).toBe('a ');
    stream.write('!');
    expect(output()).toBe('a hunter2!!');
  });

  it('begins to wait anew with what is held anew', () => {
    const { stream, output } = open(TOKEN);
    stream.write('hun');
    vi.advanceTimersByTime(15);
    stream.write('. hunt');
    vi.advanceTimersByTime(15);
    expect(output()).toBe('hun. ');
    vi.advanceTimersByTime(5);
    expect(output()).toBe('hun. hunt');
  });

  it('lets go of what it holds when it ends, and has no timer left', async () => {
    const { stream, output } = open(TOKEN);
    stream.write('hun');
    stream.end('ter');
    await once(stream, 'end');
    expect(output()).toBe('hunter');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has no timer left when it is destroyed', async () => {
    const { stream, output } = open(TOKEN);
    stream.write('hun');
    expect(vi.getTimerCount()).toBe(1);
    stream.destroy();
    await once(stream, 'close');
    expect(vi.getTimerCount()).toBe(0);
    expect(output()).toBe('');
  });
});

describe('a redactor', () => {
  it('does not keep the process alive by what it holds', () => {
    const timer = vi.spyOn(globalThis, 'setTimeout');
    const { stream } = open(TOKEN);
    stream.write('hun');
    expect(timer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
    stream.destroy();
    timer.mockRestore();
  });

  it('counts over all of its streams, by name', () => {
    const { redactor, stream, output } = open(TOKEN, named('other', '12345678'));
    const second = filterStream(redactor.open).resume();
    stream.write('hunter2!hunter3? 12345678.');
    second.write('12345678.');
    expect(output()).toBe('[redacted:token] [redacted:other].');
    expect(redactor.counts()).toEqual(
      new Map([
        ['token', 1],
        ['other', 2],
      ]),
    );
  });

  it('keeps streams apart: what began in one does not go on in the other', () => {
    const { redactor, stream, output } = open(TOKEN);
    const second = filterStream(redactor.open);
    const parts: string[] = [];
    second.on('data', (chunk: Buffer) => parts.push(chunk.toString()));
    stream.write('hunter2!');
    second.write('.hunter3?.');
    expect([output(), parts.join('')]).toEqual(['', '.hunter3?.']);
    stream.destroy();
  });

  it('passes all of it on through a slow reader, in order, and takes no more than the reader does', async () => {
    const stream = filterStream(createRedactor([TOKEN]).open);
    const chunk = Buffer.from('x hunter2!hunter3? y '.repeat(3000));
    const sink = new PassThrough({ highWaterMark: 1 });
    stream.pipe(sink);
    let accepted = 0;
    while (accepted < 100 && stream.write(chunk)) accepted += 1;
    expect(accepted).toBeLessThan(10);
    stream.end();
    let text = '';
    for await (const part of sink) text += String(part);
    const whole = chunk.toString().repeat(accepted + 1);
    expect(text).toBe(whole.replaceAll('hunter2!hunter3?', '[redacted:token]'));
  });

  it('does nothing without values', () => {
    const { stream, output } = open();
    stream.write('hunter2!hunter3?');
    expect(output()).toBe('hunter2!hunter3?');
  });
});

describe('compiled redactions', () => {
  it('are taken again for the same names and values, and made anew for others', () => {
    const compiled = compileRedactions([TOKEN]);
    expect(compileRedactions([named('token', 'hunter2!hunter3?')])).toBe(compiled);
    expect(compileRedactions([named('other', 'hunter2!hunter3?')])).not.toBe(compiled);
    expect(compileRedactions([named('token', 'hunter2!hunter3!')])).not.toBe(compiled);
    expect(compileRedactions([TOKEN, named('b', '12345678')])).not.toBe(
      compileRedactions([named('b', '12345678'), TOKEN]),
    );
  });

  it('are forgotten after many others, those first that were not used', () => {
    const [used, unused] = [compileRedactions([TOKEN]), compileRedactions([named('unused', 'hunter2!')])];
    for (let index = 0; index < 40; index += 1) {
      compileRedactions([named('many', `value-${index}`)]);
      compileRedactions([TOKEN]);
    }
    expect(compileRedactions([TOKEN])).toBe(used);
    expect(compileRedactions([named('unused', 'hunter2!')])).not.toBe(unused);
  });

  it('refuse a value that is too long, by name', () => {
    const long = 'x'.repeat(MAX_VALUE_BYTES + 1);
    expect(() => createRedactor([named('huge', long)])).toThrow(
      expect.objectContaining({
        code: 'secret-too-large',
        message: expect.stringMatching(/^huge: is 65537 bytes long/),
      }),
    );
  });

  it('of a value of the greatest length find it', () => {
    const value = Array.from({ length: MAX_VALUE_BYTES / 8 }, (_, index) => String(index).padStart(8, '-')).join('');
    const { stream, output } = open(named('large', value));
    stream.write(`a ${value} ${Buffer.from(value).toString('base64').replaceAll(/.{76}/g, '$&\r\n')} z`);
    stream.destroy();
    expect(output()).toBe('a [redacted:large] [redacted:large] z');
  });
});
