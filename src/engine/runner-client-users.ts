/**
 * A user of its own for each client, a number from a configured range: `run_as: {user: per-client}`.
 *
 * Invariants: a number once given belongs to its client for ever, also after the client is gone, because files may be left
 * of it; no two clients have the same; none is given that a user or a group of this host has. A file that is not as it
 * was written here is never written over.
 */
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { quoted } from '../model/visible.ts';
import { deferred } from './deferred.ts';
import type { UserLookup } from './runner-users.ts';
import { readTrustedFile, writeFileAtomically } from './safe-file.ts';

export interface ClientUsers {
  /** The user of `client`, which is given one where it has none. Never rejects. */
  readonly of: (client: string) => Promise<UserLookup>;
}

export interface ClientUsersOptions {
  /** `state/client-users.json`. Whoever removes it must remove the homes of its users with it. */
  readonly file: string;
  /** First and last id, both included. */
  readonly range: readonly [first: number, last: number];
  /** What on this host has an id already; undefined where nothing has. May reject. */
  readonly whoHasId: (id: number) => Promise<string | undefined>;
}

/** 65535 and 4294967295 are -1 where ids have 16 and 32 bits, and mean "none" to setresuid(2). */
const NO_USERS: readonly number[] = [0xffff, 0xffff_ffff];
const FORMAT = 1;

/** Reads nothing before the first client asks. Never throws. */
export function openClientUsers(options: ClientUsersOptions): ClientUsers {
  let last: Promise<unknown> = Promise.resolve();
  return {
    // One at a time: two clients must not find the same number free.
    of: async (client) => {
      const before = last;
      const { promise, resolve } = deferred<void>();
      last = promise;
      await before;
      try {
        return await userOf(client, options);
      } catch (error) {
        return refused(client, messageOf(error));
      } finally {
        resolve();
      }
    },
  };
}

async function userOf(client: string, { file, range, whoHasId }: ClientUsersOptions): Promise<UserLookup> {
  const given = readGiven(file);
  const own = given.get(client);
  if (own !== undefined) return judged(client, own, range, await whoHasId(own));
  const taken = new Set(given.values());
  for (let id = range[0]; id <= range[1]; id += 1) {
    if (taken.has(id) || isNobody(id) || (await whoHasId(id)) !== undefined) continue;
    given.set(client, id);
    const content = { format: FORMAT, clients: Object.fromEntries(given) };
    writeFileAtomically(file, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600, replace: true });
    return numbered(id);
  }
  return refused(client, `no id is free from ${range[0]} to ${range[1]}`);
}

function judged(client: string, id: number, [first, last]: readonly [number, number], owner?: string): UserLookup {
  if (id < first || id > last) return refused(client, `has id ${id}, which is not from ${first} to ${last} any more`);
  if (isNobody(id)) return refused(client, `has id ${id}, as which no tool runs`);
  return owner === undefined ? numbered(id) : refused(client, `has id ${id}, which this host has given to ${owner}`);
}

function isNobody(id: number): boolean {
  return id <= 0 || id === process.geteuid?.() || NO_USERS.includes(id);
}

function numbered(id: number): UserLookup {
  return { ok: true, user: { name: null, uid: id, gid: id, groups: [id] } };
}

function refused(client: string, why: string): UserLookup {
  return { ok: false, problem: `run_as: a user for client ${quoted(client)}: ${why}` };
}

/** Throws where the file is there and is not as it was written here. */
function readGiven(file: string): Map<string, number> {
  const text = readIfThere(file);
  if (text === undefined) return new Map();
  const clients = clientsOf(parseJson(text));
  if (clients === undefined || new Set(clients.values()).size < clients.size) {
    const hint = 'put it back from a backup: without it two clients could get the same user';
    throw new CarapaceError('configuration', `${quoted(file, 4096)}: is not as it was written`, { hint });
  }
  return clients;
}

function readIfThere(file: string): string | undefined {
  try {
    return readTrustedFile(file).toString();
  } catch (error) {
    if (error instanceof CarapaceError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

function clientsOf(value: unknown): Map<string, number> | undefined {
  if (!isObject(value) || value['format'] !== FORMAT || !isObject(value['clients'])) return undefined;
  const clients = new Map<string, number>();
  for (const [client, id] of Object.entries(value['clients'])) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id)) return undefined;
    clients.set(client, id);
  }
  return clients;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
