/** What the checks of `carapace doctor` look at, read once; and with whose eyes. */
import { statSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { checkTrustedDirectory, OTHERS_MAY_ANYTHING } from '../engine/safe-file.ts';
import { findIdentity } from '../engine/secrets/identity.ts';
import { secretsDirectory } from '../engine/secrets/store-lock.ts';
import { openSecretStore, type SecretStore } from '../engine/secrets/store.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { type StateOwner, stateOwner } from '../engine/state-directory.ts';
import { readSnapshot } from '../engine/store.ts';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { type Problem, hasErrors } from '../model/problem.ts';
import { quoted, visible } from '../model/visible.ts';
import { lintReach } from '../policy/lint.ts';
import { type CliTool, cliTools, type Policy } from '../policy/policy.ts';
import { type Directory, resolveDirectory } from './directory.ts';
import { readConfig } from './read-config.ts';

/** A gateway's host, as its own user sees it. */
export interface Host {
  readonly directory: Directory;
  /** Whether the state directory is there: until a gateway was started, there is none. */
  readonly hasState: boolean;
  /** Whose files below the state directory are trusted. */
  readonly trust: StateOwner['trust'];
  /** As a command that concerns this gateway is typed. */
  readonly command: (words: string) => string;
  /** The configuration in force; null where it is not valid. */
  readonly config: Config | null;
  readonly snapshot: Snapshot;
  /** All that is wrong with keys and policies, warnings included. */
  readonly problems: readonly Problem[];
  /** Of all policies; null where they do not load. */
  readonly tools: readonly PolicyTool[] | null;
  /** Nobody is asked for a passphrase: what needs one fails. */
  readonly store: SecretStore;
  readonly credentialsDirectory: string | undefined;
}

export interface PolicyTool {
  readonly policy: Policy;
  readonly tool: CliTool;
}

/** Reads it. What is wrong with any of it is for the checks to find. @throws the system's error */
function readHost(directory: Directory, dir: string | undefined): Host {
  const { stateDirectory } = directory;
  const credentialsDirectory = process.env['CREDENTIALS_DIRECTORY'];
  const snapshot = readSnapshot(directory);
  const policies = [...snapshot.policies.values()];
  const broken = hasErrors(snapshot.problems.filter(({ place }) => place.file.startsWith('policies')));
  const tools = policies.flatMap((policy) => Array.from(cliTools(policy.tools).values(), (tool) => ({ policy, tool })));
  return {
    directory,
    hasState: statSync(stateDirectory, { throwIfNoEntry: false }) !== undefined,
    trust: stateOwner(stateDirectory).trust,
    command: (words) => `carapace ${words}${dir === undefined ? '' : ` --dir ${visible(dir, 4096)}`}`,
    config: configOf(directory),
    snapshot,
    problems: [...snapshot.problems, ...policies.flatMap(lintReach)],
    tools: broken ? null : tools,
    store: openSecretStore({ stateDirectory, credentialsDirectory, askPassphrase: nobodyToAsk }),
    credentialsDirectory,
  };
}

function configOf(directory: Directory): Config | null {
  try {
    return readConfig(directory);
  } catch (error) {
    if (error instanceof CarapaceError) return null;
    throw error;
  }
}

/** Whether stored secrets can be opened: no one has to be asked, and the store refuses none. @throws the system's error */
export function canOpen(host: Host): boolean {
  const { directory, credentialsDirectory } = host;
  const { kind } = findIdentity({ stateDirectory: directory.stateDirectory, credentialsDirectory });
  return (kind === 'file' || kind === 'credential') && isStoreTrusted(host);
}

/** False: others can reach the directory of the store, for which every secret in it is refused. @throws the system's error */
export function isStoreTrusted(host: Host): boolean {
  try {
    checkStoreDirectory(host);
    return true;
  } catch (error) {
    if (error instanceof CarapaceError) return false;
    throw error;
  }
}

/** @throws CarapaceError where others can reach the directory of the store, or there is none */
export function checkStoreDirectory({ directory, trust }: Host): void {
  const path = secretsDirectory(directory.stateDirectory);
  checkTrustedDirectory(path, { ...trust, forbiddenMode: OTHERS_MAY_ANYTHING });
}

function nobodyToAsk(path: string): Promise<never> {
  return Promise.reject(
    new CarapaceError(
      'configuration',
      `secret store: ${quoted(path, 4096)} takes a passphrase, which is not asked for`,
    ),
  );
}

/**
 * Finds the directory and reads the host, as the user whose gateway it is. `dir` is what `--dir` named.
 *
 * @throws CarapaceError `configuration` where there is no directory, or this user may not look at it
 */
export function openHost(dir: string | undefined): Host {
  try {
    const directory = resolveDirectory(dir);
    becomeGatewayUser(directory);
    return readHost(directory, dir);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    throw new CarapaceError('configuration', `doctor: ${visible(messageOf(error), 4096)}`, { hint: WHO_MAY });
  }
}

const WHO_MAY = 'run it as the user of the gateway, or as root';

/**
 * Becomes the user whose gateway it is, for good: the owner of the state directory. Root would see files that the gateway
 * cannot, and distrust those that are the gateway's own.
 *
 * @throws CarapaceError `configuration` for whoever is neither that user nor root
 */
function becomeGatewayUser({ stateDirectory }: Directory): void {
  const state = statSync(stateDirectory, { throwIfNoEntry: false });
  const user = process.geteuid?.();
  if (state === undefined || user === undefined || state.uid === user) return;
  if (user !== 0) {
    const owner = `${quoted(stateDirectory, 4096)} belongs to user ${state.uid}, this is user ${user}`;
    throw new CarapaceError('configuration', `doctor: ${owner}`, { hint: WHO_MAY });
  }
  // The types of Node do not know initgroups(3).
  const { initgroups } = process as NodeJS.Process & { initgroups?: (user: number, group: number) => void };
  initgroups?.(state.uid, state.gid);
  process.setgid?.(state.gid);
  process.setuid?.(state.uid);
}
