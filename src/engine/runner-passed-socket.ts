/**
 * The socket of a runner of another user, made by a gateway that is root and passed to it listening.
 *
 * Invariant: it lies in a directory that only root can enter, so no tool can connect to its runner, or put a socket of its
 * own in the place and read what is meant for others.
 */
import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';

/** What is to be passed, and how. */
export interface PassedSocket {
  readonly path: string;
  readonly descriptor: number;
  /** To be called once it was passed; only the runner accepts connections then. */
  readonly close: () => void;
}

/** As long as the runner's own. */
const BACKLOG = 4096;

/** Makes a socket that listens. Throws what the system throws. */
export function openPassedSocket(directory: string): PassedSocket {
  const path = join(directory, `${randomBytes(4).toString('hex')}.sock`);
  const server = createServer((connection) => connection.destroy());
  let failure: Error | undefined;
  server.on('error', (error) => {
    failure = error;
  });
  // It is bound and listens when this returns; only the news of it comes later.
  server.listen({ path: `${path}.new`, backlog: BACKLOG });
  const descriptor = descriptorOf(server);
  if (descriptor === undefined) throw failure ?? new Error('the socket of a runner cannot be made');
  // A server that is closed removes its socket, by the name that it gave it.
  renameSync(`${path}.new`, path);
  return { path, descriptor, close: () => server.close() };
}

/** Node has no other way to hand a listening socket on: spawn(2) takes numbers, and a server does not tell its own. */
function descriptorOf(server: Server): number | undefined {
  const { _handle: handle } = server as unknown as { readonly _handle: { readonly fd: number } | null };
  return handle !== null && Number.isInteger(handle.fd) && handle.fd >= 0 ? handle.fd : undefined;
}
