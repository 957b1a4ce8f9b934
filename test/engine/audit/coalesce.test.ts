import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCoalescer, MAX_SOURCES } from '../../../src/engine/audit/coalesce.ts';
import { formatLine } from '../../../src/engine/audit/line.ts';
import type { AuditEvent } from '../../../src/model/audit-record.ts';
import { authFailure, connection, decision, denial, featureRefused, outcome } from './events.ts';

const START = Date.UTC(2027, 0, 31, 8);

/** How many of `count` equal events at one moment are to be written. */
function admitted(
  coalescer: ReturnType<typeof createCoalescer>,
  event: AuditEvent,
  count: number,
  nowMs = START,
): number {
  return Array.from({ length: count }, () => coalescer.admits(event, nowMs)).filter(Boolean).length;
}

describe('the budget of a source', () => {
  it.each([
    ['denials', denial(), 60],
    ['answered words', decision({ word: 'ping', tool: null }), 60],
    ['allowed checks', decision({ word: 'check' }), 60],
    ['connections', connection(), 60],
    ['refused features', featureRefused(), 60],
    ['failed logins', authFailure(), 20],
  ])('writes the first %s and counts the rest', (_what, event, burst) => {
    const coalescer = createCoalescer();
    expect(admitted(coalescer, event, 100)).toBe(burst);
    expect(coalescer.pending()).toMatchObject([{ event: 'coalesced', of: event.event, count: 100 - burst }]);
  });

  it.each([
    ['allowed decisions', decision()],
    ['outcomes', outcome()],
    ['reloads', { event: 'reload', what: 'keys', ok: true, digest: 'd', problems: [] }],
    ['starts and stops', { event: 'service', action: 'start', version: '1', pid: 1 }],
  ] as [string, AuditEvent][])('never counts %s', (_what, event) => {
    const coalescer = createCoalescer();
    expect(admitted(coalescer, event, 1000)).toBe(1000);
    expect(coalescer.pending()).toEqual([]);
  });

  it('comes back at one record a second for a client', () => {
    const coalescer = createCoalescer();
    admitted(coalescer, denial(), 60);
    expect(admitted(coalescer, denial(), 10, START + 999)).toBe(0);
    expect(admitted(coalescer, denial(), 10, START + 5000)).toBe(5);
    expect(admitted(coalescer, denial(), 100, START + 3_600_000)).toBe(60);
  });

  it('comes back at one record in ten seconds for an address', () => {
    const coalescer = createCoalescer();
    admitted(coalescer, authFailure(), 20);
    expect(admitted(coalescer, authFailure(), 10, START + 30_000)).toBe(3);
  });

  it('is each client own', () => {
    const coalescer = createCoalescer();
    admitted(coalescer, denial({ client: 'noisy' }), 1000);
    expect(coalescer.admits(denial({ client: 'quiet' }), START)).toBe(true);
  });

  it('is one for an address whatever its ports', () => {
    const coalescer = createCoalescer();
    const peers = Array.from({ length: 50 }, (_, i) => authFailure({ peer: `2001:db8::1:${40_000 + i}` }));
    expect(peers.filter((event) => coalescer.admits(event, START))).toHaveLength(20);
    expect(coalescer.pending()).toMatchObject([{ source: '2001:db8::1', count: 30 }]);
  });

  it('earns nothing by a clock that is set back, and loses nothing of what is counted', () => {
    const coalescer = createCoalescer();
    admitted(coalescer, denial(), 70);
    expect(admitted(coalescer, denial(), 10, START - 3_600_000)).toBe(0);
    expect(admitted(coalescer, denial(), 10, START - 3_600_000 + 2000)).toBe(2);
    expect(coalescer.pending()).toMatchObject([{ count: 28 }]);
  });
});

