/** `carapace audit`: shows the newest records of the audit log, and with `--follow` those that come. */
import { fitsFilter } from '../engine/audit/filter.ts';
import { followRecords } from '../engine/audit/follow.ts';
import { type AuditEntry, readNewest } from '../engine/audit/read.ts';
import { safeJson } from '../engine/audit/safe-json.ts';
import { visible } from '../model/visible.ts';
import { type AuditOptions, type AuditQuery, parseAuditOptions } from './audit-query.ts';
import { formatEntry } from './audit-text.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, reportWarning } from './report.ts';

/**
 * Runs the command. `--follow` ends only with the process.
 *
 * @throws CarapaceError `usage`, `configuration`, or `unreachable` where there is no log
 */
export async function run(options: AuditOptions): Promise<number> {
  const query = parseAuditOptions(options, Date.now());
  return showAudit(resolveDirectory(options.dir).auditFile, query);
}

/**
 * The command on a given file. `signal` ends `--follow`.
 *
 * @throws CarapaceError `unreachable` where there is no log or it cannot be read
 */
export async function showAudit(file: string, query: AuditQuery, signal?: AbortSignal): Promise<number> {
  const { filter, limit, follow, json } = query;
  const newest = await readNewest(file, { filter, limit, joined: !json });
  for (const entry of newest.entries) printEntry(entry, json);
  if (newest.badLines > 0) warnOfBadLines(newest.badLines, file);
  if (newest.entries.length === 0 && !follow && !json) process.stderr.write('carapace: no record matches\n');
  if (!follow) return EXIT.ok;
  for await (const record of followRecords(file, newest.end, signal)) {
    if (record === null) warnOfBadLines(1, file);
    else if (fitsFilter(record, filter)) printEntry({ record }, json);
  }
  return EXIT.ok;
}

function printEntry(entry: AuditEntry, json: boolean): void {
  print(json ? safeJson(entry.record) : formatEntry(entry, process.stdout));
}

function warnOfBadLines(count: number, file: string): void {
  const lines = count === 1 ? '1 line is no record' : `${count} lines are no records`;
  reportWarning(
    `audit log: ${lines} of carapace in ${visible(file, 1000)}`,
    'they stay there as evidence of a crash or an edit',
  );
}
