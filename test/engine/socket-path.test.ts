import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSocketPath } from '../../src/engine/socket-path.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cs-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe('openSocketPath', () => {
  it('leaves a path that fits as it is', () => {
    const path = join(root, 'operator.sock');
    expect(openSocketPath(path).address).toBe(path);
  });

  it.skipIf(process.platform !== 'linux')(
    'binds and reaches a socket whose path is longer than an address',
    async () => {
      const directory = join(root, 'x'.repeat(150));
      mkdirSync(directory);
      const bound = openSocketPath(join(directory, 'operator.sock'));
      const server = createServer((socket) => socket.end('here')).listen(bound.address);
      await once(server, 'listening');
      const reached = openSocketPath(join(directory, 'operator.sock'));
      const client = connect(reached.address);
      const [data] = (await once(client, 'data')) as [Buffer];
      expect(data.toString()).toBe('here');
      reached.close();
      server.close();
      await once(server, 'close');
      bound.close();
    },
  );

  it('throws where the directory is missing', () => {
    expect(() => openSocketPath(join(root, 'y'.repeat(150), 'operator.sock'))).toThrow(/ENOENT/);
  });
});
