import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { run, showConnections } from '../../src/cli/connections.ts';
import { type OperatorServer, startOperatorServer } from '../../src/engine/operator-server.ts';
import type { ConnectionsAnswer } from '../../src/engine/operator-view.ts';
import { CONNECTION, CONNECTIONS, operatorView } from '../engine/operator-fixtures.ts';
import { type Captured, captureOutput } from './captured-output.ts';

let directory: string;
let server: OperatorServer | undefined;
let output: Captured;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carapace-cli-'));
  mkdirSync(join(directory, 'state'), { mode: 0o700 });
  output = captureOutput();
});

afterEach(async () => {
  vi.useRealTimers();
  output.restore();
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

function socketPath(): string {
  return join(directory, 'state', 'operator.sock');
}

async function serveConnections(connections: () => ConnectionsAnswer): Promise<void> {
  const view = operatorView({ connections });
  server = await startOperatorServer({ path: socketPath(), view, log: { error: () => {} } });
}

it('shows a connection with its calls, one below the other', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(CONNECTION.connectedAt) + 125_000 });
  await serveConnections(() => CONNECTIONS);
  expect(await run({ dir: directory })).toBe(0);
  expect(output.stdout().split('\n')).toEqual([
    'CONNECTION  CLIENT   DOOR  PEER            KEY         FOR      RECEIVED  SENT       CALLS',
    'c1          claw-vm  ssh   10.0.0.7:51234  SHA256:abc  2 m 5 s  340 B     120.6 KiB  op r1 1.2 s',
    `${' '.repeat(85)}gh r2 1 m 30 s`,
    '',
  ]);
});

it('shows a heading alone where nobody is connected', async () => {
  await serveConnections(() => ({ connections: [] }));
  await run({ dir: directory });
  expect(output.stdout()).toBe('CONNECTION  CLIENT  DOOR  PEER  KEY  FOR  RECEIVED  SENT  CALLS\n');
});

it('is harmless whatever a peer is called', async () => {
  await serveConnections(() => ({ connections: [{ ...CONNECTION, peer: '\u001b[2J\n' }] }));
  await run({ dir: directory });
  expect(output.stdout()).toMatch(/^[\x20-\x7e\n]*$/);
  expect(output.stdout().split('\n')).toHaveLength(4);
});

it('prints the answer itself with --json', async () => {
  await serveConnections(() => CONNECTIONS);
  await run({ dir: directory, json: true });
  expect(JSON.parse(output.stdout())).toEqual(CONNECTIONS);
});

it('looks again and again with --watch, until it is told to stop', async () => {
  let looks = 0;
  const stop = new AbortController();
  await serveConnections(() => {
    looks += 1;
    if (looks === 3) stop.abort();
    return CONNECTIONS;
  });
  expect(await showConnections(socketPath(), true, 1, stop.signal)).toBe(0);
  expect(output.stdout().split('\n')).toHaveLength(4);
});

it('ends with an error where the gateway ends while it is watched', async () => {
  await serveConnections(() => CONNECTIONS);
  const watching = showConnections(socketPath(), true, 1);
  const failed = expect(watching).rejects.toMatchObject({ code: 'unreachable' });
  await vi.waitFor(() => expect(output.stdout()).not.toBe(''));
  await server?.close();
  await failed;
});

it.each(['0', '-1', 'x', '', '0.01', '100000'])('refuses --watch %j', async (watch) => {
  await expect(run({ dir: directory, watch })).rejects.toMatchObject({ code: 'usage' });
});

it('says where no gateway runs', async () => {
  await expect(run({ dir: directory })).rejects.toMatchObject({ code: 'unreachable' });
});
