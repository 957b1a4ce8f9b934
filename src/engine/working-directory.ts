/**
 * Opens the directory that a call wants to start in, and tells policy what is there. The runner later opens it again and
 * compares device and inode, so that what was decided is what is used.
 */
import { realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf, messageOf } from '../model/error.ts';
import type { ToolRequest } from '../model/request.ts';
import { quoted } from '../model/visible.ts';
import type { CliTool } from '../policy/policy.ts';
import { directoryToOpen, isInside, type WorkingDirectory } from '../policy/working-directory.ts';

/** Directories of the kernel: behind them are other processes' files under innocent names. */
const KERNEL = ['/proc', '/sys', '/dev'];

/**
 * Looks at the directory that policy names for a request: the one entry for the gateway, the built-in `check` and
 * `policy explain`. An unknown tool opens nothing. Never throws.
 */
export function openRequestedDirectory(tool: CliTool | undefined, request: ToolRequest): WorkingDirectory {
  const path = tool === undefined ? null : directoryToOpen(tool, request);
  return path === null ? { kind: 'none' } : openDirectory(path, tool?.cwdAllowed ?? []);
}

/**
 * Resolves `path` and those of `allowed` that exist to real paths, so that a symlink is judged by where it leads. What is
 * missing, unreadable, no directory, or in /proc, /sys or /dev (by either name) is refused. Never throws.
 */
export function openDirectory(path: string, allowed: readonly string[]): WorkingDirectory {
  try {
    const real = realpathSync.native(path);
    const named = posix.normalize(path);
    const kernel = KERNEL.find((root) => isInside(root, real) || isInside(root, named));
    if (kernel !== undefined) return { kind: 'refused', message: `${quoted(path)} lies in ${kernel}` };
    const stats = statSync(real, { bigint: true });
    if (!stats.isDirectory()) return { kind: 'refused', message: `${quoted(path)} is no directory` };
    const directory = { path: real, dev: stats.dev.toString(), ino: stats.ino.toString() };
    return { kind: 'opened', directory, allowed: allowed.flatMap(realPathOf) };
  } catch (thrown) {
    return { kind: 'refused', message: `${quoted(path)} cannot be opened: ${errnoOf(thrown) ?? messageOf(thrown)}` };
  }
}

/** None where the path does not exist: nothing lies inside it then. */
function realPathOf(path: string): string[] {
  try {
    return [realpathSync.native(path)];
  } catch {
    return [];
  }
}
