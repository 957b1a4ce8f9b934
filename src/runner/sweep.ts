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

/** The variable for one call's tool: `CARAPACE_CALL=MARKER.TOKEN`. */
export function markerVariable(marker: string, token: string): string {
  return `${CALL_MARKER}=${marker}.${token}`;
}

export interface Sweeper {
  /** Has a look soon, because a call ended. */
  readonly callEnded: () => void;
  /** Looks until nothing is found, at most `MAX_LOOKS` times. Never rejects. */
  readonly sweep: () => Promise<void>;
}

/**
 * Kills every process that carries `marker` and a token of which `isLive` says no: so at start, before any call, all
 * that an earlier life left behind, and later what any call that ended left behind, however late it is found.
 */
export function createSweeper(marker: string, isLive: (token: string) => boolean): Sweeper {
  const buffer = Buffer.allocUnsafe(64 * 1024);
  const needle = Buffer.from(`${CALL_MARKER}=${marker}.`);
  let isDue = false;

  const look = async (): Promise<number> => {
    const pids = processes();
    let killed = 0;
    for (const [index, pid] of pids.entries()) {
      if (index % SLICE === SLICE - 1) await setImmediate();
      const token = tokenOf(pid, needle, buffer);
      // Read and signalled without giving way in between: nothing else narrows the window in which the number could
      // become another process's, and that takes all other numbers being used up within microseconds.
      if (token !== undefined && !isLive(token) && kill(pid)) killed += 1;
    }
    return killed;
  };
  const sweep = async (): Promise<void> => {
    for (let looks = 0; looks < MAX_LOOKS && (await look()) > 0; looks += 1) await setTimeout(LOOK_AGAIN_MS);
  };
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

/** The token in a process's environment; undefined where there is none, or where the process is another user's or gone. */
function tokenOf(pid: number, needle: Buffer, buffer: Buffer): string | undefined {
  const environment = environmentOf(pid, buffer);
  let at = environment.indexOf(needle);
  while (at > 0 && environment[at - 1] !== 0) at = environment.indexOf(needle, at + 1);
  if (at === -1) return undefined;
  const from = at + needle.length;
  return environment.toString('latin1', from, from + 32);
}

function environmentOf(pid: number, buffer: Buffer): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(`/proc/${pid}/environ`, 'r');
  } catch {
    return buffer.subarray(0, 0);
  }
  try {
    const size = readSync(descriptor, buffer, 0, buffer.length, null);
    if (size < buffer.length) return buffer.subarray(0, size);
    const chunks = [Buffer.from(buffer)];
    for (let more = size; more > 0; ) {
      more = readSync(descriptor, buffer, 0, buffer.length, null);
      chunks.push(Buffer.from(buffer.subarray(0, more)));
    }
    return Buffer.concat(chunks);
  } catch {
    return buffer.subarray(0, 0);
  } finally {
    closeSync(descriptor);
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
