import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../src/cli/status.ts';
import { type OperatorServer, startOperatorServer } from '../../src/engine/operator-server.ts';
import type { StatusAnswer } from '../../src/engine/operator-view.ts';
import { operatorView, STATUS } from '../engine/operator-fixtures.ts';
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
  output.restore();
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

function socketPath(): string {
  return join(directory, 'state', 'operator.sock');
}

async function serveStatus(status: StatusAnswer): Promise<void> {
  const view = operatorView({ status: () => status });
  server = await startOperatorServer({ path: socketPath(), view, log: { error: () => {} } });
}

it('shows what the gateway is and how it does', async () => {
  await serveStatus(STATUS);
  expect(await run({ dir: directory })).toBe(0);
  expect(output.stdout().split('\n')).toEqual([
    'version        0.1.0 (abc1234)',
    'process        4711, for 1 h 2 m, since 2027-01-31T08:00:00.000Z',
    'listening on   127.0.0.1:2222',
    'clients        2',
    'connections    1',
    'calls running  1',
    'policy         d1d1d1',
    'loaded         2027-01-31T08:00:00.000Z',
    'audit log      ok, 42 records',
    'runner         ok, process 4712',
    '',
  ]);
});

it('shows what is wrong', async () => {
  await serveStatus({
    ...STATUS,
    commit: null,
    lastReload: { at: '2027-01-31T09:00:00.000Z', problems: ['policies/a.yaml:3:1: unknown key'] },
    audit: { ok: false, lastError: 'ENOSPC', seq: 42 },
    runner: { pid: null, ok: false },
    warnings: ['tools run as the gateway\u001b user'],
  });
  await run({ dir: directory });
  const lines = output.stdout().split('\n');
  expect(lines).toContain('audit log      failing, 42 records, last error: ENOSPC');
  expect(lines).toContain('runner         failing');
  expect(lines).toContain('loaded         2027-01-31T09:00:00.000Z, with problems');
  expect(lines).toContain('problem: policies/a.yaml:3:1: unknown key');
  expect(lines).toContain('warning: tools run as the gateway\\x1b user');
});

it('prints the answer itself with --json', async () => {
  await serveStatus(STATUS);
  expect(await run({ dir: directory, json: true })).toBe(0);
  expect(JSON.parse(output.stdout())).toEqual(STATUS);
});

it('says where no gateway runs', async () => {
  await expect(run({ dir: directory })).rejects.toMatchObject({
    code: 'unreachable',
    message: `gateway: not running at ${socketPath()}`,
    hint: expect.stringContaining('carapace serve'),
  });
});

it.each([
  ['an error', 500, '{"error":{}}'],
  ['no JSON', 200, 'hello'],
])('says where something answers with %s', async (_what, status, body) => {
  const other: Server = createServer((_request, response) => void response.writeHead(status).end(body));
  other.listen(socketPath());
  await once(other, 'listening');
  await expect(run({ dir: directory })).rejects.toMatchObject({ code: 'unreachable' });
  other.close();
  await once(other, 'close');
});
