/** Opens the directory that a tool starts in, and holds it until the tool has. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';

/** Linux's O_PATH (open(2)): a place in the tree, for which no permission on the directory itself is needed. */
const O_PATH = 0o10000000;
const IS_LINUX = process.platform === 'linux';
const FLAGS = constants.O_DIRECTORY | constants.O_NOFOLLOW | (IS_LINUX ? O_PATH : constants.O_RDONLY);

export interface WorkingDirectory {
  /**
   * For `spawn`. On Linux a name of the open descriptor: the child resolves it in its own copy of the descriptors, before
   * execve closes them, so it starts in the directory that was compared, whatever the path means by then. Elsewhere the
   * path, and somebody who can replace a directory on it can do so between the comparison and the start.
   */
  readonly name: string;
  readonly close: () => void;
}

/**
 * Opens `path` and compares it with the device and inode of the directory that the decision was about. Returns undefined
 * where it is another one. Throws what open(2) and fstat(2) throw.
 */
export function openWorkingDirectory(expected: {
  path: string;
  dev: string;
  ino: string;
}): WorkingDirectory | undefined {
  const descriptor = openSync(expected.path, FLAGS);
  const close = (): void => closeSync(descriptor);
  try {
    const found = fstatSync(descriptor, { bigint: true });
    if (found.isDirectory() && String(found.dev) === expected.dev && String(found.ino) === expected.ino) {
      return { name: IS_LINUX ? `/proc/self/fd/${descriptor}` : expected.path, close };
    }
  } catch (error) {
    close();
    throw error;
  }
  close();
  return undefined;
}
