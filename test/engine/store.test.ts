import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReloadEvent } from '../../src/model/audit-record.ts';
import type { Snapshot } from '../../src/engine/snapshot.ts';
import { keyStatus } from '../../src/engine/snapshot.ts';
import type { Store } from '../../src/engine/store.ts';
import { openStore, readSnapshot } from '../../src/engine/store.ts';
import { formatProblem } from '../../src/model/problem.ts';
import type { GatewayDirectory } from '../fixtures/gateway-directory.ts';
import { keyLine, makeGatewayDirectory, policyOf, someKey } from '../fixtures/gateway-directory.ts';

const blob = (key: string) => Buffer.from(key.split(' ')[1] ?? '', 'base64');
const problemsOf = (snapshot: Snapshot) => snapshot.problems.map(formatProblem);

describe('the store', () => {
  let directory: GatewayDirectory;
  let events: ReloadEvent[];
  const open: Store[] = [];

  /** Looks only when told to, so that a test sees each step. */
  const openQuietly = (rescanMs = 3_600_000): Store => {
    const store = openStore(directory, { onReload: (event) => void events.push(event), rescanMs });
    open.push(store);
    return store;
  };
  const changed = (store: Store): Promise<Snapshot> =>
    new Promise((resolve) => {
      const stop = store.onChange((next) => {
        stop();
        resolve(next);
      });
    });
  const status = (snapshot: Snapshot, key: string) => keyStatus(snapshot, blob(key), '10.0.0.1', Date.now());

  beforeEach(() => {
    directory = makeGatewayDirectory();
    events = [];
  });
  afterEach(() => {
    for (const store of open.splice(0)) store.close();
    directory.remove();
  });

  it('gives each key the tools of its policies', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writePolicy('q', policyOf('beta'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)) + keyLine('claw', someKey(2), 'p --policy q'));
    const snapshot = openQuietly().current();
    expect(problemsOf(snapshot)).toEqual([]);
    const tools = snapshot.clients.get('claw')?.map((entry) => [...entry.tools.keys()]);
    expect(tools).toEqual([['alpha'], ['alpha', 'beta']]);
    expect(status(snapshot, someKey(1))).toMatchObject({ ok: true, entry: { client: 'claw' } });
    expect(status(snapshot, someKey(3))).toEqual({ ok: false, reason: 'unknown-key' });
  });

  it('does not start on a broken policy, and names every error', () => {
    directory.writePolicy('a', 'tools: {x: {type: cli, binary: relative}}\n');
    directory.writePolicy('b', 'tols: {}\n');
    expect(() => openQuietly()).toThrow(/policies\/a\.yaml:1:\d+: [^]*policies\/b\.yaml:1:1: /);
  });

  it('does not start on a policy whose own tests fail', () => {
    directory.writePolicy('p', `${policyOf('alpha', 'x')}    tests: [{allow: y}]\n`);
    expect(() => openQuietly()).toThrow(/test failed/);
  });

  it('does not start without a policies directory', () => {
    rmSync(directory.policiesDirectory, { recursive: true });
    expect(() => openQuietly()).toThrow(/policies:1:1: does not exist/);
  });

  it('warns of programs that are missing or interpreters, and refuses one that others could replace', () => {
    const binary = (path: string) => policyOf('alpha').replace('/usr/bin/id', path);
    directory.writePolicy('p', binary('/nonexistent/tool'));
    expect(problemsOf(openQuietly().current())).toEqual([
      'policies/p.yaml:4:13: tools.alpha.binary: /nonexistent/tool: is not there',
    ]);
    directory.writePolicy('p', binary('/bin/sh'));
    expect(problemsOf(openQuietly().current()).join()).toMatch(
      /p\.yaml:4:13: tools\.alpha\.binary: \/bin\/sh: is \S+, which runs/,
    );
    const replaceable = join(directory.path, 'tool');
    writeFileSync(replaceable, '');
    chmodSync(replaceable, 0o777);
    directory.writePolicy('p', binary(replaceable));
    expect(() => openQuietly()).toThrow(/tools\.alpha\.binary: .* can be written by others/);
  });

  it('starts without a client, and says so', () => {
    rmSync(directory.keysDirectory, { recursive: true });
    expect(problemsOf(openQuietly().current())).toEqual([
      'authorized_keys.d:1:1: does not exist, so there is no client; carapace client add makes it',
    ]);
  });

  it('stops only the client whose file is broken', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('good', keyLine('good', someKey(1)));
    directory.writeKeys('bad', `${keyLine('bad', someKey(2))}nonsense\n`);
    const snapshot = openQuietly().current();
    expect([...snapshot.clients.keys()]).toEqual(['good']);
    expect(problemsOf(snapshot)).toEqual(['authorized_keys.d/bad:2:9: expected a key type and a key']);
  });

  it('gives a key that two clients claim to neither, even where one file is broken', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('a', keyLine('a', someKey(1)) + keyLine('a', someKey(2)));
    directory.writeKeys('b', `${keyLine('b', someKey(1))}nonsense\n`);
    const snapshot = openQuietly().current();
    expect(status(snapshot, someKey(1)).ok).toBe(false);
    expect(status(snapshot, someKey(2)).ok).toBe(true);
    expect(problemsOf(snapshot).join('\n')).toMatch(
      /authorized_keys\.d\/a:1:1: key SHA256:\S+ is also in authorized_keys\.d\/b:1;/,
    );
  });

  it('refuses a line whose policy does not exist, and says which was meant', () => {
    directory.writePolicy('openclaw', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1), 'openclow') + keyLine('claw', someKey(2), 'openclaw'));
    const snapshot = openQuietly().current();
    expect(snapshot.clients.get('claw')).toHaveLength(1);
    expect(problemsOf(snapshot)).toEqual([
      "authorized_keys.d/claw:1:1: policy 'openclow' does not exist (did you mean 'openclaw'?)",
    ]);
  });

  it('does not say of a policy that it does not exist where it only does not load', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writePolicy('q', 'tools: {beta: {type: cli}}\n');
    directory.writeKeys('claw', keyLine('claw', someKey(1), 'p'));
    const { clients, problems } = readSnapshot(directory);
    expect(clients.size).toBe(0);
    expect(problems.map(formatProblem)).toContain(
      "authorized_keys.d/claw:1:1: policy 'p' is not in force, as the policies that are there do not load",
    );
  });

  it('refuses a line whose policies define the same tool', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writePolicy('q', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1), 'p --policy q'));
    const snapshot = openQuietly().current();
    expect(snapshot.clients.size).toBe(0);
    expect(problemsOf(snapshot).join()).toContain('authorized_keys.d/claw:1:1: policies p and q cannot stand together');
  });

  it.each([
    [
      'a file that the group may write',
      (d: GatewayDirectory) => {
        chmodSync(join(d.keysDirectory, 'claw'), 0o664);
      },
      'has mode 0664: others may write to it (run: chmod go-w ',
    ],
    [
      'a directory that anybody may write to',
      (d: GatewayDirectory) => {
        chmodSync(d.keysDirectory, 0o777);
      },
      'has mode 0777: others may write to it (run: chmod go-w ',
    ],
    [
      'a directory in a file’s place',
      (d: GatewayDirectory) => {
        rmSync(join(d.keysDirectory, 'claw'));
        mkdirSync(join(d.keysDirectory, 'claw'));
      },
      'is no regular file',
    ],
    [
      'bytes that are no UTF-8',
      (d: GatewayDirectory) => {
        writeFileSync(join(d.keysDirectory, 'claw'), Buffer.from([0xff]));
      },
      'is no valid UTF-8',
    ],
  ])('takes no key from %s', (_, spoil, message) => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    spoil(directory);
    const snapshot = openQuietly().current();
    expect(snapshot.keys.size).toBe(0);
    expect(problemsOf(snapshot).join()).toContain(message);
  });

  it.runIf(process.getuid?.() === 0)('takes no key from a file of another user', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    chownSync(join(directory.keysDirectory, 'claw'), 12_345, 0);
    expect(problemsOf(openQuietly().current()).join()).toContain('belongs to user 12345, expected 0');
  });

  it('leaves alone what was put aside, and warns of what looks like a slip', () => {
    directory.writePolicy('p', policyOf('alpha'));
    for (const name of ['claw.bak', 'claw~', '.claw.swp', 'README.md', 'claw.disabled'])
      directory.writeKeys(name, 'nonsense');
    directory.writeKeys('Claw', 'nonsense');
    writeFileSync(join(directory.policiesDirectory, 'p.yml'), 'nonsense');
    expect(problemsOf(openQuietly().current())).toEqual([
      expect.stringContaining('authorized_keys.d/Claw:1:1: is not read'),
      expect.stringContaining('policies/p.yml:1:1: is not read'),
    ]);
  });

  it('ends a key at once when its line goes, whatever state the policies are in', async () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)) + keyLine('claw', someKey(2)));
    const store = openQuietly();
    directory.writePolicy('p', 'broken: [');
    directory.writeKeys('claw', keyLine('claw', someKey(2)));
    let next = await changed(store);
    while (status(next, someKey(1)).ok) next = await changed(store);
    expect(status(next, someKey(2)).ok).toBe(true);
    store.reload();
    expect(store.current().policies.get('p')?.tools.has('alpha')).toBe(true);
  });

  it('keeps all old policies where one new one is broken, loudly, and takes them all once it is mended', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writePolicy('q', policyOf('beta'));
    directory.writeKeys('claw', keyLine('claw', someKey(1), 'p --policy q'));
    const store = openQuietly();
    const before = store.current();
    directory.writePolicy('p', policyOf('gamma'));
    directory.writePolicy('q', 'tools: 5\n');
    store.reload();
    expect([...(store.current().clients.get('claw')?.[0]?.tools.keys() ?? [])]).toEqual(['alpha', 'beta']);
    expect(store.current().digest).toBe(before.digest);
    expect(problemsOf(store.current()).join()).toContain('policies/q.yaml:1:');
    expect(events.find((event) => event.what === 'policies')).toMatchObject({ ok: false, digest: before.digest });

    directory.writePolicy('q', policyOf('delta'));
    store.reload();
    expect([...(store.current().clients.get('claw')?.[0]?.tools.keys() ?? [])]).toEqual(['gamma', 'delta']);
    expect(store.current().digest).not.toBe(before.digest);
    expect(events.at(-1)).toMatchObject({ what: 'policies', ok: true, problems: [] });
  });

  it('notices a change without being told', async () => {
    directory.writePolicy('p', policyOf('alpha'));
    const store = openQuietly();
    const next = changed(store);
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    expect((await next).clients.has('claw')).toBe(true);
  });

  it('notices within the interval what no watcher tells: a directory that was replaced', async () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    const store = openQuietly(50);
    renameSync(directory.keysDirectory, `${directory.keysDirectory}.away`);
    mkdirSync(directory.keysDirectory, { mode: 0o755 });
    while (store.current().clients.size > 0) await changed(store);
    const next = changed(store);
    directory.writeKeys('other', keyLine('other', someKey(2)));
    expect([...(await next).clients.keys()]).toEqual(['other']);
  });

  it('sees through a file that has the same size and time as before', async () => {
    directory.writePolicy('p', policyOf('alpha'));
    const path = join(directory.keysDirectory, 'claw');
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    utimesSync(path, 1000, 1000);
    const store = openQuietly(50);
    writeFileSync(path, keyLine('claw', someKey(2)));
    utimesSync(path, 1000, 1000);
    while (!status(store.current(), someKey(2)).ok) await changed(store);
    expect(status(store.current(), someKey(1)).ok).toBe(false);
  });

  it('tells nobody who does not want to be told any more', () => {
    directory.writePolicy('p', policyOf('alpha'));
    const store = openQuietly();
    let told = 0;
    const stop = store.onChange(() => void (told += 1));
    store.reload();
    stop();
    store.reload();
    expect(told).toBe(1);
  });

  it('says nothing of a file that was written again as it was', async () => {
    directory.writePolicy('p', policyOf('alpha'));
    const store = openQuietly(20);
    directory.writePolicy('p', policyOf('alpha'));
    const next = changed(store);
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    await next;
    expect(events.map((event) => event.what)).toEqual(['keys']);
    expect(readSnapshot(directory).digest).toBe(store.current().digest);
  });

  it('swaps the whole snapshot: one that was taken does not change', () => {
    directory.writePolicy('p', policyOf('alpha'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    const store = openQuietly();
    const taken = store.current();
    rmSync(join(directory.keysDirectory, 'claw'));
    store.reload();
    expect(status(taken, someKey(1)).ok).toBe(true);
    expect(status(store.current(), someKey(1)).ok).toBe(false);
  });

  it('has the digest of `sha256sum authorized_keys.d/* policies/* | sha256sum`', async () => {
    const { spawnSync } = await import('node:child_process');
    directory.writePolicy('p', policyOf('alpha'));
    directory.writePolicy('q', policyOf('beta'));
    directory.writeKeys('claw', keyLine('claw', someKey(1)));
    const command = 'sha256sum authorized_keys.d/* policies/* | sha256sum';
    const printed = spawnSync('sh', ['-c', command], { cwd: directory.path, encoding: 'utf8' }).stdout;
    expect(printed.split(' ')[0]).toBe(openQuietly().current().digest);
  });
});
