/**
 * All runners of a gateway: its own, and one for each other user that tools run as, from their first call until nobody used
 * them for a while.
 *
 * Invariant: a call runs as the user that its permit names, or not at all.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../model/error.ts';
import type { RunAs } from '../model/run-as.ts';
import type { Log } from './log.ts';
import { openClientUsers } from './runner-client-users.ts';
import type { ClientUsers } from './runner-client-users.ts';
import { openLoader } from './runner-loader.ts';
import { endWhenIdle, findUserRunner, startUserRunner } from './runner-of-user.ts';
import type { KeptRunner, StartOptions, UserRunner } from './runner-of-user.ts';
import { builtEntry, installationOf, openRunner } from './runner-process.ts';
import type { Runner } from './runner-process.ts';
import { openRuntimeDirectory } from './runner-runtime.ts';
import type { OtherUser } from './runner-start-command.ts';
import { lookUpUser, whoHasId } from './runner-users.ts';

export interface RunnersOptions {
  /** The gateway's state directory, which is there; no two gateways may have it at a time. */
  readonly stateDirectory: string;
  readonly log: Pick<Log, 'warn'>;
  readonly users: {
    /** The ids, both included, that clients get users from under `per-client`; null for none. No two gateways may share any. */
    readonly range: readonly [first: number, last: number] | null;
    /** Where a gateway that is not root finds runners: `NAME.sock`. Null for `/run/carapace-runner`. */
    readonly sockets: string | null;
  };
  /** The runner's compiled main file. Default: the one that was built with this module. */
  readonly entry?: string;
  /** Default: /run. */
  readonly runtimeBase?: string;
  /** Milliseconds without a call after which another user's runner is ended. Default: ten minutes. */
  readonly idleMs?: number;
}

export type RunnerOf =
  | { readonly ok: true; readonly runner: Runner }
  /** `problem` for the log; `message` for the client, with nothing of the host in it. */
  | { readonly ok: false; readonly problem: string; readonly message: string };

export interface RunnersStatus {
  /** Of the gateway's own runner. */
  readonly pid: number | null;
  /** Of all runners: ends that nobody asked for. */
  readonly restarts: number;
  /** Those of other users that are there now: `user NAME`, `client NAME`. */
  readonly users: readonly { readonly whose: string; readonly pid: number | null; readonly restarts: number }[];
}

export interface Runners {
  /** The runner that a call belongs to, which is started where there is none. Never rejects. */
  readonly of: (runAs: RunAs, client: string) => Promise<RunnerOf>;
  /** Whether every runner that there is answers now. Never rejects. */
  readonly ping: () => Promise<boolean>;
  readonly status: () => RunnersStatus;
  /** Ends all runners, and with them every tool. Never rejects. */
  readonly stop: () => Promise<void>;
}

const SOCKETS = '/run/carapace-runner';
const IDLE_MS = 600_000;
/** A runner that cannot be had is asked for again after this: looking users up and starting processes has its price. */
const FAILURE_MEMORY_MS = 1000;
/** Where util-linux lies. Never searched for: what is found on a path could be somebody's own. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];
const UNAVAILABLE = 'what starts tools for its user on the host cannot be used';

type Refusal = Extract<RunnerOf, { ok: false }>;

/** Starts the gateway's own runner at once, the others at their first call. Throws what the file system throws. */
export function openRunners(options: RunnersOptions): Runners {
  const { stateDirectory, log, entry = builtEntry(), idleMs = IDLE_MS } = options;
  const own = openRunner({ stateDirectory, entry, log });
  const users = openUsers(options, entry);
  const others = keepRunners(idleMs);
  return {
    of: async (runAs, client) => {
      if (runAs.kind === 'gateway') return { ok: true, runner: own };
      if (runAs.kind === 'user') return others.of(`user ${runAs.name}`, () => users.named(runAs.name));
      return others.of(`client ${client}`, () => users.ofClient(client));
    },
    ping: async () => {
      const answers = [own, ...others.all().values()].map(async (runner) => runner.ping());
      return (await Promise.all(answers)).every(Boolean);
    },
    status: () => {
      const found = [...others.all()].map(([whose, runner]) => ({ whose, ...runner.status() }));
      const { pid, restarts } = own.status();
      return { pid, restarts: found.reduce((sum, one) => sum + one.restarts, restarts), users: found };
    },
    stop: async () => {
      await Promise.all([own.stop(), others.stop()]);
      users.close();
    },
  };
}

