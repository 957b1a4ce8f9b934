import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CarapaceError } from '../../src/model/error.ts';
import {
  eventStreamReader,
  formatEvent,
  MAX_EVENT_BYTES,
  type StreamEvent,
  type StreamItem,
} from '../../src/protocol/event-stream.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reads a whole stream in pieces of the given sizes, the last size for the rest of it. */
function readAll(stream: string | Uint8Array, sizes: readonly number[] = [Infinity]): StreamItem[] {
  const bytes = typeof stream === 'string' ? bytesOf(stream) : stream;
  const reader = eventStreamReader();
  const items: StreamItem[] = [];
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const size = sizes[Math.min(piece, sizes.length - 1)] ?? 1;
    const read = reader.push(bytes.slice(at, at + size));
    if (read.fault !== undefined) throw new Error(read.fault);
    items.push(...read.items);
    at += size;
  }
  return [...items, ...reader.end()];
}

const event = (data: string, more: Partial<StreamEvent> = {}): StreamEvent => ({
  kind: 'event',
  type: 'message',
  named: more.type !== undefined,
  data,
  id: undefined,
  retry: undefined,
  ...more,
});
const comment = (text: string): StreamItem => ({ kind: 'comment', text });
const control = (id: string | undefined, retry?: string): StreamItem => ({ kind: 'control', id, retry });

interface Browser {
  readonly events: { readonly type: string; readonly data: string; readonly lastEventId: string }[];
  /** The reconnection time at the end. */
  retry: string | undefined;
}

/** A reader written straight from section 9.2.6, to compare with: it has the whole stream, and gives what a browser would dispatch. */
function browser(stream: Uint8Array): Browser {
  const read: Browser = { events: [], retry: undefined };
  const buffers = { data: '', type: '', id: '' };
  const fields = new Map<string, (value: string) => void>([
    ['event', (value) => (buffers.type = value)],
    ['data', (value) => (buffers.data += `${value}\n`)],
    ['id', (value) => (buffers.id = value.includes('\0') ? buffers.id : value)],
    ['retry', (value) => (read.retry = /^[0-9]+$/.test(value) ? value : read.retry)],
  ]);
  const dispatch = (): void => {
    const { data, type, id } = buffers;
    if (data !== '') read.events.push({ type: type || 'message', data: data.slice(0, -1), lastEventId: id });
    Object.assign(buffers, { data: '', type: '' });
  };
  const lines = new TextDecoder('utf-8').decode(stream).split(/\r\n|\n|\r/);
  for (const line of lines.slice(0, -1)) {
    const [, field = line, value = ''] = /^([^:]*):[ ]?([^]*)$/.exec(line) ?? [];
    if (line === '') dispatch();
    else fields.get(field)?.(value);
  }
  return read;
}

