import { PassThrough } from 'node:stream';
import { loadProfiles } from '../../src/engine/profile-files.ts';
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallIo } from '../../src/engine/call-io.ts';
import type { Asked, Caller, Ending } from '../../src/engine/door-interface.ts';
import { Engine } from '../../src/engine/gateway.ts';
import { createLimiter } from '../../src/engine/limits.ts';
import type { KeyEntry, Snapshot } from '../../src/engine/snapshot.ts';
import { fingerprint, parsePublicKey } from '../../src/identity/public-key.ts';
import type { AuditEvent } from '../../src/model/audit-record.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Permit } from '../../src/model/permit.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { mergePolicies } from '../../src/policy/policy.ts';
import { rawKey } from '../helpers/raw-ssh.ts';

const POLICY = `
version: 1
tools:
  one: {type: cli, binary: /bin/true, argv_allow_patterns: ["go *"], max_concurrent: 1, env_allow: [LANG]}
  rated: {type: cli, binary: /bin/true, argv_allow_patterns: [go], rate_limit: {max_requests: 1, window_secs: 60}}
  secretive: {type: cli, binary: /bin/true, argv_allow_patterns: [go], show_patterns: false, stdin: stream}
`;

const DONE: Outcome = { kind: 'exited', status: 0, durationMs: 1, bytes: { stdin: 0, stdout: 0, stderr: 0 } };
const key = rawKey(generateKeyPairSync('ed25519').privateKey).blob;
const caller: Caller = {
  door: 'ssh',
  connection: 'c1',
  peer: '127.0.0.1:1',
  address: '127.0.0.1',
  key,
  client: 'vm',
  fingerprint: fingerprint(key),
};

function snapshot(expiresAt: number | null = null): Snapshot {
  const loaded = loadPolicy({ name: 'test', file: 'policies/test.yaml', text: POLICY, profiles: loadProfiles(null) });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const merged = mergePolicies([loaded.policy]);
  const parsed = parsePublicKey('ssh-ed25519', key.toString('base64'));
  if (!merged.ok || !parsed.ok) throw new Error('fixture');
  const entry: KeyEntry = {
    client: 'vm',
    key: parsed.key,
    fingerprint: fingerprint(key),
    policies: ['test'],
    tools: merged.tools,
    from: null,
    expiresAt,
    comment: '',
    directory: null,
    place: { file: 'authorized_keys.d/vm', line: 1, column: 1 },
  };
  return {
    keys: new Map([[key.toString('base64'), entry]]),
    clients: new Map([['vm', [entry]]]),
    policies: new Map(),
    digest: 'digest-of-this-snapshot',
    problems: [],
    loadedAt: 0,
  };
}

let current: Snapshot;
let order: string[];
let records: AuditEvent[];
let diskFull: boolean;
let run: (permit: Permit, io: CallIo) => Promise<Outcome>;
let engine: Engine;

beforeEach(() => {
  current = snapshot();
  order = [];
  records = [];
  diskFull = false;
  run = () => Promise.resolve(DONE);
  engine = new Engine({
    ownDirectories: [],
    snapshot: () => current,
    audit: {
      record: (event) => {
        if (diskFull) throw new Error('ENOSPC');
        order.push(event.event);
        records.push(event);
      },
    },
    limits: createLimiter(() => 0),
    http: { resolver: { resolve: vi.fn() }, upstreams: { open: vi.fn() } },
    run: (permit, _client, io) => {
      order.push('run');
      return run(permit, io);
    },
    log: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() },
  });
});

function io(): CallIo & { text: () => string } {
  const stdout = new PassThrough();
  return {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    gone: new AbortController().signal,
    onSignal: () => undefined,
    text: () => String(stdout.read() ?? ''),
  };
}

function ask(tool: string, argv: string[], env: Record<string, string> = {}): Asked {
  const request = { tool, argv, cwd: undefined, env: new Map(Object.entries(env)) };
  return { kind: 'tool', request, reply: 'raw', meta: new Map([['run', '42']]) };
}

function word(name: 'check' | 'tools' | 'whoami' | 'help' | 'ping' | 'tunnel', ...argv: string[]): Asked {
  const request = { tool: name, argv, cwd: undefined, env: new Map() };
  return { kind: 'word', word: name, request, reply: 'raw', meta: new Map() };
}

const serve = (asked: Asked, streams = io()): Promise<Ending> =>
  engine.serve(caller, asked, streams, () => order.push('started'));
const reasonOf = (ending: Ending): string => (ending.kind === 'refused' ? ending.refusal.reason : ending.kind);

