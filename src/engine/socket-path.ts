/**
 * Unix sockets whose path is longer than a socket's address may be (unix(7): 107 bytes, 103 on macOS and the BSDs).
 */
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CarapaceError } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

const MAX_ADDRESS_BYTES = process.platform === 'linux' ? 107 : 103;

export interface SocketPath {
  /** What to bind or connect to. */
  readonly address: string;
  /** To be called when the socket is bound and closed again, or connected. */
  readonly close: () => void;
}

/**
 * The address of the socket at `path`: the path itself where it fits, else its directory by an open descriptor
 * (`/proc/self/fd/N/NAME`, proc(5)), so that no second place has to be protected.
 *
 * @throws CarapaceError `configuration` for a path that is too long on a system without /proc
 * @throws Error of the system where the directory cannot be opened
 */
export function openSocketPath(path: string): SocketPath {
  const excess = Buffer.byteLength(path) - MAX_ADDRESS_BYTES;
  if (excess <= 0) return { address: path, close: () => undefined };
  if (process.platform !== 'linux') {
    throw new CarapaceError('configuration', `socket: ${quoted(path, 4096)} is ${excess} bytes too long`, {
      hint: 'use a directory with a shorter path, or a symbolic link to this one',
    });
  }
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { address: join(`/proc/self/fd/${directory}`, basename(path)), close: () => closeSync(directory) };
}
