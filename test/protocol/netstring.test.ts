import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, formatFrame, MAX_FRAME_BYTES, parseWholeFrame } from '../../src/protocol/netstring.ts';

describe('createFrameReader', () => {
  it('finds the frame and the bytes after it, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        (payload, after, size) => {
          const bytes = Buffer.concat([Buffer.from(`${payload.length}:`), payload, Buffer.from(','), after]);
          const reader = createFrameReader();
          for (let at = 0; at < bytes.length; at += size) {
            const progress = reader.push(bytes.subarray(at, at + size));
            if (progress.state === 'more') continue;
            expect(progress.state).toBe('done');
            if (progress.state !== 'done') return;
            expect(progress.payload.equals(Buffer.from(payload))).toBe(true);
            const rest = Buffer.concat([progress.rest, bytes.subarray(at + size)]);
            expect(rest.equals(Buffer.from(after))).toBe(true);
            return;
          }
          throw new Error('the frame was not found');
        },
      ),
    );
  });

  it.each([
    ['x', 'malformed'],
    [':abc,', 'malformed'],
    ['01:a,', 'malformed'],
    ['-1:a,', 'malformed'],
    ['+1:a,', 'malformed'],
    [' 1:a,', 'malformed'],
    ['0x1:a,', 'malformed'],
    ['1:ab', 'malformed'],
    ['2:ab;', 'malformed'],
    ['1048577:', 'too-large'],
    ['99999999', 'too-large'],
  ])('refuses %j as %s', (text, reason) => {
    const progress = createFrameReader().push(Buffer.from(text));
    expect(progress.state === 'bad' ? progress.reason : progress.state).toBe(reason);
  });

  it('takes the largest frame byte by byte without holding more than twice its size', () => {
    const reader = createFrameReader();
    const bytes = formatFrame('a'.repeat(MAX_FRAME_BYTES));
    let last = reader.push(bytes.subarray(0, 8));
    for (let at = 8; at < bytes.length; at += 1) last = reader.push(bytes.subarray(at, at + 1));
    expect(last.state).toBe('done');
    expect(reader.held()).toBeLessThanOrEqual(2 * bytes.length);
  });

  it('waits on a length that is not complete', () => {
    expect(createFrameReader().push(Buffer.from('10485')).state).toBe('more');
    expect(createFrameReader().push(Buffer.from('')).state).toBe('more');
    expect(createFrameReader().push(Buffer.from('5:abc')).state).toBe('more');
  });
});

describe('parseWholeFrame', () => {
  it('takes a frame and nothing else', () => {
    expect(parseWholeFrame(Buffer.from('2:{},')).state).toBe('done');
    expect(parseWholeFrame(Buffer.from('2:{},x'))).toMatchObject({ state: 'bad', message: 'bytes after the frame' });
    expect(parseWholeFrame(Buffer.from('9:{},'))).toMatchObject({
      state: 'bad',
      message: 'frame is longer than the command that holds it',
    });
    expect(parseWholeFrame(Buffer.from('0:,')).state).toBe('done');
  });
});

describe('formatFrame', () => {
  it('counts bytes, not characters', () => {
    expect(formatFrame('é').toString()).toBe('2:é,');
  });
});
