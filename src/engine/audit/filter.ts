/** Which records a reader wants. */
import type { AuditRecord } from '../../model/audit-record.ts';

/** Every field that is there must fit; an empty filter fits everything. */
export interface AuditFilter {
  readonly tool?: string;
  readonly client?: string;
  /** `allow`: allowed decisions and their outcomes. `deny`: whatever was refused, counted refusals among it. */
  readonly result?: 'allow' | 'deny';
  /** A request's id: its decision and its outcome. */
  readonly request?: string;
  /** Milliseconds since the epoch: older records do not fit. */
  readonly sinceMs?: number;
}

/** Whether a record fits a filter. A record without the field that is asked for does not. Never throws. */
export function fitsFilter(record: AuditRecord, filter: AuditFilter): boolean {
  return (
    isWanted(filter.tool, 'tool' in record ? record.tool : undefined) &&
    isWanted(filter.client, clientOf(record)) &&
    isWanted(filter.result, resultOf(record)) &&
    isWanted(filter.request, 'request' in record ? record.request : undefined) &&
    (filter.sinceMs === undefined || Date.parse(record.time) >= filter.sinceMs)
  );
}

function isWanted(wanted: string | undefined, actual: string | null | undefined): boolean {
  return wanted === undefined || wanted === actual;
}

function clientOf(record: AuditRecord): string | undefined {
  if (record.event === 'coalesced') return record.of === 'auth-failure' ? undefined : record.source;
  return 'client' in record ? record.client : undefined;
}

function resultOf(record: AuditRecord): 'allow' | 'deny' | undefined {
  if (record.event === 'decision') return record.verdict;
  if (record.event === 'outcome') return 'allow';
  if (record.event === 'coalesced') return record.of === 'connection' ? undefined : 'deny';
  return record.event === 'auth-failure' || record.event === 'feature-refused' ? 'deny' : undefined;
}
