/**
 * Looks up what references stand for. Nothing is looked up before a call needs it, and a lookup that failed is not tried
 * again for a while (`resolver-failures.ts`), except where what it reads was changed since.
 */
import type { CommandReference, OAuth2Reference, Reference } from '../../model/injection.ts';
import { describeReference, referenceKey } from '../../model/injection.ts';
import type { Secret } from '../../model/secret.ts';
import { visible } from '../../model/visible.ts';
import { createCommands } from './command.ts';
import { createAccessTokens } from './oauth2.ts';
import type { Found } from './resolve-text.ts';
import { missing } from './resolve-text.ts';
import type { Failure, FailureMemory } from './resolver-failures.ts';
import { createFailureMemory } from './resolver-failures.ts';
import type { HeldValues } from './resolver-held.ts';
import { createHeldValues } from './resolver-held.ts';
import type { Sources } from './resolver-sources.ts';
import { describeThrown, readKept, stampOf } from './resolver-sources.ts';

export type Resolution =
  | { readonly ok: true; readonly value: Secret }
  | {
      readonly ok: false;
      /** For the operator's log: names the reference and what is wrong, never a value. */
      readonly problem: string;
      /** Milliseconds until it is tried again. */
      readonly retryAfterMs: number;
    };

export interface Resolver {
  /** Looks one reference up. Never rejects. */
  readonly resolve: (reference: Reference) => Promise<Resolution>;
  /** The lookups that failed when they were last tried, oldest failure first. */
  readonly failures: () => readonly Failure[];
  /** Ends running commands, and waits for running refreshes of tokens (30 s at most). `resolve` fails from then on. */
  readonly close: () => Promise<void>;
}

/** Told what becomes of stored secrets; neither may throw. */
export interface SecretUsage {
  readonly used: (name: string) => void;
  /** `problem` is what `Resolution` has. */
  readonly failed: (name: string, problem: string) => void;
}

export interface ResolverParts extends Sources {
  /** Nobody is told if absent. */
  readonly usage?: SecretUsage;
  /** Milliseconds since the epoch; the system's clock if absent. */
  readonly now?: () => number;
}

/** What a resolver works with. */
interface Workings {
  readonly parts: ResolverParts;
  readonly held: HeldValues;
  readonly failures: FailureMemory;
  /** Lookups that run now and whose value serves everybody who asks meanwhile. */
  readonly flights: Map<string, Promise<Resolution>>;
  readonly make: (reference: CommandReference | OAuth2Reference) => Promise<Found>;
}

export function createResolver(parts: ResolverParts): Resolver {
  const now = parts.now ?? Date.now;
  const commands = createCommands();
  const tokens = createAccessTokens({ store: parts.store, lookUpClient: (reference) => resolve(reference), now });
  const make = async (reference: CommandReference | OAuth2Reference): Promise<Found> => {
    if (reference.kind === 'oauth2') return tokens.refresh(reference);
    const found = await commands.run(reference);
    return found.ok ? { ...found, keep: keepOutput(reference, now()) } : found;
  };
  const failures = createFailureMemory(now);
  const workings = {
    parts,
    held: createHeldValues(now),
    failures,
    flights: new Map<string, Promise<Resolution>>(),
    make,
  };
  let isClosed = false;
  const resolve = async (reference: Reference): Promise<Resolution> =>
    isClosed ? stopping(reference) : resolveNow(reference, workings);
  return {
    resolve,
    failures: failures.list,
    close: async () => {
      isClosed = true;
      await Promise.all([commands.close(), tokens.close()]);
      workings.held.clear();
    },
  };
}

/** In this order: a value in hand, a failure that stands, a lookup that runs, a new one. */
function resolveNow(reference: Reference, workings: Workings): Promise<Resolution> | Resolution {
  const { parts, held, failures } = workings;
  const key = referenceKey(reference);
  const stamp = stampOf(reference, parts);
  const inHand = held.get(key, heldStamp(reference, parts));
  const standing = failures.standing(key, stamp);
  if (inHand !== undefined) {
    // Nobody waits for this one; should it fail, that is remembered, and the value in hand serves until its end.
    if (inHand.isDue && standing === undefined) void fly(reference, key, stamp, workings);
    return { ok: true, value: inHand.value };
  }
  if (standing !== undefined) return { ok: false, problem: standing.problem, retryAfterMs: standing.retryAfterMs };
  return fly(reference, key, stamp, workings);
}

/** A file or a stored secret is read for each call: one that was changed before the call is seen by the call. */
function isShared(reference: Reference): boolean {
  return reference.kind === 'oauth2' || (reference.kind === 'command' && reference.cacheMs > 0);
}

function fly(reference: Reference, key: string, stamp: string, workings: Workings): Promise<Resolution> {
  if (!isShared(reference)) return attempt(reference, key, stamp, workings);
  const { flights } = workings;
  const running = flights.get(key);
  if (running !== undefined) return running;
  const flight = attempt(reference, key, stamp, workings).finally(() => flights.delete(key));
  flights.set(key, flight);
  return flight;
}

/** One try, and all that is to be remembered of it. Never rejects. */
async function attempt(reference: Reference, key: string, stamp: string, workings: Workings): Promise<Resolution> {
  const { parts, held, failures } = workings;
  const tried = failures.begin(key, stamp);
  const found = await lookUp(reference, workings);
  const stored = storedName(reference);
  if (!found.ok) {
    const problem = `${visible(describeReference(reference), 4096)}: ${found.problem}`;
    const { retryAfterMs } = failures.failed(tried, describeReference(reference), problem);
    if (stored !== undefined) parts.usage?.failed(stored, problem);
    return { ok: false, problem, retryAfterMs };
  }
  failures.succeeded(tried);
  if (found.keep !== undefined) held.set(key, found.value, found.keep);
  if (stored !== undefined) parts.usage?.used(stored);
  return { ok: true, value: found.value };
}

async function lookUp(reference: Reference, { parts, make }: Workings): Promise<Found> {
  try {
    if (reference.kind === 'command' || reference.kind === 'oauth2') return await make(reference);
    return await readKept(reference, parts);
  } catch (error) {
    return missing(describeThrown(error));
  }
}

function keepOutput({ cacheMs }: CommandReference, now: number): NonNullable<Extract<Found, { ok: true }>['keep']> {
  return { from: now, refreshAt: now + cacheMs, expiresAt: now + cacheMs, stamp: '' };
}

/** An access token is not used after its refresh token was set anew or removed. */
function heldStamp(reference: Reference, { store }: ResolverParts): string {
  return reference.kind === 'oauth2' ? (store.stamp(reference.refresh) ?? 'none') : '';
}

/** The stored secret that a lookup reads; the one of an OAuth client is looked up by itself. */
function storedName(reference: Reference): string | undefined {
  if (reference.kind === 'oauth2') return reference.refresh;
  return reference.kind === 'secret' ? reference.name : undefined;
}

function stopping(reference: Reference): Resolution {
  const problem = `${visible(describeReference(reference), 4096)}: the gateway is stopping`;
  return { ok: false, problem, retryAfterMs: 0 };
}
