/**
 * Reads the audit log for people and programs: the newest records first of all, because those are what is asked for.
 * A line that is no record is counted and passed over: evidence may be damaged, the rest of it stays readable.
 */
import { open, type FileHandle } from 'node:fs/promises';
import type { AuditRecord } from '../../model/audit-record.ts';
import { CarapaceError, errnoOf, messageOf } from '../../model/error.ts';
import { visible } from '../../model/visible.ts';
import { type Line, linesBackwards } from './backwards.ts';
import { type AuditFilter, fitsFilter } from './filter.ts';
import { parseLine } from './line.ts';

/** How far records may be out of order of time: a clock that was set back by no more than this hides nothing. */
const CLOCK_STEP_MS = 3_600_000;
/** Records that are read beyond the limit to find the decisions of calls whose outcomes were found. */
const JOIN_WITHIN = 1000;

type Outcome = Extract<AuditRecord, { event: 'outcome' }>;

/** One thing that happened: a record, or a decision together with its outcome. */
export interface AuditEntry {
  readonly record: AuditRecord;
  readonly outcome?: Outcome;
}

export interface NewestQuery {
  readonly filter: AuditFilter;
  /** How many entries at most: always the newest. */
  readonly limit: number;
  /** True: a decision and its outcome are one entry. */
  readonly joined: boolean;
}

export interface NewestAnswer {
  /** Oldest first. */
  readonly entries: readonly AuditEntry[];
  /** Lines that were read and are no records; an unfinished last line is one of them. */
  readonly badLines: number;
  /** Offset behind the last whole line: where `followRecords` goes on. */
  readonly end: number;
}

/**
 * The newest records that fit.
 *
 * @throws CarapaceError `unreachable` where there is no log or it cannot be read
 */
export async function readNewest(path: string, query: NewestQuery): Promise<NewestAnswer> {
  const file = await openForReading(path);
  try {
    return await collect(file, query);
  } finally {
    await file.close();
  }
}

/** @throws CarapaceError `unreachable` where there is no log or it cannot be read */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      const hint = '`carapace serve` begins it; --dir DIR names the directory of another gateway';
      throw new CarapaceError('unreachable', `audit log: there is none at ${visible(path, 1000)}`, {
        hint,
        cause: error,
      });
    }
    const hint = 'read it as the user that the gateway runs as';
    throw new CarapaceError('unreachable', `audit log: ${visible(messageOf(error), 1000)}`, { hint, cause: error });
  }
}

/** The record in a line; undefined where there is none. Never throws. */
export function recordIn(line: Line): AuditRecord | undefined {
  return line === null ? undefined : parseLine(line.toString());
}

async function collect(file: FileHandle, { filter, limit, joined }: NewestQuery): Promise<NewestAnswer> {
  const { size } = await file.stat();
  const found = createCollection(limit, joined);
  const lines = linesBackwards(file, size);
  const unfinished = await lines.next();
  const unfinishedBytes = unfinished.value?.length ?? 0;
  let badLines = unfinishedBytes === 0 ? 0 : 1;
  for await (const line of lines) {
    const record = recordIn(line);
    if (record === undefined) badLines += 1;
    else if (isBefore(record, filter.sinceMs)) break;
    else if (fitsFilter(record, filter)) found.add(record);
    if (found.isComplete()) break;
  }
  return { entries: found.entries(), badLines, end: size - unfinishedBytes };
}

function isBefore(record: AuditRecord, sinceMs: number | undefined): boolean {
  return sinceMs !== undefined && Date.parse(record.time) < sinceMs - CLOCK_STEP_MS;
}

interface Collection {
  readonly add: (record: AuditRecord) => void;
  readonly isComplete: () => boolean;
  readonly entries: () => AuditEntry[];
}

/** Takes records newest first. */
function createCollection(limit: number, joined: boolean): Collection {
  const entries: AuditEntry[] = [];
  /** Where the outcomes stand whose decisions have not come yet. */
  const waiting = new Map<string, number>();
  let beyond = 0;
  return {
    add: (record) => {
      const place = record.event === 'decision' ? waiting.get(record.request) : undefined;
      const outcome = place === undefined ? undefined : entries[place]?.record;
      if (place !== undefined && outcome?.event === 'outcome') {
        entries[place] = { record, outcome };
        waiting.delete(outcome.request);
      } else if (entries.length === limit) {
        beyond += 1;
      } else {
        if (joined && record.event === 'outcome') waiting.set(record.request, entries.length);
        entries.push({ record });
      }
    },
    isComplete: () => entries.length === limit && (waiting.size === 0 || beyond >= JOIN_WITHIN),
    entries: () => entries.toSorted((a, b) => a.record.seq - b.record.seq),
  };
}
