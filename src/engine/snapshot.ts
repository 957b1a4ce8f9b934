/**
 * Everything that decides, at one moment: keys, clients, policies. Immutable; a change makes a new one, and a request
 * takes the current one once and is judged by it from beginning to end.
 */
import type { Problem } from '../model/problem.ts';
import { addressMatches } from '../identity/address.ts';
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import { isExpired } from '../identity/expiry.ts';
import type { Policy, Tool } from '../policy/policy.ts';

/** One usable key, with what it may use. */
export interface KeyEntry extends AuthorizedKey {
  /** The union of its policies' tools. */
  readonly tools: ReadonlyMap<string, Tool>;
}

/** Keys and policies of one moment. */
export interface Snapshot {
  /** By the key's blob in base64: look keys up with `keyStatus`. */
  readonly keys: ReadonlyMap<string, KeyEntry>;
  /** The same entries by client, in the order of their lines. Clients without a usable key are not here. */
  readonly clients: ReadonlyMap<string, readonly KeyEntry[]>;
  /** By name. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** SHA-256 (hex) over the names and texts of all files that this snapshot was made of. */
  readonly digest: string;
  /** What is wrong in the files as they lie there now, warnings included; also where an older set is still in force. */
  readonly problems: readonly Problem[];
  /** Milliseconds since 1970. */
  readonly loadedAt: number;
}

/** Whether a key may be used. */
export type KeyStatus =
  | { readonly ok: true; readonly entry: KeyEntry }
  | { readonly ok: false; readonly reason: 'unknown-key' | 'expired' | 'from-refused' };

/**
 * Judges a key by its raw bytes (RFC 4253 section 6.6): it is compared, never parsed. To be asked for each login and
 * again for each request, because time passes and snapshots change. A peer without an address (a Unix socket) passes no
 * `from`. `now` in milliseconds since 1970. Never throws.
 */
export function keyStatus(snapshot: Snapshot, blob: Buffer, peerAddress: string | undefined, now: number): KeyStatus {
  const entry = snapshot.keys.get(blob.toString('base64'));
  if (entry === undefined) return { ok: false, reason: 'unknown-key' };
  if (isExpired(entry.expiresAt, now)) return { ok: false, reason: 'expired' };
  if (entry.from !== null && !addressMatches(entry.from, peerAddress)) return { ok: false, reason: 'from-refused' };
  return { ok: true, entry };
}
