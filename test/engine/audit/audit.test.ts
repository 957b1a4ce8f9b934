import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Audit, openAudit } from '../../../src/engine/audit/audit.ts';
import { type LogIo, SYSTEM_IO } from '../../../src/engine/audit/log-file.ts';
import { CarapaceError } from '../../../src/model/error.ts';
import { checkedRecords } from './chain-check.ts';
import { decision, denial } from './events.ts';

let directory: string;
let file: string;
let audit: Audit;
let diskFull: boolean;
let errors: string[];

beforeEach(() => {
  vi.useFakeTimers();
  directory = mkdtempSync(join(tmpdir(), 'carapace-audit-'));
  file = join(directory, 'audit.jsonl');
  diskFull = false;
  errors = [];
  const write: LogIo['write'] = (fd, bytes, offset) => {
    if (diskFull) throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' });
    return SYSTEM_IO.write(fd, bytes, offset);
  };
  const log = { error: (message: string): number => errors.push(message) };
  audit = openAudit({ file, io: { ...SYSTEM_IO, write }, log });
});

afterEach(() => {
  audit.close();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

function recordDenials(count: number): void {
  for (let i = 0; i < count; i += 1) audit.record(denial());
}

it('writes counted denials as one record after ten seconds', () => {
  recordDenials(100);
  expect(checkedRecords(file)).toHaveLength(60);
  vi.advanceTimersByTime(10_000);
  const records = checkedRecords(file);
  expect(records).toHaveLength(61);
  expect(records[60]).toMatchObject({ event: 'coalesced', source: 'claw-vm', count: 40, reasons: { 'no-rule': 40 } });
  vi.advanceTimersByTime(60_000);
  expect(checkedRecords(file)).toHaveLength(61);
});

it('writes counted denials when it is closed', () => {
  recordDenials(61);
  audit.close();
  expect(checkedRecords(file)[60]).toMatchObject({ event: 'coalesced', count: 1 });
});

it('refuses a denial beyond its budget too while the log cannot be written', () => {
  recordDenials(70);
  diskFull = true;
  expect(() => audit.record(decision())).toThrow(CarapaceError);
  expect(() => recordDenials(1)).toThrow(CarapaceError);
  diskFull = false;
  recordDenials(1);
  expect(audit.state()).toMatchObject({ ok: true });
  expect(checkedRecords(file).at(-1)).toMatchObject({ event: 'log', action: 'resumed', lost: 1 });
});

it('keeps what was counted until it could be written, and tells the operator meanwhile', () => {
  recordDenials(70);
  diskFull = true;
  vi.advanceTimersByTime(10_000);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('ENOSPC');
  diskFull = false;
  vi.advanceTimersByTime(10_000);
  expect(checkedRecords(file).at(-1)).toMatchObject({ event: 'coalesced', count: 10 });
});

it('closes without a throw where the disk is full, and again', () => {
  recordDenials(70);
  diskFull = true;
  expect(() => audit.close()).not.toThrow();
  expect(() => audit.close()).not.toThrow();
});
