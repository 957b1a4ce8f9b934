/**
 * Puts a gateway together: audit log, keys and policies, runner, engine, door, listeners, operator socket. The one place
 * that knows all the parts.
 */
import { setImmediate } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { SshDoor } from '../doors/ssh/door.ts';
import { type Listener, openListener } from '../doors/ssh/listener.ts';
import { parseHostKey, transportReady } from '../doors/ssh/transport.ts';
import { carryOut } from '../engine/carry-out.ts';
import { type Audit, openAudit } from '../engine/audit/audit.ts';
import { Engine } from '../engine/gateway.ts';
import { loadHostKey } from '../engine/host-key.ts';
import { createUpstreams } from '../engine/http/upstream.ts';
import { createLimiter } from '../engine/limits.ts';
import { createLog, type Log } from '../engine/log.ts';
import { startOperatorServer } from '../engine/operator-server.ts';
import { openRunners } from '../engine/runners.ts';
import { checkTrustedDirectory } from '../engine/safe-file.ts';
import { createResolver, type Resolver } from '../engine/secrets/resolver.ts';
import { openUsageLog } from '../engine/secrets/usage.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { openStore, type Store } from '../engine/store.ts';
import type { AuditEvent, ReloadEvent } from '../model/audit-record.ts';
import { CarapaceError, messageOf } from '../model/error.ts';
import type { ListenAddress } from '../model/listen-address.ts';
import type { RunAs } from '../model/run-as.ts';
import { cliTools } from '../policy/policy.ts';
import { type Directory, ownDirectories } from './directory.ts';
import { type OperatorParts, operatorView } from './operator-answers.ts';
import { holderOfPort } from './port-holder.ts';
import { openStoreAtStart } from './secret-store.ts';
import { readVersion } from './version.ts';

/** A running gateway, as `serve` sees it. */
export interface ServedGateway {
  readonly log: Log;
  /** Where it listens: `127.0.0.1:2222`, `unix:/path`. */
  readonly listeners: readonly string[];
  /** What the operator should know and change. */
  readonly warnings: () => readonly string[];
  readonly snapshot: () => Snapshot;
  /** Reads keys and policies again now. */
  readonly reload: () => void;
  /** Ends the calls that run, and their connections. */
  readonly endCalls: () => void;
  /** Accepts no more, lets running calls end within the configured time, then ends all. Never rejects. */
  readonly stop: () => Promise<void>;
}

/** How often live connections are held against the current keys, because time passes: an expired key ends within this. */
const RECHECK_MS = 500;

const DEVELOPMENT_MODE =
  "tools: run as the gateway's own user and could read its keys and audit log; this is a mode for development";

/** @throws CarapaceError where any part cannot start; what was started before it is stopped again */
export async function startGateway(
  directory: Directory,
  config: Config,
  listen: readonly ListenAddress[] = config.listen,
): Promise<ServedGateway> {
  const undo: Undo[] = [];
  try {
    const parts = await openParts(directory, config, undo);
    const listeners = await listen.reduce<Promise<Listener[]>>(
      async (opened, address) => [...(await opened), await listenOn(address, parts.door, undo)],
      Promise.resolve([]),
    );
    const names = listeners.map((listener) => listener.name);
    const operator = await startOperatorServer({
      path: directory.operatorSocket,
      view: operatorView({ ...parts, names }),
      log: parts.log,
    });
    undo.push(operator.close);
    parts.audit.record({ event: 'service', action: 'start', version: parts.version.version, pid: process.pid });
    return servedGateway(parts, listeners, config.drainMs, undo);
  } catch (thrown) {
    for (const step of undo.toReversed()) await step();
    throw thrown;
  }
}

/** Stops one part; the last that was started stops first. */
type Undo = () => void | Promise<void>;

interface Parts extends Omit<OperatorParts, 'names'> {
  readonly log: Log;
}

async function openParts(directory: Directory, config: Config, undo: Undo[]): Promise<Parts> {
  // Whoever may write here could put other keys and policies in the place of those inside.
  checkTrustedDirectory(directory.path);
  const log = createLog(config.log);
  const version = readVersion();
  const hostKey = loadHostKey(directory.stateDirectory);
  const audit = openAudit({ file: directory.auditFile, durable: config.auditDurable, log });
  undo.push(audit.close);
  const store = openStore(directory, { onReload: (event) => noteReload(audit, log, event) });
  undo.push(store.close);
  const resolver = await openResolver(directory, log, undo);
  const runners = openRunners({
    stateDirectory: directory.stateDirectory,
    log,
    users: { range: config.clientUids, sockets: config.runnerSockets },
  });
  undo.push(runners.stop);
  const upstreams = createUpstreams();
  undo.push(upstreams.close);
  const executor = { runners, resolver, defaultRunAs: config.runAs };
  const engine = new Engine({
    snapshot: store.current,
    ownDirectories: ownDirectories(directory),
    audit,
    limits: createLimiter(),
    log,
    http: { resolver, upstreams },
    run: (permit, client, io) => carryOut(executor, permit, client, io),
  });
  await transportReady;
  const door = new SshDoor({
    gateway: engine,
    hostKey: parseHostKey(hostKey.privateKeyFile),
    version: version.version,
    ...config,
  });
  undo.push(followKeys(store, door, engine), () => door.disconnectAll('the gateway stops'));
  const warnings = (): string[] => warningsOf(store.current(), config.runAs);
  return { log, version, audit, store, runners, resolver, engine, door, warnings };
}

