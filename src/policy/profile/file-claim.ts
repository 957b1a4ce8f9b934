/**
 * Where a file that a wildcard stands for may lie: below the directory that the pattern spells, else below the tool's
 * allowed directories. Compared as text here; the engine then looks where the path really leads, before anything runs.
 */
import type { FileClaim } from '../../model/decision.ts';
import { isInside } from '../paths.ts';

/** What a call's relative paths start from, and where its files may lie without a pattern saying so. */
export interface Places {
  /** The real path of the working directory; null: the tool starts in an empty directory of its own. */
  readonly directory: string | null;
  /** Real paths of the tool's `cwd_allowed`; none where it has none. */
  readonly allowed: readonly string[];
}

export type ClaimedFile =
  /** Null: a relative path in the tool's own empty directory, where nothing is. */
  { readonly ok: true; readonly claim: Omit<FileClaim, 'value'> | null } | { readonly ok: false; readonly why: string };

/** Compared without case, as some file systems do. */
const GIT = /(?:^|\/)\.git(?:\/|$)/i;

/** Judges a path without `..` segments. `prefix` is what the pattern spells of it. Never throws. */
export function claimFile(path: string, prefix: string, writes: boolean, places: Places): ClaimedFile {
  const spelled = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const bad = nowhere(path, spelled, writes);
  if (bad !== undefined) return { ok: false, why: bad };
  const absolute = resolvePath(path, places.directory);
  if (absolute === null) {
    const inOwn = spelled === '' ? !writes : !spelled.startsWith('/');
    return inOwn ? { ok: true, claim: null } : { ok: false, why: ELSEWHERE };
  }
  if (isKernels(absolute)) return { ok: false, why: 'it lies in /proc, /sys or /dev' };
  const roots = spelled === '' ? places.allowed : [resolvePath(spelled, places.directory)];
  // Of several the widest: a link may lead from one to another that holds it.
  const holding = roots.filter((candidate) => candidate !== null && isInside(candidate, absolute));
  const root = holding.reduce(
    (widest, next) => (widest !== null && (next?.length ?? 0) >= widest.length ? widest : next),
    null,
  );
  return root === null ? { ok: false, why: ELSEWHERE } : { ok: true, claim: { path: absolute, root } };
}

const ELSEWHERE = 'it lies below no directory that this word of the pattern spells, nor below cwd_allowed';

/** What no wildcard stands for, wherever it lies. */
function nowhere(path: string, spelled: string, writes: boolean): string | undefined {
  if (path === '') return 'no wildcard stands for an empty path';
  if (path.startsWith('~')) return "no wildcard stands for a path that begins with '~'";
  if (path.includes('://')) return 'no wildcard of a file stands for a url';
  return writes && GIT.test(path) && !GIT.test(spelled)
    ? 'it lies in a .git directory, whose hooks and configuration run programs'
    : undefined;
}

/** True for what the kernel shows as files. */
export function isKernels(path: string): boolean {
  return ['/proc', '/sys', '/dev'].some((root) => isInside(root, path));
}

/** An absolute path without empty and `.` segments; null for a relative one where there is no directory. */
export function resolvePath(path: string, directory: string | null): string | null {
  if (!path.startsWith('/') && directory === null) return null;
  const whole = path.startsWith('/') ? path : `${directory ?? ''}/${path}`;
  return `/${whole
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/')}`;
}
