/** What a runner says of itself: who it is, and where its tools may start. The gateway believes none of it unseen. */
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunnerHello } from '../model/runner-messages.ts';

/**
 * Reads its own ids. `directory`: its user's own, where it makes the places for its tools; null where the gateway has made
 * them. Throws what the file system throws.
 */
export function introduction(directory: string | null): RunnerHello {
  const place = directory === null ? null : makePlace(directory);
  return { type: 'hello', pid: process.pid, status: ownStatus(), place };
}

function makePlace(directory: string): RunnerHello['place'] {
  const path = join(directory, 'empty');
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o555);
  const { dev, ino } = statSync(path, { bigint: true });
  return { empty: { path, dev: String(dev), ino: String(ino) }, homes: join(directory, 'home') };
}

function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1');
  } catch {
    const { getuid, geteuid, getgid, getegid, getgroups } = process;
    return `Uid:\t${getuid?.()}\t${geteuid?.()}\nGid:\t${getgid?.()}\t${getegid?.()}\nGroups:\t${getgroups?.().join(' ')}\n`;
  }
}