describe('a request', () => {
  it('is recorded, announced, run and recorded again, in this order', async () => {
    expect(await serve(ask('one', ['go', 'x']))).toMatchObject({ kind: 'outcome', outcome: { kind: 'exited' } });
    expect(order).toEqual(['decision', 'started', 'run', 'outcome']);
    expect(records[0]).toMatchObject({
      verdict: 'allow',
      tool: 'one',
      argv: ['go', 'x'],
      meta: { run: '42' },
      client: 'vm',
      rule: 'policies/test.yaml:4',
      policy: 'digest-of-this-snapshot',
    });
    const [decision, outcome] = records;
    expect((outcome as { request: string }).request).toBe((decision as { request: string }).request);
  });

  it('does not run where its decision cannot be recorded, and gives its place back', async () => {
    diskFull = true;
    expect(reasonOf(await serve(ask('one', ['go', 'x'])))).toBe('audit-unavailable');
    expect(reasonOf(await serve(ask('one', ['no'])))).toBe('audit-unavailable');
    expect(reasonOf(await serve({ kind: 'invalid', reason: 'malformed', message: 'x' }))).toBe('audit-unavailable');
    expect(order).toEqual([]);
    diskFull = false;
    expect((await serve(ask('one', ['go', 'x']))).kind).toBe('outcome');
  });

  it('hands the executor a permit that holds what was decided, and the variables that pass', async () => {
    let seen: Permit | undefined;
    run = (permit) => {
      seen = permit;
      return Promise.resolve(DONE);
    };
    await serve(ask('one', ['go', 'x'], { LANG: 'de_DE', LD_PRELOAD: '/evil', PATH: '/evil' }));
    expect(seen).toMatchObject({ tool: 'one', binary: '/bin/true', argv: ['go', 'x'], stdin: 'none' });
    expect(seen?.env.get('LANG')).toBe('de_DE');
    expect(seen?.env.get('PATH')).toBe('/usr/local/bin:/usr/bin:/bin');
    expect(seen?.env.has('LD_PRELOAD')).toBe(false);
    expect(records[0]).toMatchObject({ env: ['LANG'], envDropped: 2 });
  });

  it('is refused beyond the limits, with a record, and admitted again afterwards', async () => {
    let end: (outcome: Outcome) => void = () => undefined;
    run = () => new Promise((resolve) => (end = resolve));
    const first = serve(ask('one', ['go', 'x']));
    expect(reasonOf(await serve(ask('one', ['go', 'y'])))).toBe('too-many');
    expect(records.at(-1)).toMatchObject({ verdict: 'deny', reason: 'too-many' });
    end(DONE);
    await first;
    run = () => Promise.resolve(DONE);
    expect((await serve(ask('one', ['go', 'z']))).kind).toBe('outcome');
    expect((await serve(ask('rated', ['go']))).kind).toBe('outcome');
    const limited = await serve(ask('rated', ['go']));
    expect(limited).toMatchObject({ kind: 'refused', refusal: { reason: 'rate-limited', retryAfterMs: 60_000 } });
  });

  it('is judged by the snapshot of its moment: a key that is gone or has expired may use nothing', async () => {
    current = snapshot(Date.now() - 5000);
    expect(reasonOf(await serve(ask('one', ['go', 'x'])))).toBe('no-such-tool');
    current = { ...snapshot(), keys: new Map() };
    expect(reasonOf(await serve(ask('one', ['go', 'x'])))).toBe('no-such-tool');
    expect(engine.lookUpKey(key, '127.0.0.1')).toEqual({ ok: false, reason: 'unknown-key' });
    const moved = snapshot();
    for (const [blob, entry] of moved.keys)
      current = { ...moved, keys: new Map([[blob, { ...entry, client: 'other' }]]) };
    expect(reasonOf(await serve(ask('one', ['go', 'x'])))).toBe('no-such-tool');
    expect(order).not.toContain('run');
  });

  it('fails closed where the engine itself is broken', async () => {
    run = () => Promise.reject(new Error('defect'));
    expect(reasonOf(await serve(ask('one', ['go', 'x'])))).toBe('internal');
    expect(records.at(-1)).toMatchObject({ event: 'outcome', kind: 'failed', reason: 'internal', status: 125 });
    run = () => Promise.resolve(DONE);
    expect((await serve(ask('one', ['go', 'x']))).kind).toBe('outcome');
  });

  it('that failed in its door is recorded as a denial, or says that it could not be', () => {
    expect(reasonOf(engine.fail(caller, new Error('defect in a door')))).toBe('internal');
    expect(records).toMatchObject([{ event: 'decision', verdict: 'deny', reason: 'internal', client: 'vm' }]);
    diskFull = true;
    expect(reasonOf(engine.fail(caller, 'not even an error'))).toBe('audit-unavailable');
  });

  it('that the engine cannot even judge is recorded as a denial', async () => {
    const request = { tool: 'one', argv: undefined as unknown as string[], cwd: undefined, env: new Map() };
    expect(reasonOf(await serve({ kind: 'tool', request, reply: 'raw', meta: new Map() }))).toBe('internal');
    expect(records).toMatchObject([{ event: 'decision', verdict: 'deny', reason: 'internal' }]);
  });

  it('that could not start is told why, and how to try again', async () => {
    run = () => Promise.resolve({ kind: 'failed', reason: 'tool-unavailable', message: 'not there', retryAfterMs: 5 });
    expect(await serve(ask('one', ['go', 'x']))).toMatchObject({
      kind: 'refused',
      refusal: { tool: 'one', reason: 'tool-unavailable', message: 'not there', retryAfterMs: 5 },
    });
    expect(records.at(-1)).toMatchObject({ event: 'outcome', kind: 'failed', reason: 'tool-unavailable', status: 69 });
  });

  it('is refused while the gateway drains, which ends when the last call has', async () => {
    let end: (outcome: Outcome) => void = () => undefined;
    run = () => new Promise((resolve) => (end = resolve));
    const running = serve(ask('one', ['go', 'x']));
    const drained = engine.drain();
    expect(reasonOf(await serve(ask('one', ['go', 'y'])))).toBe('draining');
    expect(records.at(-1)).toMatchObject({ event: 'decision', verdict: 'deny', reason: 'draining', tool: 'one' });
    expect(engine.running()).toHaveLength(1);
    end(DONE);
    await running;
    await drained;
    expect(engine.running()).toEqual([]);
  });

  it('that cannot be parsed is recorded as a denial', async () => {
    expect(reasonOf(await serve({ kind: 'invalid', reason: 'too-large', message: 'x' }))).toBe('too-large');
    expect(records).toMatchObject([
      { event: 'decision', verdict: 'deny', reason: 'too-large', tool: null, argv: null },
    ]);
  });

  it('for a tool of another client reads like one for a tool that does not exist', async () => {
    const [a, b] = [await serve(ask('gh', ['x'])), await serve(ask('zz', ['x']))];
    expect(a).toMatchObject({ kind: 'refused', refusal: { reason: 'no-such-tool' } });
    const text = (ending: Ending): string => (ending.kind === 'refused' ? ending.refusal.message : '');
    expect(text(a)).toBe(text(b));
  });
});

