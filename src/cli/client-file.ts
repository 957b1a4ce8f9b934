/**
 * Writes files of `authorized_keys.d/`. What a person wrote there (comments, blank lines, the order of options) stays;
 * only what a command was asked to change changes.
 */
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkTrustedDirectory,
  readTrustedFile,
  removeIfThere,
  syncDirectory,
  writeFileAtomically,
} from '../engine/safe-file.ts';
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import { parseAuthorizedKeys } from '../identity/authorized-keys.ts';
import { isClientName, kindOfKeyFile } from '../identity/client-name.ts';
import type { KeyLine } from '../identity/key-line.ts';
import { parseKeyLine } from '../identity/key-line.ts';
import { CarapaceError, errnoOf } from '../model/error.ts';
import { didYouMean, formatProblem } from '../model/problem.ts';
import { quoted, visible } from '../model/visible.ts';
import type { Directory } from './directory.ts';

/**
 * Readable by everybody, as sshd reads these files as the user who logs in, and as the gateway's user need not be the
 * one who runs this command. There is no secret in them.
 */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/** A client's file as it was read. */
export interface ClientFile {
  readonly name: string;
  readonly path: string;
  /** Null where there is no file yet. */
  readonly text: string | null;
  readonly keys: readonly AuthorizedKey[];
}

/** @throws CarapaceError `usage` where nobody can have this name */
export function checkClientName(name: string): void {
  if (isClientName(name)) return;
  throw new CarapaceError('usage', `client: ${quoted(name)} is no name of the form [a-z0-9][a-z0-9._-]{0,63}`, {
    hint: 'use lower case, digits and . _ -, and no ending of files that are put aside, such as .bak and .pub',
  });
}

/**
 * Reads the file of a client, who need not exist.
 *
 * @throws CarapaceError `usage` for a bad name, `configuration` for a file that is broken or not to be trusted
 */
export function readClientFile(directory: Directory, name: string): ClientFile {
  checkClientName(name);
  const path = join(directory.keysDirectory, name);
  const text = readIfThere(path);
  const parsed = parseAuthorizedKeys(`authorized_keys.d/${name}`, name, text ?? '');
  const [first] = parsed.problems;
  if (first === undefined) return { name, path, text, keys: parsed.keys };
  throw new CarapaceError('configuration', formatProblem(first), { hint: `mend ${quoted(path, 4096)} by hand first` });
}

/** The same for a client who must exist. @throws CarapaceError `no-such-client` too */
export function readKnownClient(directory: Directory, name: string): ClientFile {
  const file = readClientFile(directory, name);
  if (file.text !== null) return file;
  throw noSuchClient(directory, name);
}

/** The error for a name that no client has. */
export function noSuchClient(directory: Directory, name: string): CarapaceError {
  const message = `client: ${quoted(name)} does not exist${didYouMean(name, clientNames(directory))}`;
  return new CarapaceError('no-such-client', message, { hint: 'run: carapace client list' });
}

/** Names of all clients that have a file, in order. */
export function clientNames(directory: Directory): string[] {
  try {
    return readdirSync(directory.keysDirectory)
      .filter((name) => kindOfKeyFile(name) === 'client')
      .toSorted();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * `file:line` where a key stands already, in any client's file, be that file otherwise good or broken; undefined where
 * it stands nowhere.
 */
export function placeOfKey(directory: Directory, base64: string): string | undefined {
  for (const name of clientNames(directory)) {
    const lines = (readIfThere(join(directory.keysDirectory, name)) ?? '').split('\n');
    const index = lines.findIndex((line) => !/^\s*#/.test(line) && line.split(/\s+/).includes(base64));
    if (index !== -1) return `authorized_keys.d/${visible(name)}:${index + 1}`;
  }
  return undefined;
}

/**
 * Puts a new text into a client's file, making file and directory where they are missing. The text is first read as the
 * gateway will read it; the keys that are in it come back.
 *
 * @throws CarapaceError `configuration` where the directory is not to be trusted; `conflict` where somebody else changed
 * the file meanwhile
 */
export function writeClientFile(directory: Directory, file: ClientFile, text: string): readonly AuthorizedKey[] {
  const { keys, problems } = parseAuthorizedKeys(`authorized_keys.d/${file.name}`, file.name, text);
  const [problem] = problems;
  // fail safe: what the gateway would refuse is a defect of the command, and is not written.
  if (problem !== undefined) throw new CarapaceError('configuration', formatProblem(problem));
  const made = mkdirSync(directory.keysDirectory, { recursive: true });
  if (made !== undefined) chmodSync(directory.keysDirectory, DIRECTORY_MODE);
  checkTrustedDirectory(directory.keysDirectory);
  if (readIfThere(file.path) !== file.text) throw conflict(file);
  try {
    writeFileAtomically(file.path, text, { mode: FILE_MODE, replace: file.text !== null });
  } catch (error) {
    throw errnoOf(error) === 'EEXIST' ? conflict(file) : error;
  }
  return keys;
}

/** Removes a client's file. Lasting, once it returns. */
export function removeClientFile(directory: Directory, name: string): void {
  removeIfThere(join(directory.keysDirectory, name));
  syncDirectory(directory.keysDirectory);
}

/** Adds a line at the end of a text. */
export function appendLine(text: string | null, line: string): string {
  const before = text ?? '';
  return `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${line}\n`;
}

/** Changes each line that holds a key; all other lines stay as they are. */
export function mapKeyLines(text: string, change: (line: KeyLine) => KeyLine): string {
  const lines = text.split('\n').map((content) => {
    const parsed = /^\s*(#|$)/.test(content) ? undefined : parseKeyLine(content);
    return parsed?.ok === true ? formatKeyLine(change(parsed.line)) : content;
  });
  return lines.join('\n');
}

/** Writes a line of authorized_keys. */
export function formatKeyLine({ options, type, base64, comment }: KeyLine): string {
  const written = options.map(({ name, value }) =>
    value === null ? name : `${name}="${value.replaceAll('"', '\\"')}"`,
  );
  return [written.join(','), type, base64, comment].filter((part) => part !== '').join(' ');
}

function conflict(file: ClientFile): CarapaceError {
  return new CarapaceError('conflict', `${quoted(file.path, 4096)}: was changed by somebody else meanwhile`, {
    hint: 'try again',
  });
}

function readIfThere(path: string): string | null {
  try {
    return readTrustedFile(path).toString('utf8');
  } catch (error) {
    if (error instanceof CarapaceError && errnoOf(error.cause) === 'ENOENT') return null;
    throw error;
  }
}
