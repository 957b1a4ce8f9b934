/** Turns the options of `carapace audit` into a query. */
import type { AuditFilter } from '../engine/audit/filter.ts';
import { CarapaceError } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

/** The options as the command line gives them. */
export interface AuditOptions {
  readonly dir?: string;
  readonly tool?: string;
  readonly client?: string;
  /** `allow` or `deny`. */
  readonly result?: string;
  readonly request?: string;
  /** `90s`, `5m`, `1h`, `2d`, or an RFC 3339 time. Absent: from the beginning. */
  readonly since?: string;
  /** Absent: 50. */
  readonly limit?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export interface AuditQuery {
  readonly filter: AuditFilter;
  readonly limit: number;
  readonly follow: boolean;
  readonly json: boolean;
}

const DEFAULT_LIMIT = 50;
/** The entries are held in memory before they are printed. */
const MAX_LIMIT = 100_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** @throws CarapaceError `usage` for a value that makes no sense */
export function parseAuditOptions(options: AuditOptions, nowMs: number): AuditQuery {
  const { tool, client, request, result, since, limit, follow = false, json = false } = options;
  return {
    filter: {
      ...(tool === undefined ? {} : { tool }),
      ...(client === undefined ? {} : { client }),
      ...(request === undefined ? {} : { request }),
      ...(result === undefined ? {} : { result: parseResult(result) }),
      ...(since === undefined ? {} : { sinceMs: parseSince(since, nowMs) }),
    },
    limit: limit === undefined ? DEFAULT_LIMIT : parseLimit(limit),
    follow,
    json,
  };
}

function parseResult(text: string): 'allow' | 'deny' {
  if (text === 'allow' || text === 'deny') return text;
  throw usage('--result', text, '`allow` or `deny`');
}

function parseLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw usage('--limit', text, `a number from 1 to ${MAX_LIMIT}`);
}

function parseSince(text: string, nowMs: number): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (UNIT_MS[unit] ?? 0);
  const time = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw usage('--since', text, 'a duration (`90s`, `5m`, `1h`, `2d`) or a time (`2027-01-31T08:00:00Z`)');
}

function usage(option: string, text: string, expected: string): CarapaceError {
  return new CarapaceError('usage', `${option}: ${quoted(text)}, expected ${expected}`, {
    hint: 'see `carapace audit --help`',
  });
}
