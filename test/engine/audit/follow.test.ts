import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followRecords } from '../../../src/engine/audit/follow.ts';
import { FIRST_PREV, formatLine, MAX_LINE_BYTES } from '../../../src/engine/audit/line.ts';
import { decision } from './events.ts';

let directory: string;
let file: string;
let stop: AbortController;
let following: AsyncGenerator[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-follow-'));
  file = join(directory, 'audit.jsonl');
  writeFileSync(file, '');
  stop = new AbortController();
  following = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(following.map((records) => records.return(undefined)));
  rmSync(directory, { recursive: true });
});

function line(seq: number): string {
  return `${formatLine(decision(), { seq, time: '2027-01-31T08:00:00.000Z', prev: FIRST_PREV })}\n`;
}

/** Numbers of the records as they come; null for a line that is none. */
function follow(offset = 0): () => Promise<number | null> {
  const records = followRecords(file, offset, stop.signal);
  following.push(records);
  return async () => {
    const { done, value } = await records.next();
    if (done === true) throw new Error('following ended');
    return value?.seq ?? null;
  };
}

it('gives what is there behind the offset and then what comes', async () => {
  writeFileSync(file, line(1) + line(2));
  const next = follow(line(1).length);
  expect(await next()).toBe(2);
  appendFileSync(file, line(3));
  expect(await next()).toBe(3);
  appendFileSync(file, line(4) + line(5));
  expect([await next(), await next()]).toEqual([4, 5]);
});

it('waits for the rest of a line', async () => {
  const next = follow();
  const text = line(1);
  appendFileSync(file, text.slice(0, 50));
  const record = next();
  appendFileSync(file, text.slice(50));
  expect(await record).toBe(1);
});

it('reads on from the beginning where the file was truncated', async () => {
  writeFileSync(file, line(1) + line(2));
  const next = follow();
  expect([await next(), await next()]).toEqual([1, 2]);
  const third = next();
  truncateSync(file, 0);
  appendFileSync(file, line(3));
  expect(await third).toBe(3);
});

it('reads the old file to its end and goes on with the one that replaced it', async () => {
  writeFileSync(file, line(1));
  const next = follow();
  expect(await next()).toBe(1);
  appendFileSync(file, line(2));
  renameSync(file, `${file}.1`);
  writeFileSync(file, line(3));
  expect([await next(), await next()]).toEqual([2, 3]);
});

it('waits where the file is gone for a while', async () => {
  writeFileSync(file, line(1));
  const next = follow();
  expect(await next()).toBe(1);
  unlinkSync(file);
  const second = next();
  writeFileSync(file, line(2));
  expect(await second).toBe(2);
});

it('gives null for a line that is no record, however long', async () => {
  const next = follow();
  appendFileSync(file, `scribble\n${'x'.repeat(3 * MAX_LINE_BYTES)}\n${line(1)}`);
  expect([await next(), await next(), await next()]).toEqual([null, null, 1]);
});

it('ends when it is told to', async () => {
  const records = followRecords(file, 0, stop.signal);
  const next = records.next();
  stop.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});

it('says that there is no log where there is none', async () => {
  unlinkSync(file);
  await expect(follow()()).rejects.toMatchObject({ code: 'unreachable' });
});
