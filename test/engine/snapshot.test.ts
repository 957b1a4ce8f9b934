import { describe, expect, it } from 'vitest';
import type { KeyEntry, Snapshot } from '../../src/engine/snapshot.ts';
import { keyStatus } from '../../src/engine/snapshot.ts';
import { parseAuthorizedKeys } from '../../src/identity/authorized-keys.ts';
import { keyLine, someKey } from '../fixtures/gateway-directory.ts';

const NOW = Date.UTC(2026, 5, 1);

function snapshotOf(...lines: readonly string[]): Snapshot {
  const { keys } = parseAuthorizedKeys('authorized_keys.d/claw', 'claw', lines.join(''));
  const entries: KeyEntry[] = keys.map((key) => ({ ...key, tools: new Map() }));
  return {
    keys: new Map(entries.map((entry) => [entry.key.base64, entry])),
    clients: new Map([['claw', entries]]),
    policies: new Map(),
    digest: '',
    problems: [],
    loadedAt: NOW,
  };
}

const blobOf = (key: string): Buffer => Buffer.from(key.split(' ')[1] ?? '', 'base64');

describe('the status of a key', () => {
  const snapshot = snapshotOf(
    keyLine('claw', someKey(1)),
    keyLine('claw', someKey(2), 'p', ',from="10.0.0.0/8"'),
    keyLine('claw', someKey(3), 'p', ',expiry-time="20260601Z"'),
    keyLine('claw', someKey(4), 'p', ',from="10.0.0.0/8",expiry-time="20260601Z"'),
  );
  const status = (key: number, address: string | undefined, now = NOW) => {
    const answer = keyStatus(snapshot, blobOf(someKey(key)), address, now);
    return answer.ok ? answer.entry.client : answer.reason;
  };

  it('is the entry of a known key, from anywhere', () => {
    expect(status(1, '203.0.113.1')).toBe('claw');
    expect(status(1, undefined)).toBe('claw');
  });

  it('is unknown for a key that differs in one bit, is longer, shorter or empty', () => {
    const blob = blobOf(someKey(1));
    const flipped = Buffer.from(blob);
    flipped[20] = (flipped[20] ?? 0) ^ 1;
    for (const other of [
      flipped,
      Buffer.concat([blob, Buffer.alloc(1)]),
      blob.subarray(0, -1),
      Buffer.alloc(0),
      Buffer.alloc(35_000),
    ]) {
      expect(keyStatus(snapshot, other, '10.0.0.1', NOW)).toEqual({ ok: false, reason: 'unknown-key' });
    }
  });

  it('depends on where the peer is, and refuses a peer without an address', () => {
    expect(status(2, '10.1.2.3')).toBe('claw');
    expect(status(2, '::ffff:10.1.2.3')).toBe('claw');
    expect(status(2, '11.0.0.1')).toBe('from-refused');
    expect(status(2, undefined)).toBe('from-refused');
  });

  it('depends on the time', () => {
    expect(status(3, undefined, NOW)).toBe('claw');
    expect(status(3, undefined, NOW + 1000)).toBe('expired');
    expect(status(4, '11.0.0.1', NOW + 1000)).toBe('expired');
  });
});
