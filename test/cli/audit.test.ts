import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run, showAudit } from '../../src/cli/audit.ts';
import { type AuditOptions, parseAuditOptions } from '../../src/cli/audit-query.ts';
import { formatEntry } from '../../src/cli/audit-text.ts';
import { openAuditLog } from '../../src/engine/audit/writer.ts';
import type { AuditEvent, AuditRecord } from '../../src/model/audit-record.ts';
import { authFailure, connection, decision, denial, featureRefused, outcome } from '../engine/audit/events.ts';
import { type Captured, captureOutput } from './captured-output.ts';

const NOW = Date.UTC(2027, 0, 31, 8);

let directory: string;
let file: string;
let output: Captured;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-cli-'));
  mkdirSync(join(directory, 'state'));
  file = join(directory, 'state', 'audit.jsonl');
  output = captureOutput();
});

afterEach(() => {
  output.restore();
  rmSync(directory, { recursive: true });
});

function writeLog(...events: readonly AuditEvent[]): void {
  const log = openAuditLog({ file, now: () => NOW });
  for (const event of events) log.append(event);
  log.close();
}

async function audit(options: AuditOptions = {}): Promise<string[]> {
  expect(await run({ dir: directory, ...options })).toBe(0);
  return output.stdout().split('\n').slice(0, -1);
}

