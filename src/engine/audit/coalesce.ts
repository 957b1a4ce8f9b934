/**
 * Keeps the audit log from being flooded by what costs its sender nothing: refusals, failed logins, built-in words,
 * connections. Each source has a budget; what is beyond it is counted and becomes one `coalesced` event.
 *
 * Pure: the clock is handed in. Memory is bounded by `MAX_SOURCES` whatever the senders do.
 */
import type { AuditEvent, CoalescedEvent, DecisionEvent } from '../../model/audit-record.ts';

type Kind = CoalescedEvent['of'];

interface Allowance {
  /** Records written at once after a quiet time. */
  readonly burst: number;
  /** Records a second, in the long run. */
  readonly perSecond: number;
}

/** A client is known and has a key to lose. */
const CLIENT: Allowance = { burst: 60, perSecond: 1 };
/** An address is anybody, and there are many of them. */
const ADDRESS: Allowance = { burst: 20, perSecond: 0.1 };
const ALLOWANCE: Readonly<Record<Kind, Allowance>> = {
  decision: CLIENT,
  connection: CLIENT,
  'feature-refused': CLIENT,
  'auth-failure': ADDRESS,
};

/** Sources of one kind that are remembered at once; further ones share the kind's source `*`. */
export const MAX_SOURCES = 256;
/** Different reasons that are counted apart for one source; further ones are `other`. */
const MAX_REASONS = 32;
/** What is kept of a reason that its sender wrote: 32 of them must fit into one record, whatever they are. */
const MAX_REASON_CHARS = 64;
const OVERFLOW = '*';
const KINDS: readonly Kind[] = ['decision', 'connection', 'auth-failure', 'feature-refused'];

interface Source {
  readonly of: Kind;
  readonly name: string;
  tokens: number;
  refilledAt: number;
  count: number;
  reasons: Map<string, number>;
  since: number;
}

/** The budgets of all sources. */
export interface Coalescer {
  /** True where the event is to be written as it is; false where it was counted instead. */
  readonly admits: (event: AuditEvent, nowMs: number) => boolean;
  /** What was counted since the last `settle`, one event a source. Changes nothing. */
  readonly pending: () => readonly CoalescedEvent[];
  /** Forgets what an event of `pending` counted: called as soon as it is written, before anything else is counted. */
  readonly settle: (event: CoalescedEvent) => void;
  /** Forgets the sources that have their whole budget again and nothing counted. */
  readonly sweep: (nowMs: number) => void;
}

type Sources = ReadonlyMap<Kind, Map<string, Source>>;

/** Begins with a whole budget for every source. */
export function createCoalescer(): Coalescer {
  // Apart for each kind, so that strangers' addresses cannot crowd out clients.
  const sources: Sources = new Map(KINDS.map((of) => [of, new Map<string, Source>()]));
  const all = (): Source[] => [...sources.values()].flatMap((ofKind) => [...ofKind.values()]);
  return {
    admits: (event, nowMs) => {
      const claim = claimOf(event);
      if (claim === undefined) return true;
      const source = sourceFor(sources, claim, nowMs);
      refill(source, nowMs);
      if (source.tokens >= 1) {
        source.tokens -= 1;
        return true;
      }
      count(source, claim.reason, nowMs);
      return false;
    },
    pending: () =>
      all()
        .filter((source) => source.count > 0)
        .map(eventOf),
    settle: ({ of, source }) => {
      const settled = sources.get(of)?.get(source);
      if (settled === undefined) return;
      settled.count = 0;
      settled.reasons.clear();
    },
    sweep: (nowMs) => {
      for (const source of all()) {
        refill(source, nowMs);
        const whole = source.count === 0 && source.tokens >= ALLOWANCE[source.of].burst;
        if (whole) sources.get(source.of)?.delete(source.name);
      }
    },
  };
}

interface Claim {
  readonly of: Kind;
  readonly name: string;
  readonly reason: string;
}

/** Whose budget an event is written from, and as what it is counted; undefined for events that are always written. */
function claimOf(event: AuditEvent): Claim | undefined {
  switch (event.event) {
    case 'decision':
      return claimOfDecision(event);
    case 'connection':
      return { of: 'connection', name: event.client, reason: event.action };
    case 'auth-failure':
      return { of: 'auth-failure', name: addressOf(event.peer), reason: event.reason };
    case 'feature-refused':
      return { of: 'feature-refused', name: event.client, reason: event.feature.slice(0, MAX_REASON_CHARS) };
    case 'outcome':
    case 'reload':
    case 'service':
    case 'log':
    case 'coalesced':
      return undefined;
  }
}

/** Without the port, which the sender chooses anew for each connection. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

/** A call that will run is always written: the limits of its tool bound how many there are. */
function claimOfDecision({ verdict, word, client, reason }: DecisionEvent): Claim | undefined {
  if (verdict === 'allow' && word === null) return undefined;
  return { of: 'decision', name: client, reason: reason ?? word ?? verdict };
}

function sourceFor(sources: Sources, { of, name }: Claim, nowMs: number): Source {
  const ofKind = sources.get(of) ?? new Map<string, Source>();
  const place = ofKind.has(name) || ofKind.size < MAX_SOURCES ? name : OVERFLOW;
  const known = ofKind.get(place);
  if (known !== undefined) return known;
  const tokens = ALLOWANCE[of].burst;
  const source = { of, name: place, tokens, refilledAt: nowMs, count: 0, reasons: new Map(), since: 0 };
  ofKind.set(place, source);
  return source;
}

/** A clock that was set back refills nothing and is taken as the new now. */
function refill(source: Source, nowMs: number): void {
  const { burst, perSecond } = ALLOWANCE[source.of];
  const earned = (Math.max(0, nowMs - source.refilledAt) / 1000) * perSecond;
  source.tokens = Math.min(burst, source.tokens + earned);
  source.refilledAt = nowMs;
}

function count(source: Source, reason: string, nowMs: number): void {
  if (source.count === 0) source.since = nowMs;
  source.count += 1;
  const counted = source.reasons.has(reason) || source.reasons.size < MAX_REASONS ? reason : 'other';
  source.reasons.set(counted, (source.reasons.get(counted) ?? 0) + 1);
}

function eventOf(source: Source): CoalescedEvent {
  return {
    event: 'coalesced',
    of: source.of,
    source: source.name,
    count: source.count,
    reasons: Object.fromEntries(source.reasons),
    since: new Date(source.since).toISOString(),
  };
}
