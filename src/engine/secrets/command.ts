/**
 * Runs the program of a `command` reference and takes what it prints.
 *
 * It runs as the gateway's user, with nothing of the gateway's environment: a fixed `PATH`, `LANG`, and the `HOME` that
 * the user database names, because password managers (`op`, `pass`, `vault`, `security`) keep their sessions there. Its
 * stdin and stderr are /dev/null: what a program says when it fails may hold what it was to print.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { userInfo } from 'node:os';
import { errnoOf } from '../../model/error.ts';
import type { CommandReference } from '../../model/injection.ts';
import { inspectBinary } from '../binary.ts';
import { deferred } from '../deferred.ts';
import type { Found } from './resolve-text.ts';
import { foundBytes, MAX_VALUE_BYTES, missing } from './resolve-text.ts';

export interface Commands {
  /** Runs it once and waits for its end. Never rejects. Nothing of its process group is left then. */
  readonly run: (reference: CommandReference) => Promise<Found>;
  /** KILLs those that run; resolves when they are gone. `run` fails from then on. */
  readonly close: () => Promise<void>;
}

/** As a tool's. */
const PATH = '/usr/local/bin:/usr/bin:/bin';
/** How long the output may stay open after the program has ended, and how long a KILL may take. */
const GRACE_MS = 1000;

type Kill = (why: string) => void;

export function createCommands(): Commands {
  const running = new Map<Kill, Promise<Found>>();
  let isClosed = false;
  return {
    run: async (reference) => {
      const problem = isClosed ? 'the gateway is stopping' : programProblem(reference.argv[0]);
      if (problem !== undefined) return missing(problem);
      const started = start(reference);
      if (typeof started === 'string') return missing(started);
      const { kill, result } = watch(started, reference.timeLimitMs);
      running.set(kill, result);
      try {
        return await result;
      } finally {
        running.delete(kill);
      }
    },
    close: async () => {
      isClosed = true;
      for (const kill of running.keys()) kill('was ended, because the gateway is stopping');
      await Promise.all(running.values());
    },
  };
}

/** An interpreter is no risk here: no client has a word in the arguments. */
function programProblem(path: string): string | undefined {
  const finding = inspectBinary(path, { uid: process.getuid?.() ?? 0 });
  return finding.kind === 'missing' || finding.kind === 'insecure' ? finding.why : undefined;
}

/** In a process group of its own, so that all of it can be ended. Returns why it could not be started. */
function start({ argv: [program, ...args] }: CommandReference): ChildProcess | string {
  try {
    return spawn(program, args, {
      cwd: '/',
      env: { PATH, HOME: homeDirectory(), LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
      shell: false,
    });
  } catch (error) {
    return `cannot be started (${errnoOf(error) ?? 'internal error'})`;
  }
}

function homeDirectory(): string {
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an entry in the user database, as containers have.
    return '/';
  }
}

/** Waits for the end of the program and of its output, within bounds. */
function watch(child: ChildProcess, timeLimitMs: number): { readonly kill: Kill; readonly result: Promise<Found> } {
  const chunks: Buffer[] = [];
  let length = 0;
  let fault: string | undefined;
  const ended = deferred<void>();
  const group = groupOf(child.pid);
  let timer: NodeJS.Timeout;
  const kill = (why: string): void => {
    fault ??= why;
    group.kill();
    // Nothing is waited for any longer than this: what left the group may hold the pipe for ever, and a program that is
    // set-uid to another user cannot be ended.
    child.stdout?.destroy();
    clearTimeout(timer);
    timer = setTimeout(ended.resolve, GRACE_MS);
  };
  timer = setTimeout(kill, timeLimitMs, `did not end within ${timeLimitMs / 1000} s`);
  child.stdout?.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_VALUE_BYTES) chunks.push(chunk);
    else kill(`printed more than ${MAX_VALUE_BYTES} bytes`);
  });
  child.on('error', (error) => {
    fault ??= `cannot be started (${errnoOf(error) ?? 'internal error'})`;
  });
  child.on('exit', (status, signal) => {
    group.leaderReaped();
    if (status !== 0) return kill(signal === null ? `ended with status ${status}` : `died by ${signal}`);
    // What it left behind may still be printing: then there is no telling whether the value is whole.
    clearTimeout(timer);
    timer = setTimeout(kill, GRACE_MS, 'left a process behind that holds its stdout open');
  });
  // The last of its events, also where it never began.
  child.on('close', () => ended.resolve());
  const result = ended.promise.then(() => {
    clearTimeout(timer);
    group.kill();
    return takeValue(chunks, fault);
  });
  return { kill, result };
}

function takeValue(chunks: readonly Buffer[], fault: string | undefined): Found {
  const bytes = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  const problem = fault ?? (isNothing(bytes) ? 'printed nothing' : undefined);
  if (problem === undefined) return foundBytes(bytes);
  bytes.fill(0);
  return missing(problem);
}

/** Also for one newline, which is left out of a value. */
function isNothing(bytes: Buffer): boolean {
  return bytes.length <= 2 && ['', '\n', '\r\n'].includes(bytes.toString('latin1'));
}

interface Group {
  /** KILLs every member; does nothing once none is left. Never throws. */
  readonly kill: () => void;
  /** To be called in the leader's exit event, before anything else can run. */
  readonly leaderReaped: () => void;
}

/**
 * The process group of a program that was started `detached`. No signal goes to a number that may be somebody else's by
 * now: it is the group's while the leader is not reaped, and after that for as long as the group has a member, in which
 * time no process can get it. So a group that was empty once is never signalled again.
 */
function groupOf(leader: number | undefined): Group {
  let isReaped = false;
  let isGone = leader === undefined;
  const look = (): void => {
    if (leader !== undefined && isReaped && (signal(leader, 0) || !signal(-leader, 0))) isGone = true;
  };
  return {
    kill: () => {
      look();
      if (leader !== undefined && !isGone) signal(-leader, 'SIGKILL');
    },
    leaderReaped: () => {
      isReaped = true;
      look();
    },
  };
}

/** Whether there is anybody of that number, ours to signal or not. */
function signal(number: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(number, name);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
