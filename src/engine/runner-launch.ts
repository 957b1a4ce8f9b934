/** One life of a runner process: from its start until it is gone. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { connectRunner } from './runner-connection.ts';
import type { RunnerConnection } from './runner-connection.ts';
import { openPassedSocket } from './runner-passed-socket.ts';
import type { PassedSocket } from './runner-passed-socket.ts';
import { whyUnfit } from './runner-proof.ts';
import type { ExpectedUser } from './runner-proof.ts';
import { otherStartCommand, ownStartCommand } from './runner-start-command.ts';
import type { OtherUser } from './runner-start-command.ts';

export interface LaunchOptions {
  /** The runner's compiled main file. */
  readonly entry: string;
  /** Private directory for its socket. */
  readonly socketDirectory: string;
  /** Names the installation across lives: the new one sweeps what the one before left running. */
  readonly installation: string;
  /** Whom to start it as, which takes root; this process's own user if absent. */
  readonly as?: {
    readonly user: OtherUser;
    /** setpriv(1). */
    readonly setpriv: string;
    readonly loader: string | undefined;
  };
}

export interface RunnerLife {
  /** Null where there is no process, or none is known. */
  readonly pid: () => number | null;
  /** Resolves with undefined where the runner ended, or was ended, before it could be trusted. Never rejects. */
  readonly connection: Promise<RunnerConnection | undefined>;
  /** What was wrong with it, for the operator; undefined where nothing is known. */
  readonly problem: () => string | undefined;
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
/** Of what a runner of another user says on stderr, which is why it could not start. */
const MAX_COMPLAINT_CHARS = 2000;

/**
 * Starts a runner in a session of its own, with an empty environment and nothing open but a pipe each for stdin and
 * stdout, and the gateway's stderr for what Node says when it dies; of another user, a pipe instead, and its socket.
 * It is trusted once it proved who it is (`runner-proof.ts`), and killed where it cannot. Never throws.
 */
export function launchRunner(options: LaunchOptions): RunnerLife {
  let started: StartedRunner;
  try {
    started = startProcess(options);
  } catch (error) {
    return lifeThatNeverBegan(messageOf(error));
  }
  const { child, path } = started;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    // Only a process that never began reports its end here and not by `exit`.
    child.once('error', () => (child.pid === undefined ? resolve() : undefined));
  });
  const leave = (): void => {
    child.stdin.destroy();
    const deadline = setTimeout(() => child.kill('SIGKILL'), LEAVE_DEADLINE_MS);
    void exited.then(() => clearTimeout(deadline));
  };
  let problem: string | undefined;
  let isOver = false;
  const connection = admit(started, exited, expectedUser(options), (why) => {
    problem = why;
  });
  const finish = async (): Promise<void> => {
    await (await connection)?.closed;
    isOver = true;
    leave();
    await exited;
    rmSync(path, { force: true });
  };
  const stop = (): void => {
    // First, so that no call takes the KILL of its tool for the tool's own end.
    void connection.then((connected) => connected?.close());
    leave();
  };
  return {
    pid: () => child.pid ?? null,
    connection,
    problem: () => problem,
    isOver: () => isOver,
    ended: finish(),
    stop,
  };
}

/** Gives the runner its secret, connects once it listens, and kills it where it is not who it must be. Never rejects. */
async function admit(
  { child, path, complaint }: StartedRunner,
  exited: Promise<void>,
  expected: ExpectedUser,
  refuse: (problem: string) => void,
): Promise<RunnerConnection | undefined> {
  const secret = randomBytes(16).toString('hex');
  const kill = (): void => void child.kill('SIGKILL');
  const deadline = setTimeout(kill, READY_DEADLINE_MS);
  child.stdin.on('error', () => {});
  child.stdin.write(`${secret}\n`);
  child.stdout.on('error', () => {});
  const isReady = await new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true));
    void exited.then(() => resolve(false));
  });
  const connected = isReady
    ? connectRunner(path, secret, (hello) => whyUnfit(hello, expected, child.pid ?? 0))
    : undefined;
  void exited.then(() => connected?.close());
  const admission = await connected?.admitted;
  clearTimeout(deadline);
  if (admission?.ok === true) return connected;
  refuse(admission?.problem ?? complaint() ?? 'it ended before it was ready');
  kill();
  return undefined;
}

interface StartedRunner {
  readonly child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };
  /** Its socket. */
  readonly path: string;
  /** What it said on stderr, the end of it. */
  readonly complaint: () => string | undefined;
}

/** Throws what the system throws. */
function startProcess({ entry, socketDirectory, installation, as }: LaunchOptions): StartedRunner {
  if (as === undefined) {
    const path = join(socketDirectory, `${randomBytes(4).toString('hex')}.sock`);
    const { command, args } = ownStartCommand(entry, [path, installation]);
    const child = spawn(command, args, { ...ALONE, stdio: ['pipe', 'pipe', 'inherit'] });
    return { child, path, complaint: () => undefined };
  }
  const socket = openPassedSocket(socketDirectory);
  try {
    const { command, args } = otherStartCommand(as.setpriv, as.user, as.loader, entry, ['--passed', installation]);
    return startWithSocket(command, args, socket);
  } finally {
    socket.close();
  }
}

const ALONE = { cwd: '/', env: {}, detached: true } as const;

function startWithSocket(command: string, args: readonly string[], socket: PassedSocket): StartedRunner {
  const child = spawn(command, args, { ...ALONE, stdio: ['pipe', 'pipe', 'pipe', socket.descriptor] });
  let said = '';
  child.stderr?.setEncoding('latin1').on('data', (text: string) => {
    said = `${said}${text}`.slice(-MAX_COMPLAINT_CHARS);
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('a process without pipes');
  return { child: Object.assign(child, { stdin, stdout }), path: socket.path, complaint: () => complaintIn(said) };
}

/** The line that names what is wrong: an error's among the many that Node prints, else the last. */
function complaintIn(said: string): string | undefined {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((each) => /^(Error|[A-Z]\w*Error)\b/.test(each)) ?? lines.at(-1);
  if (line === undefined) return undefined;
  const hint = /Cannot find module|Permission denied|not found/.test(line) ? `; ${READABLE}` : '';
  return `${visible(line.trim(), MAX_COMPLAINT_CHARS)}${hint}`;
}

const READABLE = 'its user must be able to read the files of Carapace and to run Node';

function expectedUser({ as }: LaunchOptions): ExpectedUser {
  return as === undefined ? { kind: 'own' } : { kind: 'other', ...as.user };
}

function lifeThatNeverBegan(problem: string): RunnerLife {
  return {
    pid: () => null,
    connection: Promise.resolve(undefined),
    problem: () => problem,
    isOver: () => true,
    ended: Promise.resolve(),
    stop: () => undefined,
  };
}
