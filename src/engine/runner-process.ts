/**
 * The processes that start this gateway's tools as the gateway's own user, and the directories that the tools get.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from './log.ts';
import type { ToolCommand, ToolStart } from './runner-call.ts';
import { makeDirectory, openToolDirectories } from './runner-directories.ts';
import type { ToolDirectories } from './runner-directories.ts';
import { launchRunner } from './runner-launch.ts';
import { superviseRunner } from './runner-supervisor.ts';
import type { Supervisor } from './runner-supervisor.ts';

export interface RunnerOptions {
  /** The gateway's state directory, which is there. No two gateways may have it at a time: each would sweep the other's tools. */
  readonly stateDirectory: string;
  /** The runner's compiled main file. Default: the one that was built with this module. */
  readonly entry?: string;
  /** Is told when a runner ends by itself. Default: nobody. */
  readonly log?: Pick<Log, 'warn'>;
}

export interface Runner {
  /** Starts a tool, and a runner first where there is none. Never rejects. */
  readonly start: (command: ToolCommand) => Promise<ToolStart>;
  readonly directories: ToolDirectories;
  /** Whether every process answers now: waits as long as they take. False where one is missing. Never rejects. */
  readonly ping: () => Promise<boolean>;
  /** For the operator's status. `pid` is null while a process is missing. `restarts` counts ends that nobody asked for. */
  readonly status: () => { readonly pid: number | null; readonly restarts: number };
  /** Ends the processes, and with them every tool. Nothing can be started any more. Never rejects. */
  readonly stop: () => Promise<void>;
}

/**
 * A runner waits for each child until it has called execve(2), which is on another processor; so two of them start nearly
 * twice as many tools in a second as one. More only take memory.
 */
const PROCESSES = Math.min(2, availableParallelism());
/** sockaddr_un holds 104 bytes on some systems and 108 on Linux, with the terminating NUL. */
const MAX_SOCKET_PATH = 103;

/** Starts the processes at once. Throws what the file system throws. */
export function openRunner({ stateDirectory, entry = builtEntry(), log }: RunnerOptions): Runner {
  const directory = makeDirectory(join(stateDirectory, 'runner'), 0o700);
  const socketDirectory = placeForSockets(directory);
  const directories = openToolDirectories(stateDirectory);
  const base = installationOf(directory);
  // Each has a name of its own, so that one that starts again does not sweep the tools of the other.
  const supervisors = Array.from({ length: PROCESSES }, (_, index) =>
    superviseRunner({
      launch: () => launchRunner({ entry, socketDirectory, installation: `${base}${index}` }),
      subject: 'runner',
      log,
    }),
  );
  return {
    directories,
    start: (command) => leastLoaded(supervisors).start(command),
    ping: async () => (await Promise.all(supervisors.map((supervisor) => supervisor.ping()))).every(Boolean),
    status: () => {
      const all = supervisors.map((supervisor) => supervisor.status());
      const missing = all.find(({ pid }) => pid === null);
      return { pid: (missing ?? all[0])?.pid ?? null, restarts: all.reduce((sum, one) => sum + one.restarts, 0) };
    },
    stop: async () => {
      await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
      if (socketDirectory !== directory) rmSync(socketDirectory, { recursive: true, force: true });
    },
  };
}

/** The first of the least loaded: one call at a time always goes to the same process, whose memory is warm. */
function leastLoaded(supervisors: readonly Supervisor[]): Supervisor {
  return supervisors.reduce((best, next) => (next.load() < best.load() ? next : best));
}

/** `main.js` beside a compiled engine; a source file names a source file, which takes a loader. */
export function builtEntry(): string {
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

/** The beginning of the names that this installation's tools carry: 31 hexadecimal digits, made once and kept. */
export function installationOf(directory: string): string {
  const path = join(directory, 'installation');
  try {
    const text = readFileSync(path, 'latin1').trim();
    if (/^[0-9a-f]{31}$/.test(text)) return text;
  } catch {
    // There is none yet.
  }
  const name = randomBytes(16).toString('hex').slice(1);
  writeFileSync(path, `${name}\n`, { mode: 0o600 });
  return name;
}