/** setpriv(1), by which runners of other users are started; undefined where the host has none. */
export function findSetpriv(): string | undefined {
  return SETPRIV.find((path) => existsSync(path));
}

interface KeptRunners {
  /** The runner of `whose`, begun where there is none: once, however many ask at the same time. Never rejects. */
  readonly of: (whose: string, begin: () => Promise<UserRunner>) => Promise<RunnerOf>;
  /** Those that are there, by whose they are. */
  readonly all: () => ReadonlyMap<string, Runner>;
  readonly stop: () => Promise<void>;
}

function keepRunners(idleMs: number): KeptRunners {
  const wanted = new Map<string, Promise<KeptRunner | Refusal>>();
  const kept = new Map<string, Runner>();
  let isStopped = false;

  const open = async (whose: string, begin: () => Promise<UserRunner>): Promise<KeptRunner | Refusal> => {
    const found = await begin().catch((error: unknown) => ({ ok: false, problem: messageOf(error) }) as const);
    if (!found.ok || isStopped) {
      if (found.ok) await found.runner.stop();
      setTimeout(() => wanted.delete(whose), FAILURE_MEMORY_MS).unref();
      const problem = found.ok ? 'the gateway stops' : found.problem;
      return { ok: false, problem: `runner of ${whose}: ${problem}`, message: UNAVAILABLE };
    }
    const one = endWhenIdle(found.runner, idleMs, () => {
      wanted.delete(whose);
      kept.delete(whose);
      void found.runner.stop();
    });
    kept.set(whose, one.runner);
    return one;
  };
  return {
    all: () => kept,
    of: async (whose, begin) => {
      const opening = wanted.get(whose) ?? open(whose, begin);
      wanted.set(whose, opening);
      const opened = await opening;
      if ('ok' in opened) return opened;
      opened.use();
      return { ok: true, runner: opened.runner };
    },
    stop: async () => {
      isStopped = true;
      await Promise.all(wanted.values());
      await Promise.all([...kept.values()].map(async (runner) => runner.stop()));
    },
  };
}

interface Users {
  readonly named: (name: string) => Promise<UserRunner>;
  readonly ofClient: (client: string) => Promise<UserRunner>;
  readonly close: () => void;
}

/** How runners of other users are had. The runtime directory and the loader are made when the first is started. */
function openUsers({ stateDirectory, log, users, runtimeBase }: RunnersOptions, entry: string): Users {
  const isRoot = process.geteuid?.() === 0;
  const { range, sockets } = users;
  const clients: ClientUsers | undefined =
    range === null ? undefined : openClientUsers({ file: join(stateDirectory, 'client-users.json'), range, whoHasId });
  let prepared: Promise<StartOptions> | undefined;
  let close = (): void => undefined;

  const prepare = async (): Promise<StartOptions> => {
    const setpriv = findSetpriv();
    if (setpriv === undefined) throw new Error(`there is no ${SETPRIV[0]}, which starts it`);
    const installation = installationOf(join(stateDirectory, 'runner'));
    const runtime = openRuntimeDirectory(installation, runtimeBase);
    close = runtime.close;
    const loader = (await openLoader(runtime.path)) ?? (await openLoader(runtime.temporary()));
    if (loader === undefined) log.warn('runner: its memory can be read by tools of its own user', { at: runtime.path });
    return { entry, setpriv, loader, runtime, installation, log };
  };
  const forget = (error: unknown): never => {
    prepared = undefined;
    throw error;
  };
  const start = async (user: OtherUser, whose: string): Promise<UserRunner> => {
    prepared ??= prepare().catch(forget);
    return startUserRunner(user, whose, await prepared);
  };
  return {
    named: async (name) => {
      const found = await lookUpUser(name);
      if (!found.ok) return found;
      if (isRoot) return start(found.user, `user ${name}`);
      return findUserRunner(found.user, `user ${name}`, join(sockets ?? SOCKETS, `${name}.sock`), log);
    },
    ofClient: async (client) => {
      if (!isRoot) return { ok: false, problem: 'run_as: per-client takes a gateway that runs as root' };
      if (clients === undefined)
        return { ok: false, problem: 'run_as: per-client: no range of user ids is configured' };
      const found = await clients.of(client);
      return found.ok ? start(found.user, `client ${client}`) : found;
    },
    close: () => close(),
  };
}
