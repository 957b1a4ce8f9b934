import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whyUntrustedSocket } from '../../src/engine/runner-found.ts';
import { FIRST_UID } from '../helpers/other-users.ts';

const USER = { uid: FIRST_UID, gid: FIRST_UID, groups: [FIRST_UID] };

describe.skipIf(process.geteuid?.() !== 0)('the socket of a runner that is found', () => {
  let root: string;
  const server = createServer();
  const outer = (): string => join(root, 'outer');
  const inner = (): string => join(root, 'outer', 'inner');
  const socket = (): string => join(inner(), 'tools.sock');

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'carapace-found-'));
    mkdirSync(inner(), { recursive: true });
    for (const path of [root, outer(), inner()]) chmodSync(path, 0o755);
    await new Promise<void>((resolve) => server.listen(socket(), resolve));
    chmodSync(socket(), 0o600);
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(root, { recursive: true, force: true });
  });

  it('is trusted where only root can put anything on the way to it', () => {
    expect(whyUntrustedSocket(socket(), USER)).toBeUndefined();
  });

  it('is not where others may write to a directory further up', () => {
    for (const mode of [0o777, 0o775]) {
      chmodSync(outer(), mode);
      expect(whyUntrustedSocket(socket(), USER)).toBe(
        `${outer()} has mode 0${mode.toString(8)}: others may write to it`,
      );
    }
  });

  it('is where that one is sticky, and not where its own is', () => {
    chmodSync(outer(), 0o1777);
    expect(whyUntrustedSocket(socket(), USER)).toBeUndefined();
    chmodSync(inner(), 0o1777);
    expect(whyUntrustedSocket(socket(), USER)).toBe(`${inner()} has mode 1777: others may write to it`);
  });

  it('is not behind a link', () => {
    symlinkSync(outer(), join(root, 'link'));
    expect(whyUntrustedSocket(join(root, 'link/inner/tools.sock'), USER)).toBe(`${join(root, 'link')} is no directory`);
  });
});
