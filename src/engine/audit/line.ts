/**
 * One audit record as one line of text: its fields, their order, its length and its hash.
 *
 * Invariants: a line holds the fields named here and no other, whatever else the event's object carries; it has no
 * newline and no character that a terminal obeys; it is never longer than `MAX_LINE_BYTES`.
 */
import { createHash } from 'node:crypto';
import type { AuditEvent, AuditPeer, AuditRecord } from '../../model/audit-record.ts';
import { safeJson } from './safe-json.ts';

/** The `prev` of the first record of all. */
export const FIRST_PREV = '0'.repeat(64);

/** The longest line, without its newline: what a reader must be ready for. */
export const MAX_LINE_BYTES = 512 * 1024;

/** The byte that ends a line. */
export const NEWLINE = 0x0a;

/** Above this many bytes a line's texts are cut: enough for all but the oddest call, and a year of them fits a disk. */
const CUT_ABOVE_BYTES = 32 * 1024;
/** UTF-16 units that are left of one text, and of one list of texts, when a line is cut. */
const CUT_TEXT_CHARS = 2048;
const CUT_LIST_CHARS = 8192;

type Fields<E> = Readonly<Record<Exclude<keyof E, 'event'>, 1>>;

const PEER: Omit<Fields<AuditPeer & { event: string }>, 'client'> = { key: 1, door: 1, connection: 1, peer: 1 };

/** The fields of each event in the order in which they are written; the compiler holds the list complete. */
const FIELDS: { readonly [E in AuditEvent as E['event']]: Fields<E> } = {
  decision: {
    request: 1,
    client: 1,
    verdict: 1,
    reason: 1,
    word: 1,
    tool: 1,
    type: 1,
    argv: 1,
    argvCut: 1,
    http: 1,
    cwd: 1,
    env: 1,
    envDropped: 1,
    meta: 1,
    rule: 1,
    policy: 1,
    ...PEER,
  },
  outcome: {
    request: 1,
    client: 1,
    tool: 1,
    kind: 1,
    reason: 1,
    status: 1,
    signal: 1,
    durationMs: 1,
    bytes: 1,
    firstByteMs: 1,
    redactions: 1,
    detector: 1,
    ...PEER,
  },
  connection: { client: 1, action: 1, reason: 1, ...PEER },
  'auth-failure': { reason: 1, key: 1, door: 1, connection: 1, peer: 1 },
  'feature-refused': { client: 1, feature: 1, ...PEER },
  reload: { what: 1, ok: 1, digest: 1, problems: 1 },
  service: { action: 1, version: 1, pid: 1 },
  log: { action: 1, problem: 1, lost: 1 },
  coalesced: { of: 1, source: 1, count: 1, reasons: 1, since: 1 },
};

const FIELD_NAMES = new Map<string, readonly string[]>(
  Object.entries(FIELDS).map(([event, fields]) => [event, Object.keys(fields)]),
);

/** What the writer adds to an event. */
export interface Stamp {
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly seq: number;
  readonly prev: string;
}

/**
 * The record's line without a newline: `seq`, `time`, `event`, then the event's fields, `prev` at the end. A line that
 * would be longer than 32 KiB has its texts cut, each saying how long it was, and `argvCut` set where it has arguments.
 *
 * @throws RangeError where even then it is longer than `MAX_LINE_BYTES`, which no event that keeps its own bounds is
 */
export function formatLine(event: AuditEvent, stamp: Stamp): string {
  const line = safeJson(stamped(event, stamp));
  if (line.length <= CUT_ABOVE_BYTES && Buffer.byteLength(line) <= CUT_ABOVE_BYTES) return line;
  const cut = safeJson(stamped(cutTexts(event), stamp));
  if (Buffer.byteLength(cut) <= MAX_LINE_BYTES) return cut;
  throw new RangeError(`a record of ${Buffer.byteLength(cut)} bytes; at most ${MAX_LINE_BYTES} are written`);
}

/** The record that a line holds; undefined for what is no record of ours. Never throws. */
export function parseLine(line: string): AuditRecord | undefined {
  if (!line.startsWith('{"seq":')) return undefined;
  try {
    const value = JSON.parse(line) as Partial<AuditRecord> | null;
    const whole =
      Number.isSafeInteger(value?.seq) &&
      typeof value?.time === 'string' &&
      typeof value.event === 'string' &&
      typeof value.prev === 'string';
    return whole ? (value as AuditRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** The lines in a piece of a log, without their newlines; the last is what stands after the last newline. */
export function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
    lines.push(bytes.subarray(from, at));
    from = at + 1;
  }
  lines.push(bytes.subarray(from));
  return lines;
}

/** SHA-256 in hexadecimal of a line's bytes, its newline not among them. */
export function hashLine(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}

function stamped(event: AuditEvent, { seq, time, prev }: Stamp): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = { ...event };
  const out: Record<string, unknown> = { seq, time, event: event.event };
  for (const field of FIELD_NAMES.get(event.event) ?? []) out[field] = values[field];
  out['prev'] = prev;
  return out;
}

function cutTexts(event: AuditEvent): AuditEvent {
  const cut: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(event)) cut[field] = cutValue(value);
  if (event.event === 'decision' && event.argv !== null) cut['argvCut'] = true;
  return cut as unknown as AuditEvent;
}

function cutValue(value: unknown): unknown {
  if (typeof value === 'string') return cutText(value);
  if (Array.isArray(value)) return cutList(value.map(String));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, cutValue(part)]));
}

function cutText(text: string): string {
  return text.length <= CUT_TEXT_CHARS ? text : `${text.slice(0, CUT_TEXT_CHARS)}...(${text.length} characters)`;
}

function cutList(list: readonly string[]): string[] {
  const kept: string[] = [];
  let chars = 0;
  for (const text of list.map(cutText)) {
    chars += text.length + 1;
    if (chars > CUT_LIST_CHARS) break;
    kept.push(text);
  }
  return kept;
}
