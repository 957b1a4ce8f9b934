/** docs/operations.md says what the log holds: these tests keep it true. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatLine } from '../../../src/engine/audit/line.ts';
import { openAuditLog } from '../../../src/engine/audit/writer.ts';
import type { AuditEvent } from '../../../src/model/audit-record.ts';
import { authFailure, connection, decision, featureRefused, outcome } from './events.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8');
const [, RECORDS = ''] = /^### Records$(.*?)^### /ms.exec(DOCUMENT) ?? [];
const [, CHAIN_SCRIPT = ''] = /^### Checking the chain$.*?^```sh$(.*?)^```$/ms.exec(DOCUMENT) ?? [];

const EVENTS: AuditEvent[] = [
  decision(),
  outcome(),
  connection(),
  authFailure(),
  featureRefused(),
  { event: 'reload', what: 'keys', ok: true, digest: '', problems: [] },
  { event: 'service', action: 'start', version: '', pid: 1 },
  { event: 'log', action: 'resumed', problem: '', lost: 1 },
  { event: 'coalesced', of: 'decision', source: '', count: 1, reasons: {}, since: '' },
];

it.each(EVENTS)('names every field of $event', (event) => {
  const record = JSON.parse(formatLine(event, { seq: 1, time: '', prev: '' })) as object;
  expect(RECORDS).toContain(`\`${event.event}\``);
  for (const field of Object.keys(record)) expect(RECORDS).toContain(`\`${field}\``);
});

describe.skipIf(spawnSync('sha256sum', ['--version']).status !== 0)('the script that checks the chain', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'carapace-document-'));
    mkdirSync(join(directory, 'state'));
    file = join(directory, 'state', 'audit.jsonl');
    const log = openAuditLog({ file });
    for (let i = 0; i < 5; i += 1) log.append(decision({ argv: [`\\n${i}`, '"ü"', '\u001b'] }));
    log.close();
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const check = (): string => spawnSync('sh', ['-c', CHAIN_SCRIPT], { cwd: directory, encoding: 'utf8' }).stdout;

  it('says nothing of a log as it was written', () => {
    expect(check()).toBe('');
  });

  it.each([
    ['an edit', (lines: string[]) => lines.with(1, lines[1]?.replace('claw-vm', 'claw-wm') ?? '')],
    ['a deletion', (lines: string[]) => lines.toSpliced(2, 1)],
    ['an insertion', (lines: string[]) => lines.toSpliced(2, 0, lines[2] ?? '')],
    ['a change of order', (lines: string[]) => lines.toSpliced(1, 2, lines[2] ?? '', lines[1] ?? '')],
  ])('finds %s', (_what, change) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, change(lines).join('\n'));
    expect(check()).toContain('broken before: ');
  });
});
