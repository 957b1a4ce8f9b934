import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FIRST_PREV, formatLine, MAX_LINE_BYTES } from '../../../src/engine/audit/line.ts';
import { type AuditEntry, type NewestQuery, readNewest } from '../../../src/engine/audit/read.ts';
import type { AuditEvent } from '../../../src/model/audit-record.ts';
import { authFailure, connection, decision, denial, featureRefused, outcome } from './events.ts';

const START = Date.UTC(2027, 0, 31, 8);

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-read-'));
  file = join(directory, 'audit.jsonl');
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A log with a record a second. */
function writeLog(events: readonly AuditEvent[]): void {
  const lines = events.map((event, i) =>
    formatLine(event, { seq: i + 1, time: new Date(START + i * 1000).toISOString(), prev: FIRST_PREV }),
  );
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
}

async function read(query: Partial<NewestQuery> = {}): Promise<readonly AuditEntry[]> {
  return (await readNewest(file, { filter: {}, limit: 50, joined: false, ...query })).entries;
}

async function seqs(query: Partial<NewestQuery> = {}): Promise<number[]> {
  return (await read(query)).map(({ record }) => record.seq);
}

describe('a limit', () => {
  it('gives the newest records, oldest of them first', async () => {
    writeLog(Array.from({ length: 1000 }, () => decision()));
    expect(await seqs({ limit: 3 })).toEqual([998, 999, 1000]);
  });

  it('larger than the log gives all of it', async () => {
    writeLog([decision(), outcome()]);
    expect(await seqs({ limit: 50 })).toEqual([1, 2]);
  });

  it('counts only what fits the filter', async () => {
    writeLog(Array.from({ length: 500 }, (_, i) => decision({ tool: i === 7 ? 'gh' : 'op' })));
    expect(await seqs({ limit: 1, filter: { tool: 'gh' } })).toEqual([8]);
  });

  it('holds across the borders of the blocks that are read', async () => {
    const sizes = Array.from({ length: 60 }, (_, i) => i * 173);
    writeLog(sizes.map((size) => decision({ meta: { a: 'ü'.repeat(size % 2000), b: 'x'.repeat(size % 1999) } })));
    expect(await seqs({ limit: 60 })).toEqual(sizes.map((_, i) => i + 1));
  });
});

