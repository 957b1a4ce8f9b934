/**
 * Finds what left its process group (a daemon, `setsid`) by the marker that every tool's environment carries, and kills
 * it. A net with known holes: a process that was given another environment, or that overwrites its own, is not found,
 * and where there is no /proc nothing is. Only a control group is complete.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { CALL_MARKER } from '../model/runner-messages.ts';

/** Calls that end within this time share one look at /proc. */
const LOOK_INTERVAL_MS = 500;
/** A look that killed something is followed by another, because what was killed may have been forking. */
const LOOK_AGAIN_MS = 20;
const MAX_LOOKS = 50;
/** Processes looked at before other work gets its turn: some 15 us each. */
const SLICE = 32;
const TOKEN_CHARS = 32;

const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);
const NOTHING = Buffer.alloc(0);

/**
 * The variable for one call's tool: `CARAPACE_CALL=MARKER.TOKEN`, where a marker is `INSTALLATION.PID`. The pid is the
 * runner's: of two that live at the same time, one of them busy leaving, neither takes the other's tools for its own.
 */
export function markerVariable(marker: string, token: string): string {
  return `${CALL_MARKER}=${marker}.${token}`;
}

export interface Sweeper {
  /** Has a look soon, because a call ended. */
  readonly callEnded: () => void;
  /** Looks until nothing is found, at most `MAX_LOOKS` times. Never rejects. */
  readonly sweep: () => Promise<void>;
}

/** Kills every process that carries `marker` and a token of which `isLive` says no, however long ago its call ended. */
export function createSweeper(marker: string, isLive: (token: string) => boolean): Sweeper {
  const prefix = Buffer.from(`${CALL_MARKER}=${marker}.`);
  const isOurs = (rest: string): boolean => !isLive(rest);
  let isDue = false;

  const sweep = (): Promise<void> => killAll(prefix, isOurs);
  const sweepLater = async (): Promise<void> => {
    await setTimeout(LOOK_INTERVAL_MS);
    isDue = false;
    await sweep();
  };
  return {
    sweep,
    callEnded: () => {
      if (isDue) return;
      isDue = true;
      void sweepLater();
    },
  };
}

/** Kills whatever earlier lives of this installation's runner left behind. To be done before the first call. */
export function sweepEarlierLives(installation: string): Promise<void> {
  return killAll(Buffer.from(`${CALL_MARKER}=${installation}.`), () => true);
}

async function killAll(prefix: Buffer, isOurs: (rest: string) => boolean): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS && (await look(prefix, isOurs)) > 0; looks += 1)
    await setTimeout(LOOK_AGAIN_MS);
}

async function look(prefix: Buffer, isOurs: (rest: string) => boolean): Promise<number> {
  let killed = 0;
  for (const [index, pid] of processes().entries()) {
    if (index % SLICE === SLICE - 1) await setImmediate();
    const rest = markedRest(environmentOf(pid), prefix);
    // Read and signalled without giving way in between: nothing else narrows the window in which the number could become
    // another process's, and that takes all other numbers being used up within microseconds.
    if (rest !== undefined && isOurs(rest) && kill(pid)) killed += 1;
  }
  return killed;
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^[1-9][0-9]*$/.test(name))
      .map(Number)
      .filter((pid) => pid !== process.pid);
  } catch {
    return [];
  }
}

/** What follows `prefix` in the variable that begins with it, as far as a token is long; undefined where there is none. */
function markedRest(environment: Buffer, prefix: Buffer): string | undefined {
  let at = environment.indexOf(prefix);
  while (at > 0 && environment[at - 1] !== 0) at = environment.indexOf(prefix, at + 1);
  if (at === -1) return undefined;
  const from = at + prefix.length;
  return environment.toString('latin1', from, from + TOKEN_CHARS);
}

/** Empty for a process that is another user's, a kernel's, or gone. Valid until the next call, which uses the same memory. */
function environmentOf(pid: number): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(`/proc/${pid}/environ`, 'r');
  } catch {
    return NOTHING;
  }
  try {
    const size = readSync(descriptor, SCRATCH, 0, SCRATCH.length, null);
    return size < SCRATCH.length ? SCRATCH.subarray(0, size) : readOn(descriptor);
  } catch {
    return NOTHING;
  } finally {
    closeSync(descriptor);
  }
}

function readOn(descriptor: number): Buffer {
  const chunks = [Buffer.from(SCRATCH)];
  for (let size = SCRATCH.length; size > 0; ) {
    size = readSync(descriptor, SCRATCH, 0, SCRATCH.length, null);
    chunks.push(Buffer.from(SCRATCH.subarray(0, size)));
  }
  return Buffer.concat(chunks);
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