describe('eventStreamReader', () => {
  it.each<[stream: string, items: StreamItem[]]>([
    ['data: a\n\n', [event('a')]],
    ['data:a\n\ndata:  a\n\ndata:\ta\n\n', [event('a'), event(' a'), event('\ta')]],
    ['data: YHOO\ndata: +2\ndata: 10\n\n', [event('YHOO\n+2\n10')]],
    ['data\n\n', [event('')]],
    ['data\ndata\n\n', [event('\n')]],
    ['data:\ndata:\n\n', [event('\n')]],
    ['data: a\n', []],
    ['data: a', []],
    ['data: a\n\ndata: b\n', [event('a')]],
    ['data: a: b:c\n\n', [event('a: b:c')]],
    ['event: add\ndata: 1\n\n', [event('1', { type: 'add' })]],
    ['event: message\ndata: 1\n\n', [event('1', { type: 'message', named: true })]],
    ['event: a\nevent: b\ndata: 1\n\n', [event('1', { type: 'b' })]],
    ['event: a\nevent\ndata: 1\n\n', [event('1')]],
    ['event: a\ndata: 1\n\ndata: 2\n\n', [event('1', { type: 'a' }), event('2')]],
    ['id: 1\ndata: a\n\n', [event('a', { id: '1' })]],
    ['id\ndata: a\n\n', [event('a', { id: '' })]],
    ['id: 1\nid: 2\ndata: a\n\ndata: b\n\n', [event('a', { id: '2' }), event('b')]],
    ['id: 1\nid: 2\0\ndata: a\n\n', [event('a', { id: '1' })]],
    ['id: 1\n\n', [control('1')]],
    ['id: 1\n', []],
    ['retry: 1000\ndata: a\n\n', [event('a', { retry: '1000' })]],
    ['retry: 007\n\n', [control(undefined, '007')]],
    ['retry: 1000\nretry: 2s\nretry: -1\nretry: 1.5\nretry:\nretry: ٣\nretry:  1\n\n', [control(undefined, '1000')]],
    ['retry: 1000\nid: 1\ndata: a\n', [control(undefined, '1000')]],
    ['retry: 1000', []],
    [': ping\n\n', [comment(' ping')]],
    [':\n', [comment('')]],
    [':a\n:b\n\n', [comment('a'), comment('b')]],
    ['data: a\n: in between\ndata: b\n\n', [comment(' in between'), event('a\nb')]],
    ['\n', [comment('')]],
    ['event: ping\n\n', [comment('')]],
    ['nothing: x\n\n', [comment('')]],
    [': x\nnothing\n\n', [comment(' x')]],
    ['Data: a\nDATA: b\n data: c\ndata : d\ndata: e\n\n', [event('e')]],
    ['\ufeffdata: a\n\n', [event('a')]],
    ['\ufeff\ufeffdata: a\n\n', [comment('')]],
    ['data: a\n\n\ufeffdata: b\ndata: c\n\n', [event('a'), event('c')]],
    ['data: a\n\ndata: \ufeffb\n\n', [event('a'), event('\ufeffb')]],
    ['data: a\0b\n\n', [event('a\0b')]],
    ['data: a\u2028b\u0085c\u000bd\n\n', [event('a\u2028b\u0085c\u000bd')]],
    ['data: é😀\n\n', [event('é😀')]],
    ['', []],
  ])('reads %j', (stream, items) => {
    expect(readAll(stream)).toEqual(items);
    expect(readAll(stream, [1])).toEqual(items);
    expect(readAll(stream.replaceAll('\n', '\r'))).toEqual(items);
    expect(readAll(stream.replaceAll('\n', '\r'), [1])).toEqual(items);
    expect(readAll(stream.replaceAll('\n', '\r\n'))).toEqual(items);
    expect(readAll(stream.replaceAll('\n', '\r\n'), [1])).toEqual(items);
  });

  it('takes each kind of line end for one, in one stream', () => {
    expect(readAll('data: a\rdata: b\r\ndata: c\ndata: d\n\r\ndata: e\r\r')).toEqual([event('a\nb\nc\nd'), event('e')]);
    expect(readAll('data: a\n\r')).toEqual([event('a')]);
  });

  it('gives an event at once, though its last line end may go on', () => {
    const reader = eventStreamReader();
    expect(reader.push(bytesOf('data: a\r\n\r')).items).toEqual([event('a')]);
    expect(reader.push(bytesOf('')).items).toEqual([]);
    expect(reader.push(bytesOf('\n')).items).toEqual([]);
    expect(reader.push(bytesOf('\n')).items).toEqual([comment('')]);
    expect(reader.push(bytesOf(':ping\n')).items).toEqual([comment('ping')]);
  });

  it('replaces what is no UTF-8, wherever the stream is cut', () => {
    const stream = Buffer.from('data: \xff\xe2\x82 \xf0\x9f\x98\n\ndata: \xe2\n\x82\n\n', 'latin1');
    const items = [event('\ufffd\ufffd \ufffd'), event('\ufffd')];
    expect(readAll(stream)).toEqual(items);
    expect(readAll(stream, [1])).toEqual(items);
  });

  it('keeps nothing of the chunks that it was given', () => {
    const reader = eventStreamReader();
    const chunk = bytesOf('data: a');
    reader.push(chunk);
    chunk.fill(0x78);
    expect(reader.push(bytesOf('\n\n')).items).toEqual([event('a')]);
  });
});

