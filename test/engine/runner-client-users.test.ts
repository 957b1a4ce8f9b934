import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openClientUsers } from '../../src/engine/runner-client-users.ts';
import type { ClientUsersOptions } from '../../src/engine/runner-client-users.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-users-'));
  file = join(directory, 'client-users.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function ask(clients: readonly string[], options: Partial<ClientUsersOptions> = {}): Promise<readonly unknown[]> {
  const users = openClientUsers({ file, range: [7001, 7003], whoHasId: async () => undefined, ...options });
  const found = await Promise.all(clients.map(async (client) => users.of(client)));
  return found.map((one) => (one.ok ? one.user.uid : one.problem));
}

describe('a user for each client', () => {
  it('is a number without a name, its group, and no other group', async () => {
    const users = openClientUsers({ file, range: [7001, 7003], whoHasId: async () => undefined });
    expect(await users.of('a')).toEqual({ ok: true, user: { name: null, uid: 7001, gid: 7001, groups: [7001] } });
  });

  it('is never the same for two clients, also when they ask at once', async () => {
    expect(await ask(['a', 'b', 'a', 'c', 'b'])).toEqual([7001, 7002, 7001, 7003, 7002]);
  });

  it('stays the same in another life of the gateway', async () => {
    await ask(['a', 'b']);
    expect(await ask(['b', 'c', 'a'])).toEqual([7002, 7003, 7001]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is refused where the range is used up, and those that have one keep it', async () => {
    const [, , , fourth, first] = await ask(['a', 'b', 'c', 'd', 'a']);
    expect(fourth).toBe("run_as: a user for client 'd': no id is free from 7001 to 7003");
    expect(first).toBe(7001);
  });

  it('is none that this host has given to somebody', async () => {
    const whoHasId = async (id: number): Promise<string | undefined> => (id === 7001 ? 'user bob' : undefined);
    expect(await ask(['a', 'b', 'c'], { whoHasId })).toEqual([7002, 7003, expect.stringContaining('no id is free')]);
  });

  it('is refused where this host gave its number away later', async () => {
    await ask(['a']);
    expect(await ask(['a'], { whoHasId: async () => 'user bob' })).toEqual([
      "run_as: a user for client 'a': has id 7001, which this host has given to user bob",
    ]);
  });

  it('is refused where its number is not of the range any more', async () => {
    await ask(['a']);
    for (const [first, last] of [
      [8001, 8002],
      [6001, 7000],
    ] as const)
      expect(await ask(['a'], { range: [first, last] })).toEqual([
        `run_as: a user for client 'a': has id 7001, which is not from ${first} to ${last} any more`,
      ]);
  });

  it('is refused where nobody can tell whose a number is', async () => {
    const whoHasId = async (): Promise<undefined> => {
      throw new Error('no answer');
    };
    expect(await ask(['a'], { whoHasId })).toEqual(["run_as: a user for client 'a': no answer"]);
    expect(await ask(['a'])).toEqual([7001]);
  });

  it('is never root, nobody in 16 or 32 bits, or the user of this process', async () => {
    expect(await ask(['a'], { range: [65_535, 65_535] })).toEqual([expect.stringContaining('no id is free')]);
    expect(await ask(['a'], { range: [0, 0] })).toEqual([expect.stringContaining('no id is free')]);
    const own = process.geteuid?.() ?? 0;
    expect(await ask(['a'], { range: [own, own] })).toEqual([expect.stringContaining('no id is free')]);
  });
});

describe('the file of the clients and their users', () => {
  it.each([
    '',
    '{}',
    '[]',
    '{"format":2,"clients":{}}',
    '{"format":1,"clients":{"a":"7001"}}',
    '{"format":1,"clients":{"a":7001,"b":7001}}',
    '{"format":1,"clients":{"a":70',
  ])('is not written over where it is %j', async (text) => {
    writeFileSync(file, text, { mode: 0o600 });
    expect(await ask(['a'])).toEqual([expect.stringMatching(/client-users\.json': is not as it was written$/)]);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('is not believed where others may write to it', async () => {
    await ask(['a']);
    chmodSync(file, 0o666);
    expect(await ask(['a', 'b'])).toEqual(Array(2).fill(expect.stringContaining('others may write to it')));
  });

  it('keeps a client by any name that a client may have', async () => {
    const [first] = await ask(['__proto__', 'constructor']);
    expect(await ask(['constructor', '__proto__'])).toEqual([7002, first]);
  });
});
