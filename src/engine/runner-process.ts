/**
 * Keeps a runner there: the process that starts this gateway's tools as the gateway's own user.
 *
 * Invariant: a call never waits for a runner that cannot be had; it fails, and says when trying again may help.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from './log.ts';
import type { ToolCommand, ToolStart } from './runner-call.ts';
import { makeDirectory, openToolDirectories } from './runner-directories.ts';
import type { ToolDirectories } from './runner-directories.ts';
import { launchRunner } from './runner-launch.ts';
import type { RunnerLife } from './runner-launch.ts';

export interface RunnerOptions {
  /** The gateway's state directory, which is there. No two gateways may have it at a time: each would sweep the other's tools. */
  readonly stateDirectory: string;
  /** The runner's compiled main file. Default: the one that was built with this module. */
  readonly entry?: string;
  /** Is told when the runner ends by itself. Default: nobody. */
  readonly log?: Pick<Log, 'warn'>;
}

export interface Runner {
  /** Starts a tool, and the runner first where there is none. Never rejects. */
  readonly start: (command: ToolCommand) => Promise<ToolStart>;
  readonly directories: ToolDirectories;
  /** For the operator's status. `pid` is null while there is no process. `restarts` counts ends that nobody asked for. */
  readonly status: () => { readonly pid: number | null; readonly restarts: number };
  /** Ends the runner, and with it every tool. Nothing can be started any more. Never rejects. */
  readonly stop: () => Promise<void>;
}

/** A runner that lived this long did not die of how it was started. */
const SETTLED_MS = 5000;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;
/** sockaddr_un holds 104 bytes on some systems and 108 on Linux, with the terminating NUL. */
const MAX_SOCKET_PATH = 103;

/**
 * Starts a runner at once, so that what an earlier life of the gateway left running ends now, and again whenever it ends:
 * at once the first time, later and later where it keeps dying. Throws what the file system throws.
 */
export function openRunner({ stateDirectory, entry = builtEntry(), log }: RunnerOptions): Runner {
  const directory = makeDirectory(join(stateDirectory, 'runner'), 0o700);
  const socketDirectory = placeForSockets(directory);
  const launch = { entry, socketDirectory, installation: installationOf(directory) };
  const directories = openToolDirectories(stateDirectory);
  let life: RunnerLife | undefined;
  let isStopped = false;
  let restarts = 0;
  let failures = 0;
  let retryAt = 0;

  const begin = (): RunnerLife => {
    const startedAt = performance.now();
    const begun = launchRunner(launch);
    life = begun;
    void begun.ended.then(() => onEnd(performance.now() - startedAt));
    return begun;
  };
  const onEnd = (livedMs: number): void => {
    life = undefined;
    if (isStopped) return;
    restarts += 1;
    failures = livedMs < SETTLED_MS ? failures + 1 : 0;
    const delayMs = failures < 2 ? 0 : Math.min(MIN_RETRY_MS * 2 ** (failures - 2), MAX_RETRY_MS);
    retryAt = performance.now() + delayMs;
    log?.warn('runner: ended unexpectedly, and its calls with it; it is started again', { delayMs, restarts });
    setTimeout(() => (life === undefined && !isStopped ? begin() : undefined), delayMs).unref();
  };
  const start = async (command: ToolCommand): Promise<ToolStart> => {
    const retryAfterMs = Math.ceil(retryAt - performance.now());
    if (isStopped || (life === undefined && retryAfterMs > 0)) return { ...NO_RUNNER, retryAfterMs };
    const connection = await (life ?? begin()).connection;
    return connection === undefined ? { ...NO_RUNNER, retryAfterMs: MIN_RETRY_MS } : connection.start(command);
  };
  const stop = async (): Promise<void> => {
    isStopped = true;
    life?.stop();
    await life?.ended;
    if (socketDirectory !== directory) rmSync(socketDirectory, { recursive: true, force: true });
  };
  begin();
  return { start, directories, stop, status: () => ({ pid: life?.pid ?? null, restarts }) };
}

const NO_RUNNER = { ok: false, code: 'ELOST', message: 'no runner could be started' } as const;

/** `main.js` beside a compiled engine; a source file names a source file, which takes a loader. */
function builtEntry(): string {
  return fileURLToPath(new URL(`../runner/main${extname(import.meta.url)}`, import.meta.url));
}

/** Empties `directory` of the sockets of earlier lives, or takes a shorter one where its path is too long for a socket. */
function placeForSockets(directory: string): string {
  for (const name of readdirSync(directory)) {
    if (name.endsWith('.sock')) rmSync(join(directory, name), { force: true });
  }
  const isShort = Buffer.byteLength(join(directory, '00000000.sock')) <= MAX_SOCKET_PATH;
  return isShort ? directory : mkdtempSync(join(tmpdir(), 'carapace-'));
}

/** The name that this installation's tools carry, made once and kept. */
function installationOf(directory: string): string {
  const path = join(directory, 'installation');
  try {
    const text = readFileSync(path, 'latin1').trim();
    if (/^[0-9a-f]{32}$/.test(text)) return text;
  } catch {
    // There is none yet.
  }
  const name = randomBytes(16).toString('hex');
  writeFileSync(path, `${name}\n`, { mode: 0o600 });
  return name;
}
