/** Tools of other users than the gateway's: what a host must have for tests of them, and a place that they can read. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** No user of a host has these. */
export const FIRST_UID = 2_100_000_000;
export const RANGE = [FIRST_UID, FIRST_UID + 9] as const;

/** Why tools cannot run as other users here; undefined where they can. */
export function whyNoOtherUsers(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.geteuid?.() !== 0) return 'it takes root';
  if (!existsSync('/usr/bin/setpriv')) return 'there is no setpriv';
  const ids = ['--reuid', String(FIRST_UID), '--regid', String(FIRST_UID), '--clear-groups'];
  const { status } = spawnSync('/usr/bin/setpriv', [...ids, '--', process.execPath, '--version'], { env: {} });
  return status === 0 ? undefined : 'other users cannot run this Node';
}

/** For the title of what is skipped. */
export const NO_OTHER_USERS = whyNoOtherUsers();
export const ONLY_WITH_OTHER_USERS = NO_OTHER_USERS === undefined ? '' : ` (skipped: ${NO_OTHER_USERS})`;

export interface PublicPlace {
  readonly path: string;
  /** The compiled runner, where every user can read it: the checkout may lie in somebody's home. */
  readonly entry: string;
  /** A fixture tool, where every user can run it. */
  readonly tool: (name: string) => string;
  readonly remove: () => void;
}

export function openPublicPlace(): PublicPlace {
  const path = mkdtempSync(join(tmpdir(), 'carapace-public-'));
  chmodSync(path, 0o755);
  mkdirSync(join(path, 'dist'));
  for (const part of ['package.json', 'dist/runner', 'dist/model']) {
    cpSync(join(ROOT, part), join(path, part), { recursive: true });
  }
  return {
    path,
    entry: join(path, 'dist/runner/main.js'),
    tool: (name) => {
      const copy = join(path, name);
      cpSync(join(ROOT, 'test/fixtures/tools', name), copy);
      chmodSync(copy, 0o755);
      return copy;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