describe('the built-in words', () => {
  it('check decides, records and runs nothing', async () => {
    const streams = io();
    expect(await serve(word('check', 'one', 'go', 'x'), streams)).toMatchObject({ kind: 'answered', status: 0 });
    expect(streams.text()).toBe('allow: one: these arguments are allowed\n');
    expect(reasonOf(await serve(word('check', 'one', 'no')))).toBe('no-rule');
    expect(reasonOf(await serve(word('check')))).toBe('malformed');
    expect(order).toEqual(['decision', 'decision']);
    expect(records[0]).toMatchObject({ word: 'check', verdict: 'allow', tool: 'one' });
  });

  it('tools lists what the key may use, and shows patterns only where the policy does', async () => {
    const listing = io();
    await serve(word('tools'), listing);
    expect(listing.text()).toBe('one        cli\nrated      cli\nsecretive  cli  reads stdin\n');
    const one = io();
    await serve(word('tools', 'one'), one);
    expect(one.text()).toBe('one  cli\nallowed:\n  one go *\n');
    const hidden = io();
    await serve(word('tools', 'secretive'), hidden);
    expect(hidden.text()).not.toContain('go');
    const shim = io();
    await serve(word('tools', '--shim'), shim);
    expect(shim.text()).toBe('one cli none\nrated cli none\nsecretive cli stream\n');
    const json = io();
    await serve(word('tools', 'secretive', '--json'), json);
    expect(JSON.parse(json.text())).toEqual([{ name: 'secretive', type: 'cli', stdin: true, allow: null }]);
    expect(reasonOf(await serve(word('tools', 'nope')))).toBe('no-such-tool');
    expect(reasonOf(await serve(word('tools', '--json', '--shim')))).toBe('malformed');
    expect(reasonOf(await serve(word('tools', '--else')))).toBe('malformed');
    expect(reasonOf(await serve(word('tools', 'a', 'b')))).toBe('malformed');
  });

  it('whoami names the client and its key', async () => {
    const streams = io();
    await serve(word('whoami'), streams);
    expect(streams.text()).toBe(`client vm\nkey ${caller.fingerprint}\n`);
    const json = io();
    await serve(word('whoami', '--json'), json);
    expect(JSON.parse(json.text())).toMatchObject({ client: 'vm', key: caller.fingerprint, expires: null });
    expect(reasonOf(await serve(word('whoami', 'else')))).toBe('malformed');
  });

  it('help and ping answer, and tunnel leads nowhere in this version', async () => {
    const streams = io();
    await serve(word('ping'), streams);
    expect(streams.text()).toBe('pong\n');
    await serve(word('help'), streams);
    expect(streams.text()).toContain('ssh carapace tools');
    expect(reasonOf(await serve(word('tunnel', 'signal')))).toBe('no-such-tool');
  });
});
