import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/config-check.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { GatewayDirectory } from '../fixtures/gateway-directory.ts';
import { makeGatewayDirectory } from '../fixtures/gateway-directory.ts';

describe('config check', () => {
  let directory: GatewayDirectory;
  let out: string;
  const check = (json: boolean): Promise<number> => run({ dir: directory.path, json });

  beforeEach(() => {
    directory = makeGatewayDirectory();
    out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    directory.remove();
  });

  it('prints what is in force, without a file too', async () => {
    expect(await check(false)).toBe(0);
    expect(loadConfig('printed', out)).toMatchObject({ ok: true, config: { drainMs: 10_000 } });
    out = '';
    expect(await check(true)).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ok: true, config: { drain_secs: 10, listen: ['127.0.0.1:2222'] } });
  });

  it('says what is wrong, and ends with 78', async () => {
    writeFileSync(join(directory.path, 'carapace.yaml'), 'drain_sec: 1\n');
    await expect(check(false)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining("(did you mean 'drain_secs'?)"),
    });
    expect(await check(true)).toBe(78);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.stringContaining('carapace.yaml:1:1')]),
    });
  });
});
