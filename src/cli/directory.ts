/**
 * The one directory that holds everything of a gateway, and where in it things lie.
 */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CarapaceError } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

/** Absolute paths of a gateway's parts. None of them need exist, but the directory itself. */
export interface Directory {
  readonly path: string;
  /** `carapace.yaml`; optional. */
  readonly configFile: string;
  readonly keysDirectory: string;
  readonly policiesDirectory: string;
  /** Host key, audit log, sockets: what the gateway writes. Mode 0700. */
  readonly stateDirectory: string;
  readonly auditFile: string;
  readonly operatorSocket: string;
}

/** The directory of an installed gateway; its state lies where packages put it. */
export const SYSTEM_DIRECTORY = '/etc/carapace';
const SYSTEM_STATE = '/var/lib/carapace';

/**
 * Finds the gateway's directory: `option` (what `--dir` names) if given, else `/etc/carapace` if it exists, else the
 * current one if it has `policies/`. State is in `state/` of it. Only that of `/etc/carapace`, however it was found, is
 * in `/var/lib/carapace`: a directory has one state, or two commands would make two host keys.
 *
 * @throws CarapaceError `configuration` where there is none, or it is no directory
 */
export function resolveDirectory(option: string | undefined): Directory {
  if (option !== undefined) return directoryAt(existing(resolve(option)));
  if (isDirectory(SYSTEM_DIRECTORY)) return directoryAt(SYSTEM_DIRECTORY);
  if (isDirectory(resolve('policies'))) return directoryAt(process.cwd());
  throw new CarapaceError('configuration', `directory: neither ${SYSTEM_DIRECTORY} nor ./policies exists`, {
    hint: 'name the directory that holds policies/ and authorized_keys.d/ with --dir DIR',
  });
}

/** Directories in which no wildcard of a policy names a file: what lies there decides, or is secret. */
export function ownDirectories({ path, stateDirectory }: Directory): string[] {
  return [path, stateDirectory];
}

function directoryAt(path: string): Directory {
  const stateDirectory = path === SYSTEM_DIRECTORY ? SYSTEM_STATE : join(path, 'state');
  return {
    path,
    configFile: join(path, 'carapace.yaml'),
    keysDirectory: join(path, 'authorized_keys.d'),
    policiesDirectory: join(path, 'policies'),
    stateDirectory,
    auditFile: join(stateDirectory, 'audit.jsonl'),
    operatorSocket: join(stateDirectory, 'operator.sock'),
  };
}

function existing(path: string): string {
  if (isDirectory(path)) return path;
  throw new CarapaceError('configuration', `directory: ${quoted(path)} is no directory`, {
    hint: 'make it, with policies/ in it, or name another one with --dir DIR',
  });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
