/**
 * A directory of small text files that people edit: `authorized_keys.d/` and `policies/`. Read whole, at once and only
 * if nobody else can have written it; looked at every second for the price of a few `stat` calls.
 */
import type { BigIntStats } from 'node:fs';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, messageOf } from '../model/error.ts';
import type { Problem } from '../model/problem.ts';
import { checkTrustedDirectory, readTrustedFile } from './safe-file.ts';

/** A file as it was read. */
export interface FolderFile {
  readonly name: string;
  /** For places: the directory's name and the file's, `policies/claw.yaml`. */
  readonly label: string;
  /** Null where the file could not be read or must not be trusted: the folder's problems say why. */
  readonly text: string | null;
}

/** A directory as it was read. */
export interface Folder {
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
      problems.push({ severity: 'error', place, path: '', message: messageOf(error) });
      return undefined;
    }
  };
  const names = attempt(label, () => listTrusted(directory));
  const files = (names ?? []).filter(isWanted).map((name): FolderFile => {
    const file = `${label}/${name}`;
    const bytes = attempt(file, () => readTrustedFile(join(directory, name), { maxBytes: MAX_FILE_BYTES }));
    return { name, label: file, text: bytes?.toString('utf8') ?? null };
  });
  const others = (names ?? []).filter((name) => !isWanted(name));
  const content = { files, others, problems, missing: names === null };
  return { ...content, digest: createHash('sha256').update(JSON.stringify(content)).digest('hex') };
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