describe('carapace audit', () => {
  it('shows a call with its end in one line', async () => {
    writeLog(decision(), outcome());
    expect(await audit()).toEqual([
      '2027-01-31T08:00:00.000Z  allow            claw-vm       op item list: exit 0, 12 ms, 0 B in, 340 B out  r1',
    ]);
  });

  it('shows a denial with its reason and rule', async () => {
    writeLog(denial({ reason: 'rule-denies', rule: 'policies/claw.yaml:9', argv: ['item', 'get', 'My Password'] }));
    expect(await audit()).toEqual([
      "2027-01-31T08:00:00.000Z  deny             claw-vm       op item get 'My Password' (rule-denies, policies/claw.yaml:9)  r1",
    ]);
  });

  it('shows the newest 50 unless it is told otherwise', async () => {
    writeLog(...Array.from({ length: 120 }, (_, i) => denial({ request: `r${i}` })));
    const lines = await audit();
    expect(lines).toHaveLength(50);
    expect(lines[0]).toMatch(/ r70$/);
    expect(lines[49]).toMatch(/ r119$/);
  });

  it('counts what it shows against the limit', async () => {
    writeLog(
      decision({ request: 'a' }),
      outcome({ request: 'a' }),
      decision({ request: 'b' }),
      outcome({ request: 'b' }),
    );
    expect(await audit({ limit: '2' })).toHaveLength(2);
  });

  it('filters', async () => {
    writeLog(
      decision({ tool: 'gh', request: 'a' }),
      decision({ client: 'other', request: 'b' }),
      denial({ request: 'c' }),
    );
    const shown = async (options: AuditOptions): Promise<string[]> => {
      output.restore();
      output = captureOutput();
      return (await audit(options)).map((line) => line.slice(-1));
    };
    expect(await shown({ tool: 'gh' })).toEqual(['a']);
    expect(await shown({ client: 'other' })).toEqual(['b']);
    expect(await shown({ result: 'deny' })).toEqual(['c']);
    expect(await shown({ request: 'a' })).toEqual(['a']);
    expect(await shown({ since: '2027-01-31T08:00:00Z' })).toEqual(['a', 'b', 'c']);
    expect(await shown({ since: '2027-01-31T09:00:00.001+01:00' })).toEqual([]);
  });

  it('prints the records themselves with --json', async () => {
    writeLog(decision({ argv: ['ü', '\u001b'] }), outcome());
    const lines = await audit({ json: true });
    expect(`${lines.join('\n')}\n`).toBe(readFileSync(file, 'utf8'));
  });

  it('warns of lines that are no records, and goes on', async () => {
    writeLog(decision());
    appendFileSync(file, 'scribble\n\n');
    expect(await audit()).toHaveLength(1);
    expect(output.stderr()).toContain('carapace: warning: audit log: 2 lines are no records of carapace in ');
  });

  it('says that there is no log', async () => {
    await expect(run({ dir: directory })).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('follows the log with --follow, filtered, until it is told to stop', async () => {
    const log = openAuditLog({ file, now: () => NOW });
    log.append(denial({ request: 'first' }));
    const stop = new AbortController();
    const query = parseAuditOptions({ follow: true, result: 'deny' }, NOW);
    const ended = showAudit(file, query, stop.signal);
    await vi.waitFor(() => expect(output.stdout()).toContain('first'));
    log.append(decision({ request: 'allowed' }));
    log.append(denial({ request: 'second' }));
    await vi.waitFor(() => expect(output.stdout()).toContain('second'), { timeout: 10_000 });
    expect(output.stdout()).not.toContain('allowed');
    stop.abort();
    expect(await ended).toBe(0);
    log.close();
  });
});

describe('an option', () => {
  it.each([
    ['90s', NOW - 90_000],
    ['5m', NOW - 300_000],
    ['1h', NOW - 3_600_000],
    ['2d', NOW - 172_800_000],
    ['2027-01-31T08:00:00Z', NOW],
    ['2027-01-31T10:30:00.250+02:30', NOW + 250],
  ])('--since %s is understood', (since, sinceMs) => {
    expect(parseAuditOptions({ since }, NOW).filter.sinceMs).toBe(sinceMs);
  });

  it.each([
    '',
    '5',
    'm',
    '-5m',
    '5 m',
    '1y',
    '1.5h',
    'yesterday',
    '2027-01-31',
    '2027-01-31T08:00:00',
    '2027-13-01T00:00:00Z',
  ])('--since %j is refused', (since) => {
    expect(() => parseAuditOptions({ since }, NOW)).toThrow(`--since: '${since}', expected a duration`);
  });

  it.each(['0', '-1', '1.5', 'x', '', '100001', '1e3', ' 5'])('--limit %j is refused', (limit) => {
    expect(() => parseAuditOptions({ limit }, NOW)).toThrow('expected a number from 1 to 100000');
  });

  it.each(['ALLOW', 'denied', ''])('--result %j is refused', (result) => {
    expect(() => parseAuditOptions({ result }, NOW)).toThrow('expected `allow` or `deny`');
  });

  it('that is absent asks for nothing', () => {
    expect(parseAuditOptions({}, NOW)).toEqual({ filter: {}, limit: 50, follow: false, json: false });
  });
});

describe('a line for people', () => {
  const stamp = { seq: 1, time: '2027-01-31T08:00:00.000Z', prev: '' };
  const line = (event: AuditEvent, stream: { isTTY?: boolean } = {}): string =>
    formatEntry({ record: { ...event, ...stamp } }, stream);

  it.each<[AuditEvent, string]>([
    [decision({ word: 'check', argv: ['a'] }), 'allow            claw-vm       check op a  r1'],
    [
      denial({ tool: null, argv: null, reason: 'malformed' }),
      'deny             claw-vm       (no request) (malformed)  r1',
    ],
    [decision({ argv: null }), 'allow            claw-vm       op (arguments not recorded)  r1'],
    [decision({ argv: ['', "it's"] }), "allow            claw-vm       op '' 'it's'  r1"],
    [decision({ argvCut: true }), 'allow            claw-vm       op item list ...  r1'],
    [
      outcome({ kind: 'signalled', status: 137, signal: 'KILL' }),
      'outcome          claw-vm       op: signal KILL, 12 ms, 0 B in, 340 B out  r1',
    ],
    [
      outcome({ kind: 'limited', status: 124, reason: 'time-limit' }),
      'outcome          claw-vm       op: time-limit, 12 ms, 0 B in, 340 B out  r1',
    ],
    [
      outcome({ kind: 'abandoned', status: null, durationMs: 65_000 }),
      'outcome          claw-vm       op: client left, 1 m 5 s, 0 B in, 340 B out  r1',
    ],
    [
      outcome({ kind: 'failed', reason: 'tool-unavailable' }),
      'outcome          claw-vm       op: tool-unavailable, 12 ms, 0 B in, 340 B out  r1',
    ],
    [
      connection({ action: 'closed', reason: 'key-removed' }),
      'connection       claw-vm       closed from 127.0.0.1 (key-removed)',
    ],
    [authFailure(), 'auth-failure     -             192.0.2.7 with no key (unknown-key)'],
    [featureRefused(), 'feature-refused  claw-vm       x11'],
    [
      { event: 'reload', what: 'keys', ok: true, digest: 'abcdef0123456789', problems: [] },
      'reload           -             keys: abcdef012345',
    ],
    [
      { event: 'reload', what: 'policies', ok: false, digest: 'd', problems: ['a', 'b'] },
      'reload           -             policies: failed: a; b',
    ],
    [
      { event: 'service', action: 'stop', version: '0.1.0', pid: 7 },
      'service          -             stop: carapace 0.1.0, process 7',
    ],
    [
      { event: 'log', action: 'resumed', problem: 'ENOSPC', lost: 3 },
      'log              -             resumed: ENOSPC; 3 events lost',
    ],
    [
      { event: 'coalesced', of: 'decision', source: 'claw-vm', count: 5, reasons: { 'no-rule': 5 }, since: 'T' },
      'coalesced        claw-vm       5 of decision since T: no-rule 5',
    ],
  ])('tells %j', (event, expected) => {
    expect(line(event)).toBe(`2027-01-31T08:00:00.000Z  ${expected}`);
  });

  it('is harmless whatever a client sent', () => {
    const hostile = '\u001b[2J\u202e\n\u0007';
    const event = denial({ tool: hostile, argv: [hostile], client: hostile, rule: hostile, request: hostile });
    expect(line(event)).toMatch(/^[\x20-\x7e]*$/);
  });

  it('is harmless and complete whatever somebody wrote into the log', () => {
    const hostile = '\u001b[2J';
    const edits = [
      { event: 'service', action: 'start', version: '1', pid: hostile },
      { event: 'coalesced', of: 'decision', source: 'a', count: hostile, reasons: { a: hostile }, since: '' },
      { event: 'log', action: 'resumed', problem: '', lost: hostile },
      { ...outcome(), status: hostile, bytes: { stdin: hostile, stdout: hostile, stderr: hostile } },
      { ...outcome(), bytes: null },
      { event: 'decision', request: 5, note: hostile },
      { event: hostile },
      { event: 'toString' },
    ];
    for (const edit of edits) {
      const text = formatEntry({ record: { ...edit, ...stamp } as unknown as AuditRecord }, {});
      expect(text).toMatch(/^[\x20-\x7e]+$/);
      expect(text).toContain('2027-01-31T08:00:00.000Z');
    }
  });

  it('is bounded for a huge command', () => {
    expect(line(decision({ argv: Array.from({ length: 1000 }, () => 'argument') })).length).toBeLessThan(400);
  });

  it('is coloured on a terminal, unless NO_COLOR is set', () => {
    vi.stubEnv('NO_COLOR', '');
    expect(line(denial(), { isTTY: true })).toContain('\u001b[31mdeny');
    expect(line(decision(), { isTTY: true })).toContain('\u001b[32mallow');
    vi.stubEnv('NO_COLOR', '1');
    expect(line(denial(), { isTTY: true })).not.toContain('\u001b');
    vi.unstubAllEnvs();
  });
});

it('reads a log of a gateway that was never told to end it with a newline', async () => {
  writeFileSync(file, '{"seq":1,"ti', { mode: 0o600 });
  expect(await audit()).toEqual([]);
  expect(output.stderr()).toContain('1 line is no record');
});
