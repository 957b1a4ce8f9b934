/**
 * A Unix socket that only this process's user can open, at a path that may hold what a dead gateway left.
 */
import { lstatSync, mkdirSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { openSocketPath } from './socket-path.ts';

const PROBE_TIME_LIMIT_MS = 2000;

/**
 * Makes `server` listen on the Unix socket `path` with mode 0600. Its directory is made with mode 0700 where it is
 * missing; one that others may write to is refused. A socket on which nobody answers is replaced.
 *
 * @throws CarapaceError `configuration` where the path cannot be used or somebody answers on it
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  preparePlace(path);
  const place = openSocketPath(path);
  // Node unlinks the socket by this address when the server closes.
  server.once('close', place.close);
  await removeStale(path, place.address);
  try {
    await listen(server, place.address);
  } catch (error) {
    place.close();
    throw refused(path, visible(messageOf(error)), 'make its directory writable for the user that the gateway runs as');
  }
}

function preparePlace(path: string): void {
  const directory = dirname(path);
  let stats: Stats;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    stats = statSync(directory);
  } catch (error) {
    throw refused(path, visible(messageOf(error)), 'make its directory, with mode 700');
  }
  const user = process.geteuid?.() ?? 0;
  if (stats.uid !== user && stats.uid !== 0) {
    throw refused(path, `its directory belongs to user ${stats.uid}, expected ${user}`, `chown ${user} its directory`);
  }
  if ((stats.mode & 0o022) !== 0) throw refused(path, 'others may write to its directory', 'chmod 700 its directory');
}

async function removeStale(path: string, address: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw refused(path, 'there is something else, no socket', 'move it away');
  if (await isAnswered(address)) {
    const hint = 'stop that gateway first, or give this one a directory of its own with --dir';
    throw refused(path, 'another gateway answers on it', hint);
  }
  unlinkSync(path);
}

/** Whether somebody serves the Unix socket. Only a refusal proves that nobody does; whatever else happens counts as an answer. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    const settle = (answered: boolean): void => {
      probe.destroy();
      resolve(answered);
    };
    probe.setTimeout(PROBE_TIME_LIMIT_MS, () => settle(true));
    probe.once('connect', () => settle(true));
    probe.once('error', (error) => settle(errnoOf(error) !== 'ECONNREFUSED' && errnoOf(error) !== 'ENOENT'));
  });
}

/** The socket gets its mode from the umask: bind(2) happens within `listen`, so no other file is made meanwhile. */
async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o177);
    try {
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function refused(path: string, why: string, hint: string): CarapaceError {
  return new CarapaceError('configuration', `operator socket: ${visible(path, 1000)}: ${why}`, { hint });
}