describe('what is counted', () => {
  it('fits into one record, however long the names are that its sender chose', () => {
    const coalescer = createCoalescer();
    const named = (i: number): AuditEvent => featureRefused({ feature: `channel ${i} ${'\u0085'.repeat(4000)}` });
    for (let i = 0; i < 200; i += 1) coalescer.admits(named(i), START);
    const [event] = coalescer.pending();
    if (event === undefined) throw new Error('nothing was counted');
    expect(event.count).toBe(140);
    expect(formatLine(event, { time: '', seq: 1, prev: '' }).length).toBeLessThan(32 * 1024);
  });

  it('is told with its reasons and since when', () => {
    const coalescer = createCoalescer();
    admitted(coalescer, denial(), 60);
    admitted(coalescer, denial({ reason: 'no-rule' }), 2, START + 10);
    admitted(coalescer, denial({ reason: 'option-refused' }), 3, START + 20);
    expect(coalescer.pending()).toEqual([
      {
        event: 'coalesced',
        of: 'decision',
        source: 'claw-vm',
        count: 5,
        reasons: { 'no-rule': 2, 'option-refused': 3 },
        since: '2027-01-31T08:00:00.010Z',
      },
    ]);
  });

  it('stays pending until it is settled', () => {
    const coalescer = createCoalescer();
    admitted(coalescer, denial(), 61);
    expect(coalescer.pending()).toHaveLength(1);
    expect(coalescer.pending()).toHaveLength(1);
    for (const counted of coalescer.pending()) coalescer.settle(counted);
    expect(coalescer.pending()).toEqual([]);
    admitted(coalescer, denial({ reason: 'rule-denies' }), 1, START + 500);
    expect(coalescer.pending()).toMatchObject([{ count: 1, reasons: { 'rule-denies': 1 } }]);
  });

  it('has a bounded number of reasons', () => {
    const coalescer = createCoalescer();
    for (let i = 0; i < 1000; i += 1) coalescer.admits(featureRefused({ feature: `f${i}` }), START);
    const [event] = coalescer.pending();
    expect(Object.keys(event?.reasons ?? {})).toHaveLength(33);
    expect(event?.reasons['other']).toBe(1000 - 60 - 32);
  });
});

describe('sources', () => {
  const strangers = (count: number): AuditEvent[] =>
    Array.from({ length: count }, (_, i) => authFailure({ peer: `192.0.2.${i}:1` }));

  it('beyond the bound share one budget', () => {
    const coalescer = createCoalescer();
    const written = strangers(MAX_SOURCES + 100).filter((event) => coalescer.admits(event, START));
    expect(written).toHaveLength(MAX_SOURCES + 20);
    expect(coalescer.pending()).toMatchObject([{ source: '*', count: 80 }]);
  });

  it('of strangers leave clients theirs', () => {
    const coalescer = createCoalescer();
    for (const event of strangers(5000)) coalescer.admits(event, START);
    expect(admitted(coalescer, denial({ client: 'new' }), 100)).toBe(60);
    expect(coalescer.pending().find(({ of }) => of === 'decision')?.source).toBe('new');
  });

  it('are forgotten once they have their whole budget again and nothing is counted', () => {
    const coalescer = createCoalescer();
    for (const event of strangers(MAX_SOURCES)) coalescer.admits(event, START);
    coalescer.sweep(START + 9000);
    expect(coalescer.admits(authFailure({ peer: 'new' }), START + 9000)).toBe(true);
    for (let i = 0; i < 30; i += 1) coalescer.admits(authFailure({ peer: 'new' }), START + 9000);
    expect(coalescer.pending()).toMatchObject([{ source: '*' }]);
    coalescer.sweep(START + 11_000);
    for (let i = 0; i < 30; i += 1) coalescer.admits(authFailure({ peer: 'newer' }), START + 11_000);
    expect(coalescer.pending().map(({ source }) => source)).toEqual(['*', 'newer']);
  });
});

it('writes or counts every event, exactly once', () => {
  const event = fc.constantFrom<AuditEvent>(
    denial(),
    denial({ client: 'b' }),
    authFailure(),
    connection(),
    featureRefused(),
  );
  const step = fc.record({ event, waitMs: fc.integer({ min: -500, max: 1500 }), flush: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 400 }), (steps) => {
      const coalescer = createCoalescer();
      let now = START;
      let written = 0;
      let counted = 0;
      const flush = (): void => {
        for (const pending of coalescer.pending()) {
          counted += pending.count;
          expect(Object.values(pending.reasons).reduce((sum, n) => sum + n, 0)).toBe(pending.count);
          coalescer.settle(pending);
        }
        coalescer.sweep(now);
      };
      for (const { event, waitMs, flush: flushes } of steps) {
        now += waitMs;
        if (coalescer.admits(event, now)) written += 1;
        if (flushes) flush();
      }
      flush();
      expect(written + counted).toBe(steps.length);
    }),
  );
});