describe('any stream', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'data: ',
      'data:',
      'data',
      'event: ',
      'id: ',
      'retry: ',
      'retry: 12',
      ':',
      ' ',
      'a',
      '\0',
      'é',
      '😀',
      '\ufeff',
      '\u2028',
    ),
    { weight: 3, arbitrary: fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n') },
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const stream = fc.oneof(
    fc.array(piece, { maxLength: 60 }).map((pieces) => bytesOf(pieces.join(''))),
    fc
      .array(fc.oneof(piece.map(bytesOf), fc.uint8Array({ maxLength: 4 })), { maxLength: 60 })
      .map((pieces) => Uint8Array.from(Buffer.concat(pieces))),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 20 });

  it('is read the same wherever it is cut', () => {
    fc.assert(
      fc.property(stream, sizes, (bytes, cuts) => {
        expect(readAll(bytes, cuts)).toEqual(readAll(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('means to a browser what it meant, when it was read and written', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        const written = readAll(bytes).map(formatEvent).join('');
        expect(written).not.toContain('\r');
        expect(browser(bytesOf(written))).toEqual(browser(bytes));
        expect(readAll(written)).toEqual(readAll(bytes));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('formatEvent', () => {
  it.each<[item: StreamItem, text: string]>([
    [event('a'), 'data: a\n\n'],
    [event('a\n\n b', { type: 'x', id: '', retry: '5' }), 'event: x\nid: \nretry: 5\ndata: a\ndata: \ndata:  b\n\n'],
    [event('a', { type: 'message' }), 'event: message\ndata: a\n\n'],
    [event('a', { type: 'x', named: false }), 'event: x\ndata: a\n\n'],
    [event(''), 'data: \n\n'],
    [control('1', '2'), 'id: 1\nretry: 2\n\n'],
    [comment(' ping'), ': ping\n\n'],
    [comment(''), ':\n\n'],
  ])('writes %j', (item, text) => {
    expect(formatEvent(item)).toBe(text);
  });

  it('writes what is read as the same item', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\n', ':', ' ', '\0', 'a', 'd', 'é', '\ufeff'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    const lines = text.map((some) => some.replaceAll('\r', '\n'));
    const word = text.map((some) => some.replaceAll(/[\r\n]/g, ''));
    const id = fc.option(
      word.map((some) => some.replaceAll('\0', '')),
      { nil: undefined },
    );
    const retry = fc.option(fc.stringMatching(/^[0-9]+$/), { nil: undefined });
    const item: fc.Arbitrary<StreamItem> = fc.oneof(
      fc
        .tuple(lines, word, id, retry)
        .map(([data, type, someId, time]) =>
          event(data, { type: type === '' ? 'message' : type, named: type !== '', id: someId, retry: time }),
        ),
      fc.tuple(id, retry).map(([someId, time]) => control(someId ?? (time === undefined ? '' : undefined), time)),
      word.map(comment),
    );
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(readAll(items.map(formatEvent).join(''))).toEqual(items);
      }),
      { numRuns: 1000 },
    );
  });

  it('makes lines of whatever ends a line, so that no data becomes a field', () => {
    expect(formatEvent(event('a\revent: x\r\n\r\ndata: b'))).toBe('data: a\ndata: event: x\ndata: \ndata: data: b\n\n');
    expect(formatEvent(comment('a\n\ndata: b'))).toBe(':a\n:\n:data: b\n\n');
  });

  it.each<[field: string, item: StreamItem]>([
    ['event', event('a', { type: 'x\ndata: b' })],
    ['event', event('a', { type: 'x\r' })],
    ['id', event('a', { id: '1\n' })],
    ['id', control('1\r\n\r\ndata: x')],
    ['id', control('1\0')],
    ['retry', control(undefined, '1\n')],
    ['retry', event('a', { retry: '1s' })],
  ])('refuses %s that would not be read back', (field, item) => {
    expect(() => formatEvent(item)).toThrow(
      new CarapaceError('event-field', `event stream: ${field} that no stream can carry`),
    );
  });
});

describe('the bound on an event', () => {
  const fault = `event of more than ${MAX_EVENT_BYTES} bytes`;
  it('is on one line, finished or not, in one piece or in many', () => {
    const text = 'x'.repeat(MAX_EVENT_BYTES - 6);
    expect(readAll(`data: ${text}\n\n`)).toEqual([event(text)]);
    expect(readAll(`data: ${text}\n\n`, [1000])).toEqual([event(text)]);
    expect(eventStreamReader().push(bytesOf(`data: ${text}x\n\n`))).toEqual({ items: [], fault });
    const reader = eventStreamReader();
    expect(reader.push(bytesOf(`data: ${text}`)).fault).toBeUndefined();
    expect(reader.push(bytesOf('x')).fault).toBe(fault);
    expect(eventStreamReader().push(bytesOf(`:${text}123456`)).fault).toBe(fault);
  });

  it('is on all lines of an event together', () => {
    expect(eventStreamReader().push(bytesOf('data: 1234567890\n'.repeat(MAX_EVENT_BYTES / 16))).fault).toBeUndefined();
    expect(eventStreamReader().push(bytesOf('data: 1234567890\n'.repeat(MAX_EVENT_BYTES / 16 + 1))).fault).toBe(fault);
    expect(eventStreamReader(20).push(bytesOf('nothing\n'.repeat(3))).fault).toBe('event of more than 20 bytes');
  });

  it('is not on events together, nor on comments without an empty line between them', () => {
    const reader = eventStreamReader(20);
    for (let count = 0; count < 100; count += 1) {
      expect(reader.push(bytesOf(':12345678\n'))).toEqual({ items: [comment('12345678')], fault: undefined });
      expect(reader.push(bytesOf('data: 12345678\n\n'))).toEqual({ items: [event('12345678')], fault: undefined });
    }
  });

  it('lets the events before it out, and nothing behind it', () => {
    const reader = eventStreamReader(20);
    expect(reader.push(bytesOf('data: a\n\nretry: 5\ndata: 1234567890123\n\ndata: b\n\n'))).toEqual({
      items: [event('a')],
      fault: 'event of more than 20 bytes',
    });
    expect(reader.push(bytesOf('\n\ndata: c\n\n'))).toEqual({ items: [], fault: 'event of more than 20 bytes' });
    expect(reader.end()).toEqual([]);
  });

  it('leaves room for a line in pieces of one byte', () => {
    const reader = eventStreamReader();
    reader.push(bytesOf('data: '));
    const piece = bytesOf('x');
    for (let count = 0; count < 200_000; count += 1) reader.push(piece);
    expect(reader.push(bytesOf('\r\r')).items).toEqual([event('x'.repeat(200_000))]);
  });
});
