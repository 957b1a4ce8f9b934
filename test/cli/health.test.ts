import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../src/cli/health.ts';
import { openAudit } from '../../src/engine/audit/audit.ts';
import { type OperatorServer, startOperatorServer } from '../../src/engine/operator-server.ts';
import type { HealthCheck } from '../../src/engine/operator-view.ts';
import { failing, operatorView, passing } from '../engine/operator-fixtures.ts';
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

async function serveChecks(...checks: HealthCheck[]): Promise<void> {
  const path = join(directory, 'state', 'operator.sock');
  server = await startOperatorServer({ path, view: operatorView({ checks }), log: { error: () => {} } });
}

it('is 0 where every check passes', async () => {
  await serveChecks(passing('audit'), passing('runner'));
  expect(await run({ dir: directory })).toBe(0);
  expect(output.stdout()).toBe('healthy\naudit: ok\nrunner: ok\n');
});

it('is 1 where a check fails, and says which and why', async () => {
  await serveChecks(passing('runner'), failing('audit', 'no space'));
  expect(await run({ dir: directory })).toBe(1);
  expect(output.stdout()).toBe('not healthy\nrunner: ok\naudit: failing: no space\n');
});

it('prints the answer itself with --json', async () => {
  await serveChecks(failing('audit', 'no space'));
  expect(await run({ dir: directory, json: true })).toBe(1);
  expect(JSON.parse(output.stdout())).toEqual({
    ok: false,
    checks: [{ name: 'audit', ok: false, message: 'no space' }],
  });
});

it('is an error of its own where no gateway answers', async () => {
  await expect(run({ dir: directory })).rejects.toMatchObject({ code: 'unreachable' });
});

it('fails with a real audit log that has gone away, and passes again once it is back', async () => {
  const place = join(directory, 'log');
  mkdirSync(place);
  const audit = openAudit({ file: join(place, 'audit.jsonl'), log: { error: () => {} } });
  await serveChecks({ name: 'audit', run: audit.check });
  expect(await run({ dir: directory })).toBe(0);
  rmSync(place, { recursive: true });
  expect(await run({ dir: directory })).toBe(1);
  mkdirSync(place);
  expect(await run({ dir: directory })).toBe(0);
  audit.close();
});
