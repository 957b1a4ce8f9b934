/** The directories that tools get from the gateway: a home for each tool, and one place to start in. */
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenedDirectory } from '../model/permit.ts';

export interface ToolDirectories {
  /** HOME of a tool whose policy injects none: its own, 0700, empty until the tool puts something there. */
  readonly homeOf: (tool: string) => string;
  /** Whether `homeOf` makes it; else the runner does, as its own user. */
  readonly areHomesMade: boolean;
  /** Where a tool starts whose policy names no directory: nothing is in it, and nothing can be put there. */
  readonly empty: OpenedDirectory;
}

/** Makes them below `stateDirectory`, which is there. Throws what the file system throws. */
export function openToolDirectories(stateDirectory: string): ToolDirectories {
  const homes = makeDirectory(join(stateDirectory, 'home'), 0o700);
  const known = new Map<string, string>();
  return {
    areHomesMade: true,
    empty: opened(makeDirectory(join(stateDirectory, 'empty'), 0o555)),
    homeOf: (tool) => {
      const home = known.get(tool) ?? makeDirectory(join(homes, tool), 0o700);
      known.set(tool, home);
      return home;
    },
  };
}

/** The mode is set as well where the directory was there before: a umask or a person may have changed it. */
export function makeDirectory(path: string, mode: number): string {
  mkdirSync(path, { recursive: true, mode });
  chmodSync(path, mode);
  return path;
}

/** A directory that is there. Throws what stat(2) throws. */
export function opened(path: string): OpenedDirectory {
  const { dev, ino } = statSync(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino) };
}
