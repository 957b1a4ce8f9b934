/**
 * Keys and policies in force: read at the start, watched, and swapped as one snapshot.
 *
 * Invariants: keys and policies are separate sets. Whatever is wrong with a key's file ends that client's keys at once,
 * however broken the policies are; whatever is wrong with a policy leaves all policies as they were, and never widens
 * anything.
 */
import type { ReloadEvent } from '../model/audit-record.ts';
import { CarapaceError } from '../model/error.ts';
import type { Problem } from '../model/problem.ts';
import { formatProblem, hasErrors } from '../model/problem.ts';
import type { Snapshot } from './snapshot.ts';
import { join } from 'node:path';
import { isProfileFile } from './profile-files.ts';
import { type Folder, followFolder } from './store-folder.ts';
import type { KeySet } from './store-keys.ts';
import { isKeyFile, loadKeys } from './store-keys.ts';
import type { LoadedPolicies, PolicySet } from './store-policies.ts';
import { isPolicyFile, loadPolicies } from './store-policies.ts';
import { buildSnapshot } from './store-snapshot.ts';
import { watchDirectories } from './store-watch.ts';

/** Where keys and policies lie. */
export interface StorePaths {
  readonly keysDirectory: string;
  readonly policiesDirectory: string;
}

export interface StoreOptions {
  /** Told of every reload after the start, good or not, once its snapshot is in force. Must not throw. */
  readonly onReload?: (event: ReloadEvent) => void;
  /** How often the directories are looked at even if no change was announced, in milliseconds; 1000 if absent. */
  readonly rescanMs?: number;
}

/** Keys and policies in force. */
export interface Store {
  /** To be taken once a request. */
  readonly current: () => Snapshot;
  /** What is wrong in the policies as they lie there now, warnings included: with an error in it an older set is in force. */
  readonly policyProblems: () => readonly Problem[];
  /**
   * Registers whoever must act on a change, such as ending the connections of keys that are gone: called in the same
   * turn in which the new snapshot comes into force. Must not throw. Returns what unregisters it.
   */
  readonly onChange: (listener: (next: Snapshot, previous: Snapshot) => void) => () => void;
  /** Reads everything again now, changed or not: SIGHUP. */
  readonly reload: () => void;
  /** Stops watching. The last snapshot stays. */
  readonly close: () => void;
}

/**
 * Opens the store and begins to watch. Problems of keys are in the snapshot; the gateway starts with what is good.
 *
 * @throws CarapaceError `configuration`, with a line for each error, where not all policies are good
 */
export function openStore(paths: StorePaths, options: StoreOptions = {}): Store {
  const set = createSet(paths);
  set.refresh(false);
  const errors = set.policyProblems().filter((problem) => problem.severity === 'error');
  if (errors.length > 0)
    throw new CarapaceError('configuration', policiesRefused(errors), { hint: 'run: carapace policy check' });
  let snapshot = set.snapshot();
  const listeners = new Set<(next: Snapshot, previous: Snapshot) => void>();

  const look = (force: boolean): void => {
    const changed = set.refresh(force);
    if (changed.length === 0) return;
    const previous = snapshot;
    snapshot = set.snapshot();
    for (const listener of listeners) listener(snapshot, previous);
    for (const what of changed) options.onReload?.(reloadEvent(what, snapshot, set.policyProblems()));
  };
  const directories = [paths.keysDirectory, paths.policiesDirectory, profilesDirectory(paths)];
  const stop = watchDirectories(directories, options.rescanMs ?? 1000, () => {
    look(false);
  });
  return {
    current: () => snapshot,
    policyProblems: set.policyProblems,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    reload: () => {
      look(true);
    },
    close: stop,
  };
}

/** Reads keys and policies once, for a command: what is wrong is in the snapshot's problems. Never throws. */
export function readSnapshot(paths: StorePaths): Snapshot {
  const set = createSet(paths);
  set.refresh(false);
  return set.snapshot();
}

type Kind = ReloadEvent['what'];

interface FollowedSet {
  /** Reads what has changed, or all with `force`, and says which of the two it was. */
  readonly refresh: (force: boolean) => readonly Kind[];
  readonly snapshot: () => Snapshot;
  readonly policyProblems: () => readonly Problem[];
}

function createSet(paths: StorePaths): FollowedSet {
  const nextKeys = followFolder(paths.keysDirectory, isKeyFile);
  const nextPolicies = followFolder(paths.policiesDirectory, isPolicyFile);
  const nextProfiles = followFolder(profilesDirectory(paths), isProfileFile);
  let policies: Folder | undefined;
  let profiles: Folder | null = null;
  let keys: KeySet = { keys: [], problems: [], digests: [] };
  let inForce: PolicySet = { policies: new Map(), digests: [] };
  let loaded: LoadedPolicies = { set: inForce, problems: [] };
  return {
    refresh: (force) => {
      const keysFolder = nextKeys(force);
      const policiesFolder = nextPolicies(force);
      const profilesFolder = nextProfiles(force);
      if (keysFolder !== undefined) keys = loadKeys(keysFolder);
      policies = policiesFolder ?? policies;
      profiles = profilesFolder ?? profiles;
      const changed = policiesFolder !== undefined || profilesFolder !== undefined;
      if (changed && policies !== undefined) loaded = loadPolicies(policies, profiles);
      inForce = loaded.set ?? inForce;
      return [...(keysFolder === undefined ? [] : ['keys' as const]), ...(changed ? ['policies' as const] : [])];
    },
    snapshot: () => buildSnapshot(keys, inForce, loaded.problems),
    policyProblems: () => loaded.problems,
  };
}

/** The operator's own profiles lie beside the policies that use them. */
function profilesDirectory({ policiesDirectory }: StorePaths): string {
  return join(policiesDirectory, 'profiles');
}

/** Keys that a change of policies takes away are problems of the keys' files, and are named with the policies' too. */
function reloadEvent(what: Kind, { digest, problems }: Snapshot, policyProblems: readonly Problem[]): ReloadEvent {
  const its = problems.filter((problem) => what === 'policies' || !policyProblems.includes(problem));
  const ok = !hasErrors(what === 'policies' ? policyProblems : its);
  return { event: 'reload', what, ok, digest, problems: its.map(formatProblem) };
}

function policiesRefused(errors: readonly Problem[]): string {
  const count = errors.length === 1 ? 'one error' : `${errors.length} errors`;
  return [`policies: ${count}, so nothing is served`, ...errors.map(formatProblem)].join('\n');
}
