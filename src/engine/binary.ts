/**
 * Judges the program that a policy names: whoever can replace it runs as the tool and gets its credentials.
 *
 * Every directory and link that the path goes through counts, because a tool is started by the path as it is written.
 */
import type { Stats } from 'node:fs';
import { lstatSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

export type BinaryFinding =
  | { readonly kind: 'ok'; readonly realPath: string }
  /** There is nothing that can be started; `why` reads after the path. */
  | { readonly kind: 'missing'; readonly why: string }
  /** Somebody else can write or replace it; `why` names the place and its mode or owner. */
  | { readonly kind: 'insecure'; readonly why: string }
  /** It runs whatever its arguments say, so a policy that lets it run lets everything run; `name` is which one it is. */
  | { readonly kind: 'interpreter'; readonly realPath: string; readonly name: string };

/** As many links as Linux follows in one path (path_resolution(7)). */
const MAX_LINKS = 40;
const STICKY = 0o1000;
/** On macOS whoever is in group admin is root by sudo, and Homebrew's directories are writable by it. */
const ADMIN_GID = 80;

const MULTI_CALL = /^(busybox|toybox|coreutils)$/;
const INTERPRETERS =
  /^(sh|bash|rbash|dash|ash|zsh|ksh|ksh93|mksh|fish|csh|tcsh|busybox|toybox|pwsh|python|pypy|perl|ruby|node|nodejs|bun|deno|lua|luajit|php|tclsh|wish|expect|guile|Rscript|osascript|awk|gawk|mawk|nawk|original-awk|env|xargs|parallel|nice|ionice|nohup|setsid|timeout|stdbuf|chroot|unshare|nsenter|setpriv|sudo|doas|su|runuser|script|watch|time|flock)(-?[0-9][0-9.]*)?$/;

/**
 * Looks at a program's absolute path for a gateway that runs as user `uid`: root and that user may own and write what is
 * on the way, and nobody else. Group-writable is writable by others, unless the group is root's (or macOS's admin): who
 * is in a group changes without notice. Access control lists are not looked at. Never throws; what cannot be read is
 * insecure.
 */
export function inspectBinary(path: string, { uid }: { readonly uid: number }): BinaryFinding {
  try {
    const walked = walk(path, uid);
    if ('kind' in walked) return walked;
    const name = MULTI_CALL.test(basename(walked.realPath)) ? basename(path) : basename(walked.realPath);
    if (INTERPRETERS.test(name)) return { kind: 'interpreter', realPath: walked.realPath, name };
    return { kind: 'ok', realPath: walked.realPath };
  } catch (error) {
    const code = errnoOf(error) ?? 'unreadable';
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing', why: 'is not there' };
    return { kind: 'insecure', why: `cannot be looked at (${code})` };
  }
}

/** Where a walk has come to: `done` is a real path, whose last component `at` describes. */
interface Walk {
  readonly uid: number;
  done: string[];
  ahead: string[];
  at: Stats;
  links: number;
}

/** Goes the way that the kernel goes, one component at a time. Throws what lstat(2) and readlink(2) throw. */
function walk(path: string, uid: number): BinaryFinding | { readonly realPath: string } {
  const at = lstatSync('/');
  const way: Walk = { uid, done: [], ahead: stepsOf(path), at, links: 0 };
  let problem = problemOf('/', at, uid);
  while (problem === undefined && way.ahead.length > 0) problem = step(way);
  if (problem !== undefined) return { kind: 'insecure', why: problem };
  if (way.links > MAX_LINKS) return { kind: 'missing', why: 'goes through too many links' };
  if (!way.at.isFile() || (way.at.mode & 0o111) === 0) return { kind: 'missing', why: 'is not an executable file' };
  return { realPath: absolute(way.done) };
}

/** One component further; returns what is wrong with it. */
function step(way: Walk): string | undefined {
  const name = way.ahead.shift();
  if (name === undefined) return undefined;
  const here = name === '..' ? way.done.slice(0, -1) : [...way.done, name];
  const found = lstatSync(absolute(here));
  if (found.isSymbolicLink()) return follow(way, absolute(here), found);
  way.done = here;
  way.at = found;
  return problemOf(absolute(here), found, way.uid);
}

/** A link has no mode to speak of, and its owner matters only where others may put links as well. */
function follow(way: Walk, link: string, found: Stats): string | undefined {
  if (isWritableByOthers(way.at) && !isTrusted(found, way.uid)) return ownedByOther(link, found, way.uid);
  const target = readlinkSync(link);
  way.links += 1;
  way.ahead = way.links > MAX_LINKS ? [] : [...stepsOf(target), ...way.ahead];
  if (!target.startsWith('/')) return undefined;
  way.done = [];
  way.at = lstatSync('/');
  return undefined;
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function absolute(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

/** What is wrong with one file or directory on the way. */
function problemOf(path: string, found: Stats, uid: number): string | undefined {
  if (!isTrusted(found, uid)) return ownedByOther(path, found, uid);
  if (!isWritableByOthers(found)) return undefined;
  // In a sticky directory only the owner of an entry, the directory or root can rename or remove it (inode(7)).
  if (found.isDirectory() && (found.mode & STICKY) !== 0) return undefined;
  return `${quoted(path)} can be written by others (mode ${(found.mode & 0o7777).toString(8).padStart(4, '0')})`;
}

function ownedByOther(path: string, found: Stats, uid: number): string {
  return `${quoted(path)} is owned by user ${found.uid}, expected 0 or ${uid}`;
}

function isTrusted(found: Stats, uid: number): boolean {
  return found.uid === 0 || found.uid === uid;
}

function isWritableByOthers({ mode, gid }: Stats): boolean {
  const isRootsGroup = gid === 0 || (process.platform === 'darwin' && gid === ADMIN_GID);
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !isRootsGroup);
}
