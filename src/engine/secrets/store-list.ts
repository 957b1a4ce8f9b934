/** What is in the store, seen from outside: nothing is decrypted, and no identity is needed. */
import { closeSync, constants, fstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import { errnoOf, messageOf } from '../../model/error.ts';
import { visible } from '../../model/visible.ts';
import { secretNameProblem } from '../../policy/injected-text.ts';
import { OTHERS_MAY_ANYTHING, type Trust } from '../safe-file.ts';
import { secretPath } from './store-file.ts';

/** One file of the store. */
export interface SecretEntry {
  /** Its file's name without `.age`; where `problem` is not null, anything that a file can be called. */
  readonly name: string;
  /** When it was set, by the file's time; null where that cannot be seen. */
  readonly setAt: Date | null;
  /** Why it will not be read, as far as that is seen without decrypting it; null where nothing is. */
  readonly problem: string | null;
}

const ENDING = '.age';

/** Lists the files of the store, by name; empty where there is no store yet. @throws the system's error */
export function listSecrets(directory: string, trust: Trust): SecretEntry[] {
  return fileNames(directory)
    .filter((file) => file.endsWith(ENDING) && !file.startsWith('.'))
    .map((file) => file.slice(0, -ENDING.length))
    .toSorted()
    .map((name) => entryOf(directory, name, trust));
}

function fileNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function entryOf(directory: string, name: string, trust: Trust): SecretEntry {
  const misnamed = secretNameProblem(name);
  if (misnamed !== undefined) return { name, setAt: null, problem: misnamed };
  try {
    const stat = statOpened(secretPath(directory, name));
    return { name, setAt: stat.mtime, problem: problemOf(stat, trust) };
  } catch (error) {
    return { name, setAt: null, problem: `cannot be opened: ${visible(errnoOf(error) ?? messageOf(error))}` };
  }
}

function statOpened(path: string): Stats {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return fstatSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function problemOf(stat: Stats, { ownerUids = [0, process.getuid?.() ?? 0] }: Trust): string | null {
  if (!stat.isFile()) return 'is no regular file';
  if (!ownerUids.includes(stat.uid)) return `belongs to user ${stat.uid}, expected ${ownerUids.at(-1) ?? 0}`;
  if ((stat.mode & OTHERS_MAY_ANYTHING) === 0) return null;
  return `has mode ${(stat.mode & 0o7777).toString(8).padStart(4, '0')}: others may read or write it`;
}
