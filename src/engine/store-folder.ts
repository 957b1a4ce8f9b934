/**
 * A directory of small text files that people edit: `authorized_keys.d/` and `policies/`. Read whole, at once and only
 * if nobody else can have written it; looked at every second for the price of a few `stat` calls.
 */
import { isUtf8 } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import type { Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { checkTrustedDirectory, readTrustedFile } from './safe-file.ts';

/** A file as it was read. */
export interface FolderFile {
  readonly name: string;
  /** For places: the directory's name and the file's, `policies/claw.yaml`. */
  readonly label: string;
  /** Null where the file could not be read or must not be trusted: the folder's problems say why. */
  readonly text: string | null;
  /** SHA-256 (hex) of the file; null as `text` is. */
  readonly digest: string | null;
}

/** A directory as it was read. */
export interface Folder {
  /** The directory's own name: `policies`. */
  readonly label: string;
  /** By name, in the order of names. Empty where the directory itself must not be trusted. */
  readonly files: readonly FolderFile[];
  /** Names of other entries, which were not read. */
  readonly others: readonly string[];
  readonly problems: readonly Problem[];
  /** True where the directory does not exist. */
  readonly missing: boolean;
  /** SHA-256 (hex) over all of the above: the same content, the same digest. */
  readonly digest: string;
}

/** How much of a file is read: far more than any policy, and little enough to parse in a moment. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Reads the files whose names `isWanted` takes. Never throws: what cannot be read is a problem. */
export function readFolder(directory: string, isWanted: (name: string) => boolean): Folder {
  const label = basename(directory);
  const problems: Problem[] = [];
  const attempt = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      const place = { file, line: 1, column: 1 };
      problems.push({ severity: 'error', place, path: '', message: withHint(error) });
      return undefined;
    }
  };
  const names = attempt(label, () => listTrusted(directory));
  const files = (names ?? []).filter(isWanted).map((name): FolderFile => {
    const file = `${label}/${name}`;
    const read = attempt(file, () => readText(join(directory, name)));
    return { name, label: file, text: read?.text ?? null, digest: read?.digest ?? null };
  });
  const others = (names ?? []).filter((name) => !isWanted(name));
  const content = { label, files, others, problems, missing: names === null };
  return { ...content, digest: sha256(JSON.stringify(content)) };
}

/** A problem has no hint of its own. */
function withHint(error: unknown): string {
  const hint = error instanceof CarapaceError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)} (${hint})`;
}

function readText(path: string): { readonly text: string; readonly digest: string } {
  const bytes = readTrustedFile(path, { maxBytes: MAX_FILE_BYTES });
  if (!isUtf8(bytes)) throw new CarapaceError('bad-data', `${quoted(path, 4096)}: is no valid UTF-8`);
  return { text: bytes.toString('utf8'), digest: sha256(bytes) };
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Names in order; null where there is no such directory. */
function listTrusted(directory: string): string[] | null {
  try {
    const names = readdirSync(directory).toSorted();
    checkTrustedDirectory(directory);
    return names;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** What a directory looks like from outside. */
export interface FolderStamp {
  /** Changes with every name, size, mode, owner, inode and time in the directory. */
  readonly text: string;
  /** The latest change of any file, in milliseconds since 1970. */
  readonly changedAt: number;
}

/** Looks at a directory without opening its files. Never throws: what cannot be looked at is part of the stamp. */
export function stampOf(directory: string): FolderStamp {
  const parts: string[] = [];
  let changedAt = 0;
  const add = (name: string, path: string): void => {
    try {
      const stat = statSync(path, { bigint: true });
      changedAt = Math.max(changedAt, Number(stat.ctimeMs), Number(stat.mtimeMs));
      parts.push(`${name}\0${describe(stat)}`);
    } catch (error) {
      parts.push(`${name}\0${errnoOf(error) ?? 'unknown'}`);
    }
  };
  add('.', directory);
  for (const name of namesIn(directory)) add(name, join(directory, name));
  return { text: parts.join('\0'), changedAt };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    return [];
  }
}

function describe(stat: BigIntStats): string {
  return [stat.dev, stat.ino, stat.size, stat.mode, stat.uid, stat.mtimeNs, stat.ctimeNs].join(' ');
}

/**
 * File systems count time in ticks of some milliseconds, so a file that is written twice within one can look the same
 * after both. What changed this recently is therefore read once more.
 */
const TICK_MS = 1000;

/**
 * Follows a directory: each call gives its content if that is not what the call before found, else undefined. With
 * `force` it is read and given in any case. Never throws.
 */
export function followFolder(
  directory: string,
  isWanted: (name: string) => boolean,
): (force: boolean) => Folder | undefined {
  let seen: { readonly stamp: string; readonly readAt: number; readonly digest: string } | undefined;
  return (force) => {
    const stamp = stampOf(directory);
    const readAt = Date.now();
    const isOld = stamp.text === seen?.stamp && stamp.changedAt + TICK_MS < seen.readAt;
    if (isOld && !force) return undefined;
    const folder = readFolder(directory, isWanted);
    const isSame = folder.digest === seen?.digest;
    seen = { stamp: stamp.text, readAt, digest: folder.digest };
    return isSame && !force ? undefined : folder;
  };
}
