/** Finds who listens on a TCP port: `nginx (process 412)`. Linux only, from /proc; elsewhere nobody is named. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { visible } from '../model/visible.ts';

/** State of a listening socket in /proc/net/tcp (proc(5)). */
const LISTENING = '0A';

/** Undefined where nobody can be named: another user's process, or a system without /proc. Never throws. */
export function holderOfPort(port: number): string | undefined {
  const inode = inodeOfListener('/proc/net/tcp', port) ?? inodeOfListener('/proc/net/tcp6', port);
  if (inode === undefined) return undefined;
  const pid = attempt(() => readdirSync('/proc').find((entry) => /^\d+$/.test(entry) && holdsSocket(entry, inode)));
  if (pid === undefined) return undefined;
  const name = attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) ?? 'process';
  return `${visible(name)} (process ${pid})`;
}

function inodeOfListener(table: string, port: number): string | undefined {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = attempt(() => readFileSync(table, 'latin1').split('\n').slice(1)) ?? [];
  for (const line of lines) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === LISTENING && fields[1]?.endsWith(`:${hexPort}`) === true) return fields[9];
  }
  return undefined;
}

function holdsSocket(pid: string, inode: string): boolean {
  const descriptors = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return descriptors.some((fd) => attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === `socket:[${inode}]`);
}

/** A process may end while it is looked at, and others' may not be looked at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
