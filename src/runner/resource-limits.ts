/**
 * Starts a program within limits, through prlimit(1): Node has no setrlimit(2), and a limit that is set on a process which
 * runs already comes too late.
 *
 * RLIMIT_NPROC counts the processes and threads of the *user*, the runner's own among them, so it bounds all calls of one
 * user together. RLIMIT_CPU and RLIMIT_AS count for each process.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import type { ResourceLimits } from '../model/run-as.ts';

/** Where util-linux lies. Never searched for: what is found on a path could be somebody's own. */
const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit'];

/** prlimit's option for each limit, and what /proc/PID/limits calls it (proc_pid_limits(5)). */
const KINDS = [
  ['cpuSeconds', '--cpu', 'Max cpu time'],
  ['memoryBytes', '--as', 'Max address space'],
  ['processes', '--nproc', 'Max processes'],
  ['openFiles', '--nofile', 'Max open files'],
] as const;

/** Limits are wanted, and nothing here can set them: nothing may be started. */
export class NoLimits extends Error {
  override readonly name = 'NoLimits';
}

export interface Program {
  readonly binary: string;
  readonly argv: readonly string[];
}

/**
 * What to start so that `program` runs within `limits`, soft and hard alike, its `argv[0]` as it would be without. What is
 * above the runner's own hard limit is taken down to it. The program itself where nothing is limited.
 *
 * @throws NoLimits where there is no prlimit
 * @throws the system's error where the program may not be started: prlimit would say so in the tool's own output
 */
export function withLimits(program: Program, limits: ResourceLimits | null, places = PRLIMIT): Program {
  const options = limits === null ? [] : optionsOf(limits);
  if (options.length === 0) return program;
  const prlimit = places.find((path) => existsSync(path));
  if (prlimit === undefined)
    throw new NoLimits(`limits: there is no ${places[0]} on this host, and without nothing runs`);
  accessSync(program.binary, constants.X_OK);
  return { binary: prlimit, argv: [...options, '--', program.binary, ...program.argv] };
}

function optionsOf(limits: ResourceLimits): string[] {
  const own = ownHardLimits();
  return KINDS.flatMap(([name, option, line]) => {
    const wanted = limits[name];
    if (wanted === null) return [];
    const value = Math.min(wanted, own.get(line) ?? Number.POSITIVE_INFINITY);
    return [`${option}=${value}:${value}`];
  });
}

/** By their names; what is unlimited is not among them. Empty where there is no /proc, and no prlimit either. */
function ownHardLimits(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of readLimits().split('\n')) {
    const [, name, hard] = /^(Max [a-z ]+?) {2,}\S+ +([0-9]+) /.exec(line) ?? [];
    if (name !== undefined) found.set(name, Number(hard));
  }
  return found;
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}
