/** The calls that `policy learn` learns from: what the audit log holds of denials, or requests a line. */
import type { AuditFilter } from '../engine/audit/filter.ts';
import { readNewest } from '../engine/audit/read.ts';
import type { AuditRecord } from '../model/audit-record.ts';
import type { TriedCall } from '../policy/learn/propose.ts';
import { parseRequestText } from '../protocol/request-frame.ts';
import { readLines } from './read-lines.ts';

/** A call of some tool, and who tried it. */
export interface DeniedCall extends TriedCall {
  readonly tool: string;
  /** Null where it is nobody's. */
  readonly client: { readonly name: string; readonly key: string } | null;
}

export interface DeniedCalls {
  /** Each once, with how often it was tried. */
  readonly calls: readonly DeniedCall[];
  /** Denials whose record holds no arguments, or not all of them. */
  readonly withoutArguments: number;
  /** Denials that the log only counted. */
  readonly counted: number;
  /** Lines that are no requests. */
  readonly malformed: number;
}

/** How far back the log is read: records are held in memory, and a person reads what comes of them. */
const MOST_RECORDS = 100_000;

/**
 * Reads what was denied, by the newest records that fit.
 *
 * @throws CarapaceError `unreachable` where there is no log or it cannot be read
 */
export async function readDeniedCalls(file: string, filter: AuditFilter): Promise<DeniedCalls> {
  const { entries } = await readNewest(file, { filter, limit: MOST_RECORDS, joined: false });
  const records = entries.map(({ record }) => record);
  const calls = createCalls();
  let withoutArguments = 0;
  for (const record of records) {
    if (record.event !== 'decision' || record.verdict !== 'deny' || record.tool === null || record.type === 'http')
      continue;
    const { tool, argv, argvCut, cwd, client, key } = record;
    if (argv === null || argvCut) withoutArguments += 1;
    else calls.add({ tool, argv, cwd: cwd ?? undefined, client: { name: client, key }, times: 1 });
  }
  const counted = records.reduce((sum, record) => sum + countIn(record), 0);
  return { calls: calls.all(), withoutArguments, counted, malformed: 0 };
}

function countIn(record: AuditRecord): number {
  return record.event === 'coalesced' && record.of === 'decision' ? record.count : 0;
}

/** A frame's bound (docs/protocol.md), and room for JSON that escapes everything. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** Reads requests a line, as `policy explain --stdin` does; with `tool`, only its. Throws only what the stream throws. */
export async function readRequests(stream: AsyncIterable<Buffer>, tool: string | undefined): Promise<DeniedCalls> {
  const calls = createCalls();
  let malformed = 0;
  for await (const line of readLines(stream, MAX_LINE_BYTES)) {
    const parsed = line === undefined ? undefined : parseRequestText(line);
    if (parsed?.ok !== true) malformed += 1;
    else if (tool === undefined || parsed.request.tool === tool)
      calls.add({ ...parsed.request, client: null, times: 1 });
  }
  return { calls: calls.all(), withoutArguments: 0, counted: 0, malformed };
}

interface Calls {
  readonly add: (call: DeniedCall) => void;
  readonly all: () => DeniedCall[];
}

function createCalls(): Calls {
  const calls = new Map<string, DeniedCall>();
  return {
    add: ({ tool, argv, cwd, client, times }) => {
      const id = JSON.stringify([tool, argv, cwd, client]);
      calls.set(id, { tool, argv, cwd, client, times: (calls.get(id)?.times ?? 0) + times });
    },
    all: () => [...calls.values()],
  };
}
