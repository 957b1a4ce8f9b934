/**
 * Notices changes in directories: at once where the system tells, and within a second in any case, because watchers miss
 * events (network file systems, a directory that was replaced, a full inotify queue).
 */
import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';

/** Events closer together than this are one: editors write a file in several steps. */
const SETTLE_MS = 20;

/**
 * Calls `look` soon after something in one of the directories may have changed, and every `intervalMs`. Keeps no process
 * alive. `look` must not throw. Returns what ends it; no call comes after that.
 */
export function watchDirectories(directories: readonly string[], intervalMs: number, look: () => void): () => void {
  let soon: NodeJS.Timeout | undefined;
  const lookSoon = (): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      look();
    }, SETTLE_MS).unref();
  };
  const watchers = directories.map((directory) => watchIfPossible(directory, lookSoon));
  const interval = setInterval(look, intervalMs).unref();
  return () => {
    clearInterval(interval);
    clearTimeout(soon);
    for (const watcher of watchers) watcher?.close();
  };
}

/** Undefined where there is no directory yet or no watcher to be had: the interval does it alone then. */
function watchIfPossible(directory: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on('error', () => {
      watcher.close();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
