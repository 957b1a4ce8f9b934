/**
 * Opens the directory that a call wants to start in, and tells policy what is there. The runner later opens it again and
 * compares device and inode, so that what was decided is what is used.
 */
import { closeSync, constants, fstatSync, openSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf, messageOf } from '../model/error.ts';
import type { OpenedDirectory } from '../model/permit.ts';
import type { ToolRequest } from '../model/request.ts';
import { quoted } from '../model/visible.ts';
import type { Tool } from '../policy/policy.ts';
import { isInside } from '../policy/paths.ts';
import { directoryToOpen, type WorkingDirectory } from '../policy/working-directory.ts';

/** Directories of the kernel: behind them are other processes' files under innocent names. */
const KERNEL = ['/proc', '/sys', '/dev'];

/**
 * Looks at the directory that policy names for a request: the one entry for the gateway, the built-in `check` and
 * `policy explain`. An unknown tool opens nothing. Never throws.
 */
export function openRequestedDirectory(tool: Tool | undefined, request: ToolRequest): WorkingDirectory {
  const path = tool?.type === 'cli' ? directoryToOpen(tool, request) : null;
  return path === null || tool?.type !== 'cli' ? { kind: 'none' } : openDirectory(path, tool.cwdAllowed ?? []);
}

/**
 * Resolves `path` and those of `allowed` that exist to real paths, so that a symlink is judged by where it leads. What is
 * missing, unreadable, no directory, or in /proc, /sys or /dev (by either name) is refused. Never throws.
 */
export function openDirectory(path: string, allowed: readonly string[]): WorkingDirectory {
  try {
    const directory = lookAt(path);
    const named = posix.normalize(path);
    const kernel = KERNEL.find((root) => isInside(root, directory.path) || isInside(root, named));
    if (kernel !== undefined) return { kind: 'refused', message: `${quoted(path)} lies in ${kernel}` };
    return { kind: 'opened', directory, allowed: allowed.flatMap(realPathOf) };
  } catch (thrown) {
    const code = errnoOf(thrown) ?? messageOf(thrown);
    const message = code === 'ENOTDIR' ? 'is no directory' : `cannot be opened: ${code}`;
    return { kind: 'refused', message: `${quoted(path)} ${message}` };
  }
}

/** Linux's O_PATH (open(2)): a place in the tree, for which no permission on the directory itself is needed. */
const O_PATH = 0o10000000;

/**
 * The directory at `path`. On Linux its real path, device and inode are those of one open descriptor. Elsewhere they are
 * looked up one after the other, and somebody who swaps a directory on the way in between can have one judged by the path
 * of another. Throws what the file system throws.
 */
function lookAt(path: string): OpenedDirectory {
  if (process.platform !== 'linux') {
    const real = realpathSync.native(path);
    return directoryOf(real, statSync(`${real}/`, { bigint: true }));
  }
  const descriptor = openSync(path, O_PATH | constants.O_DIRECTORY);
  try {
    return directoryOf(readlinkSync(`/proc/self/fd/${descriptor}`), fstatSync(descriptor, { bigint: true }));
  } finally {
    closeSync(descriptor);
  }
}

function directoryOf(path: string, { dev, ino }: { dev: bigint; ino: bigint }): OpenedDirectory {
  return { path, dev: dev.toString(), ino: ino.toString() };
}

/** None where the path does not exist: nothing lies inside it then. */
function realPathOf(path: string): string[] {
  try {
    return [realpathSync.native(path)];
  } catch {
    return [];
  }
}
