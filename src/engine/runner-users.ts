/** Looks up the users that tools may run as, and refuses those that they may not. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { quoted, visible } from '../model/visible.ts';
import type { OtherUser } from './runner-start-command.ts';

const run = promisify(execFile);

export type UserLookup =
  | { readonly ok: true; readonly user: OtherUser }
  /** `problem` is for the operator, and names the user. */
  | { readonly ok: false; readonly problem: string };

/** Names that useradd(8) makes; in particular none that begins with a dash, is a number or leads to another directory. */
const USER_NAME = /^[a-z_][a-z0-9_.-]{0,31}$/i;
/** id(1) and getent(1) by their whole paths: what is found on a path could be somebody's own. */
const ID = '/usr/bin/id';
const GETENT = '/usr/bin/getent';
/** A directory service that hangs holds one call's start, and no longer. */
const LOOKUP = { timeout: 5000, env: {} };
/** What getent(1) exits with where there is no such entry. */
const NO_ENTRY = 2;

/**
 * The ids and groups of a user of this host. Refused are root and its group, this process's own user, and whom the
 * host does not know.
 * Never rejects.
 */
export async function lookUpUser(name: string): Promise<UserLookup> {
  if (!USER_NAME.test(name)) return refused(name, 'is no name of a user');
  const found = await Promise.all([idOf('-u', name), idOf('-g', name), idOf('-G', name)]);
  const [[uid], [gid], groups] = found;
  if (uid === undefined || gid === undefined) return refused(name, 'this host knows no such user');
  if (uid === 0) return refused(name, 'is root, as which no tool runs');
  if (gid === 0 || groups.includes(0)) return refused(name, 'is in group 0, which files of the host belong to');
  if (uid === process.geteuid?.()) return refused(name, "is the gateway's own user, which could read its keys");
  return { ok: true, user: { name, uid, gid, groups } };
}

function refused(name: string, why: string): UserLookup {
  return { ok: false, problem: `run_as: user ${quoted(name, 40)}: ${why}` };
}

/** Empty for a user that is not there, and for anything but numbers. */
async function idOf(option: '-u' | '-g' | '-G', name: string): Promise<readonly number[]> {
  try {
    const { stdout } = await run(ID, [option, '--', name], LOOKUP);
    const words = stdout.trim().split(/\s+/);
    return words.every((word) => /^[0-9]{1,10}$/.test(word)) ? words.map(Number) : [];
  } catch {
    return [];
  }
}

/**
 * What on this host has `id` as a user's or a group's; undefined where nothing has.
 *
 * @throws Error where that cannot be told
 */
export async function whoHasId(id: number): Promise<string | undefined> {
  const found = await Promise.all([entryOf('passwd', id), entryOf('group', id)]);
  return found.find((entry) => entry !== undefined);
}

async function entryOf(database: 'passwd' | 'group', id: number): Promise<string | undefined> {
  try {
    const { stdout } = await run(GETENT, [database, String(id)], LOOKUP);
    return `${database === 'passwd' ? 'user' : 'group'} ${visible(stdout.split(':', 1)[0] ?? '', 40)}`;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === NO_ENTRY) return undefined;
    throw new Error(`${GETENT} does not tell whether this host has given id ${id} to somebody`, { cause: error });
  }
}
