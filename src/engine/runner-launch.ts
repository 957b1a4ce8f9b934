/** One life of a runner process: from its start until it is gone. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { connectRunner } from './runner-connection.ts';
import type { RunnerConnection } from './runner-connection.ts';

export interface LaunchOptions {
  /** The runner's compiled main file. */
  readonly entry: string;
  /** Private directory for its socket. */
  readonly socketDirectory: string;
  /** Names the installation across lives: the new one sweeps what the one before left running. */
  readonly installation: string;
}

export interface RunnerLife {
  /** Undefined where there is no process. */
  readonly pid: number | undefined;
  /** Resolves with undefined where the runner ended, or was ended, before it was ready. Never rejects. */
  readonly connection: Promise<RunnerConnection | undefined>;
  /** Whether nothing can be started in it any more, though its process may not be gone yet. */
  readonly isOver: () => boolean;
  /** Resolves when the process is gone and every call has been told. Never rejects. */
  readonly ended: Promise<void>;
  /** Asks it to leave, and KILLs it when it does not. */
  readonly stop: () => void;
}

/** Node starts in a tenth of it, and the sweep of an earlier life's tools takes a second at most. */
const READY_DEADLINE_MS = 10_000;
/** A runner that leaves KILLs its tools and sweeps, which takes a second at most; then the next one sweeps. */
const LEAVE_DEADLINE_MS = 3000;

/** A young generation of 3 MB keeps fork(2) cheap; the old one has room for the longest start line several times over. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=96'];
/** No tool leaves a core dump with credentials in it: limits are inherited, and Node has no setrlimit(2) of its own. */
const START = 'ulimit -c 0; exec "$@"';

/**
 * Starts a runner in a session of its own, with an empty environment and nothing open but a pipe each for stdin and
 * stdout, and the gateway's stderr for what Node says when it dies. Never throws.
 */
export function launchRunner({ entry, socketDirectory, installation }: LaunchOptions): RunnerLife {
  const path = join(socketDirectory, `${randomBytes(4).toString('hex')}.sock`);
  const secret = randomBytes(16).toString('hex');
  const command = [process.execPath, ...NODE_FLAGS, entry, path, installation];
  const child = spawn('/bin/sh', ['-c', START, 'carapace-runner', ...command], {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    // Only a process that never began reports its end here and not by `exit`.
    child.once('error', () => (child.pid === undefined ? resolve() : undefined));
  });
  const kill = (): void => void child.kill('SIGKILL');
  const isReady = new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true));
    void exited.then(() => resolve(false));
  });
  const readyDeadline = setTimeout(kill, READY_DEADLINE_MS);
  const connection = isReady.then((ready) => {
    clearTimeout(readyDeadline);
    return ready ? connectRunner(path, secret) : undefined;
  });
  const leave = (): void => {
    child.stdin.destroy();
    const deadline = setTimeout(kill, LEAVE_DEADLINE_MS);
    void exited.then(() => clearTimeout(deadline));
  };
  let isOver = false;
  const finish = async (): Promise<void> => {
    await (await connection)?.closed;
    isOver = true;
    leave();
    await exited;
    rmSync(path, { force: true });
  };
  child.stdin.on('error', () => {});
  child.stdin.write(`${secret}\n`);
  child.stdout.on('error', () => {});
  void exited.then(async () => (await connection)?.close());
  const stop = (): void => {
    // First, so that no call takes the KILL of its tool for the tool's own end.
    void connection.then((connected) => connected?.close());
    leave();
  };
  return { pid: child.pid, connection, isOver: () => isOver, ended: finish(), stop };
}