describe('a filter', () => {
  const events: AuditEvent[] = [
    { event: 'service', action: 'start', version: '1', pid: 1 },
    decision({ request: 'a' }),
    outcome({ request: 'a' }),
    denial({ request: 'b', tool: 'gh' }),
    decision({ request: 'c', client: 'other' }),
    authFailure(),
    featureRefused(),
    connection(),
    { event: 'coalesced', of: 'decision', source: 'claw-vm', count: 3, reasons: {}, since: '' },
    { event: 'coalesced', of: 'connection', source: 'claw-vm', count: 3, reasons: {}, since: '' },
    { event: 'coalesced', of: 'auth-failure', source: 'claw-vm', count: 3, reasons: {}, since: '' },
  ];

  it.each([
    [{}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    [{ tool: 'op' }, [2, 3, 5]],
    [{ tool: 'gh' }, [4]],
    [{ tool: 'nothing' }, []],
    [{ client: 'other' }, [5]],
    [{ client: 'claw-vm' }, [2, 3, 4, 7, 8, 9, 10]],
    [{ result: 'allow' }, [2, 3, 5]],
    [{ result: 'deny' }, [4, 6, 7, 9, 11]],
    [{ request: 'a' }, [2, 3]],
    [{ sinceMs: START + 4000 }, [5, 6, 7, 8, 9, 10, 11]],
    [{ sinceMs: START + 4001, result: 'deny' }, [6, 7, 9, 11]],
  ] as const)('of %j finds exactly its records', async (filter, expected) => {
    writeLog(events);
    expect(await seqs({ filter })).toEqual(expected);
  });

  it('for a time finds records that a clock put out of order', async () => {
    writeLog([decision(), decision(), decision()]);
    const late = formatLine(decision(), { seq: 4, time: new Date(START - 60_000).toISOString(), prev: FIRST_PREV });
    appendFileSync(file, `${late}\n`);
    expect(await seqs({ filter: { sinceMs: START } })).toEqual([1, 2, 3]);
  });

  it('for a time stops reading at records that are far older', async () => {
    writeLog([decision(), decision()]);
    const { badLines } = await prepended('damaged\n', { filter: { sinceMs: START + 7_200_000 } });
    expect(badLines).toBe(0);
  });
});

describe('decision and outcome', () => {
  it('are one entry where they are joined', async () => {
    writeLog([
      decision({ request: 'a' }),
      decision({ request: 'b' }),
      outcome({ request: 'b' }),
      outcome({ request: 'a' }),
    ]);
    const entries = await read({ joined: true });
    expect(entries.map(({ record, outcome }) => [record.seq, outcome?.seq])).toEqual([
      [1, 4],
      [2, 3],
    ]);
  });

  it('are joined beyond the limit, which counts entries', async () => {
    writeLog([
      decision({ request: 'long' }),
      ...Array.from({ length: 20 }, (_, i) => denial({ request: `d${i}` })),
      outcome({ request: 'long' }),
    ]);
    const entries = await read({ joined: true, limit: 1 });
    expect(entries.map(({ record, outcome }) => [record.seq, outcome?.seq])).toEqual([[1, 22]]);
  });

  it('stand alone where the other is not there', async () => {
    writeLog([outcome({ request: 'gone' }), decision({ request: 'running' })]);
    const entries = await read({ joined: true });
    expect(entries.map(({ record, outcome }) => [record.event, outcome])).toEqual([
      ['outcome', undefined],
      ['decision', undefined],
    ]);
  });
});

describe('a line that is no record', () => {
  it.each(['', 'scribble', '{"seq":1', '{"seq":"1","time":"","event":"","prev":""}', '\0\0\0', '[]', 'null'])(
    'is counted and passed over: %j',
    async (line) => {
      writeLog([decision()]);
      appendFileSync(file, `${line}\n`);
      const answer = await readNewest(file, { filter: {}, limit: 50, joined: false });
      expect(answer.badLines).toBe(1);
      expect(answer.entries).toHaveLength(1);
    },
  );

  it('is counted once and in bounded memory where it is longer than any record', async () => {
    writeLog([decision()]);
    appendFileSync(file, `${'x'.repeat(8 * MAX_LINE_BYTES)}\n`);
    const answer = await readNewest(file, { filter: {}, limit: 50, joined: false });
    expect(answer.badLines).toBe(1);
    expect(answer.entries).toHaveLength(1);
  });

  it('is counted where it is the unfinished last one, which is left for following', async () => {
    writeLog([decision()]);
    appendFileSync(file, '{"seq":2,');
    const answer = await readNewest(file, { filter: {}, limit: 50, joined: false });
    expect(answer.badLines).toBe(1);
    appendFileSync(file, 'x');
    expect((await readNewest(file, { filter: {}, limit: 50, joined: false })).end).toBe(answer.end);
  });
});

it('finds nothing in an empty log', async () => {
  writeFileSync(file, '');
  expect(await readNewest(file, { filter: {}, limit: 5, joined: true })).toEqual({ entries: [], badLines: 0, end: 0 });
});

it('says that there is no log where there is none', async () => {
  await expect(read()).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('there is none at'),
  });
});

async function prepended(text: string, query: Partial<NewestQuery>): Promise<{ badLines: number }> {
  const { readFileSync } = await import('node:fs');
  writeFileSync(file, text + readFileSync(file, 'utf8'));
  return readNewest(file, { filter: {}, limit: 50, joined: false, ...query });
}