/** What looks up secrets. The store's passphrase is asked for now: later there is nobody to ask. */
async function openResolver(directory: Directory, log: Log, undo: Undo[]): Promise<Resolver> {
  const store = await openStoreAtStart(directory, (message) => log.warn(message));
  const usage = openUsageLog(directory.stateDirectory);
  const { env } = process;
  const resolver = createResolver({ store, usage, env, credentialsDirectory: env['CREDENTIALS_DIRECTORY'] });
  undo.push(usage.close, resolver.close);
  return resolver;
}

/** A gateway whose tools all run as other users needs no warning. */
function warningsOf({ policies }: Snapshot, defaultRunAs: RunAs): string[] {
  const tools = [...policies.values()].flatMap((policy) => [...cliTools(policy.tools).values()]);
  const isOwn = (runAs: RunAs | null): boolean => (runAs ?? defaultRunAs).kind === 'gateway';
  const own = tools.length === 0 ? isOwn(null) : tools.some(({ runAs }) => isOwn(runAs));
  return own ? [DEVELOPMENT_MODE] : [];
}

function servedGateway(
  parts: Parts,
  listeners: readonly Listener[],
  drainMs: number,
  undo: readonly Undo[],
): ServedGateway {
  const { engine, door, store, audit, log, version, warnings } = parts;
  return {
    log,
    listeners: listeners.map((listener) => listener.name),
    warnings,
    snapshot: store.current,
    reload: store.reload,
    endCalls: () => door.disconnectAll('the gateway stops'),
    stop: async () => {
      for (const listener of listeners) listener.close();
      await Promise.race([finishCalls(engine, door), delay(drainMs)]);
      door.disconnectAll('the gateway stops');
      await Promise.race([engine.drain(), delay(MAX_END_MS)]);
      tryRecord(audit, log, { event: 'service', action: 'stop', version: version.version, pid: process.pid });
      for (const step of undo.toReversed()) await step();
    },
  };
}

/** Refuses new calls, and resolves once the last that runs has ended and its client has the answer. */
async function finishCalls(engine: Engine, door: SshDoor): Promise<void> {
  await engine.drain();
  // A call's end reaches its channel in the turn in which it is no longer running.
  await setImmediate();
  await door.answered();
}

/** What calls may take to end once their connections are gone: longer than any grace period between TERM and KILL. */
const MAX_END_MS = 4000;

async function listenOn(address: ListenAddress, door: SshDoor, undo: Undo[]): Promise<Listener> {
  try {
    const listener = await openListener(address, (socket, name) => door.accept(socket, name));
    undo.push(listener.close);
    return listener;
  } catch (thrown) {
    if (!(thrown instanceof CarapaceError) || thrown.code !== 'address-in-use') throw thrown;
    const holder = address.kind === 'tcp' ? holderOfPort(address.port) : undefined;
    throw new CarapaceError('unreachable', `${thrown.message}${holder === undefined ? '' : ` by ${holder}`}`, {
      hint: 'stop who listens there, or choose another address with --listen',
      cause: thrown,
    });
  }
}

/** Ends the connections of keys that are gone: with the change of keys, and as time passes. Returns what stops that. */
function followKeys(store: Store, door: SshDoor, engine: Engine): () => void {
  const unregister = store.onChange(() => {
    door.dropRevoked();
    engine.recheck();
  });
  const timer = setInterval(() => door.dropRevoked(), RECHECK_MS).unref();
  return () => {
    unregister();
    clearInterval(timer);
  };
}

function noteReload(audit: Audit, log: Log, event: ReloadEvent): void {
  if (event.ok) log.info(`${event.what}: read again`, { digest: event.digest });
  else log.error(`${event.what}: cannot be used as they are; ${REMAINS[event.what]}`);
  for (const problem of event.problems) log[event.ok ? 'warn' : 'error'](problem);
  tryRecord(audit, log, event);
}

const REMAINS = {
  policies: 'the set before stays in force',
  keys: 'the clients concerned have no access until they are mended',
} as const;

/** For events that nobody waits for: what cannot be recorded is logged. */
function tryRecord(audit: Audit, log: Log, event: AuditEvent): void {
  try {
    audit.record(event);
  } catch (thrown) {
    log.error('audit: cannot record an event', { event: event.event, error: messageOf(thrown) });
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
