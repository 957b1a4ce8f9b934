/** Paths as text: compared by their components, never by their characters alone. */

/** True where `path` is `root` or below it. Both are absolute and real. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}
