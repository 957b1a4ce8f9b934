/**
 * When each stored secret was last used, and when and why it last could not be: for `secret list`. No call waits for
 * this or fails by it.
 */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { parseStrictJson } from '../../protocol/strict-json.ts';
import { readTrustedFile } from '../safe-file.ts';
import { stateOwner } from '../state-directory.ts';
import { secretsDirectory } from './store-lock.ts';

/** What is known of one secret. Times are RFC 3339, in UTC. */
export interface UsageEntry {
  /** Null: never. */
  readonly usedAt: string | null;
  /** Null: it never failed. A use after it does not remove it. */
  readonly failure: { readonly at: string; readonly problem: string } | null;
}

/** Notes what becomes of stored secrets. */
export interface UsageLog {
  readonly used: (name: string) => void;
  /** `problem` names the secret and never its value. */
  readonly failed: (name: string, problem: string) => void;
  /** Writes what is not written yet. Never rejects. */
  readonly close: () => Promise<void>;
}

/** Under load every call uses a secret: the file is written at most once in this time. */
const WRITE_MS = 1000;
/** Of a problem as it is kept: it is one line of a message. */
const MAX_PROBLEM_CHARS = 500;
const NEVER: UsageEntry = { usedAt: null, failure: null };

/** Goes on with what was noted before. */
export function openUsageLog(stateDirectory: string, now: () => Date = () => new Date()): UsageLog {
  const entries = new Map(readUsage(stateDirectory));
  let timer: NodeJS.Timeout | undefined;
  let changed = false;
  let writing: Promise<void> = Promise.resolve();

  const write = (): Promise<void> => {
    timer = undefined;
    if (!changed) return writing;
    changed = false;
    writing = writing.then(() => writeUsage(stateDirectory, entries)).catch(() => undefined);
    return writing;
  };
  const note = (name: string, change: Partial<UsageEntry>): void => {
    entries.set(name, { ...(entries.get(name) ?? NEVER), ...change });
    changed = true;
    timer ??= setTimeout(() => void write(), WRITE_MS).unref();
  };
  return {
    used: (name) => note(name, { usedAt: now().toISOString() }),
    failed: (name, problem) =>
      note(name, { failure: { at: now().toISOString(), problem: problem.slice(0, MAX_PROBLEM_CHARS) } }),
    close: () => {
      clearTimeout(timer);
      return write();
    },
  };
}

/** What a gateway noted, by name; nothing where there is no file or it cannot be read. Never throws. */
export function readUsage(stateDirectory: string): ReadonlyMap<string, UsageEntry> {
  const entries = new Map<string, UsageEntry>();
  try {
    const { trust } = stateOwner(stateDirectory);
    const parsed = parseStrictJson(readTrustedFile(usagePath(stateDirectory), trust).toString('utf8'));
    if (!parsed.ok || !isObject(parsed.value) || !isObject(parsed.value['secrets'])) return entries;
    for (const [name, value] of Object.entries(parsed.value['secrets'])) {
      if (isObject(value)) entries.set(name, entryOf(value));
    }
  } catch {
    // It is no more than a help: who may not read it, or has none, sees that nothing is known.
  }
  return entries;
}

function entryOf({ usedAt, failure }: Record<string, unknown>): UsageEntry {
  const { at, problem } = isObject(failure) ? failure : {};
  return {
    usedAt: typeof usedAt === 'string' ? usedAt : null,
    failure: typeof at === 'string' && typeof problem === 'string' ? { at, problem } : null,
  };
}

/**
 * Readers see the old text or the new. Not synced, which would hold calls up for what a power cut may well take: then
 * there is no data.
 */
async function writeUsage(stateDirectory: string, entries: ReadonlyMap<string, UsageEntry>): Promise<void> {
  const temporary = join(secretsDirectory(stateDirectory), `.${randomBytes(9).toString('base64url')}.tmp`);
  const text = `${JSON.stringify({ v: 1, secrets: Object.fromEntries(entries) })}\n`;
  await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
  await rename(temporary, usagePath(stateDirectory));
}

function usagePath(stateDirectory: string): string {
  return join(secretsDirectory(stateDirectory), 'usage.json');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
