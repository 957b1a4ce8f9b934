/** Values that are used again without being looked up: outputs of commands, and access tokens. In memory only. */
import type { Secret } from '../../model/secret.ts';
import type { Keep } from './resolve-text.ts';

export interface HeldValue {
  readonly value: Secret;
  /** Whether it is time to look it up again; it may still be used. */
  readonly isDue: boolean;
}

export interface HeldValues {
  /** Undefined where there is none, or it is too old, or made from something that has changed since. */
  readonly get: (key: string, stamp: string) => HeldValue | undefined;
  readonly set: (key: string, value: Secret, keep: Keep) => void;
  readonly clear: () => void;
}

/** As many as there are failures remembered: see there. */
const MAX_HELD = 10_000;

/** @param now milliseconds since the epoch */
export function createHeldValues(now: () => number): HeldValues {
  const held = new Map<string, { readonly value: Secret; readonly keep: Keep }>();
  // A clock that was set back would make an old value young.
  const isOver = ({ from, expiresAt }: Keep): boolean => now() >= expiresAt || now() < from;
  return {
    get: (key, stamp) => {
      const entry = held.get(key);
      if (entry === undefined) return undefined;
      if (!isOver(entry.keep) && entry.keep.stamp === stamp) {
        return { value: entry.value, isDue: now() >= entry.keep.refreshAt };
      }
      held.delete(key);
      return undefined;
    },
    set: (key, value, keep) => {
      held.delete(key);
      held.set(key, { value, keep });
      for (const [other, entry] of held) if (isOver(entry.keep) || held.size > MAX_HELD) held.delete(other);
    },
    clear: () => held.clear(),
  };
}
