/** Psql, by the database and the user that it wants: the server here answers with what it was asked for. */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { ReadCall } from '../../../src/policy/profile/read-call.ts';
import { argumentLists } from './lists.ts';
import {
  ABBREVIATION,
  compare,
  expectAgreement,
  inDirectory,
  isInstalled,
  operandsOf,
  type Run,
  runEach,
  type Seen,
  shippedProfile,
} from './real-tool.ts';

/** Refuses a session, and tells its parameters, which stand behind length and version of the first message. */
function answer(socket: Socket): void {
  socket
    .on('error', () => undefined)
    .once('data', (message) => {
      const asked = message.subarray(8).toString('base64');
      const fields = Buffer.from(`SFATAL\0C28000\0Masked <${asked}>\0\0`);
      const header = Buffer.alloc(5, 'E');
      header.writeUInt32BE(fields.length + 4, 1);
      socket.end(Buffer.concat([header, fields]));
    });
}

function seenByPsql({ stderr }: Run): Seen {
  const [, encoded] = /asked <([A-Za-z0-9+/=]+)>/.exec(stderr) ?? [];
  if (encoded === undefined) return { refused: stderr };
  const [user, database] = ['user', 'database'].map(
    (name) => new RegExp(`(?:^|\\0)${name}\\0([^\\0]*)`).exec(Buffer.from(encoded, 'base64').toString())?.[1],
  );
  return { shown: [database, user] };
}

function psqlOf(call: ReadCall): unknown {
  const last = (name: string): string | undefined =>
    call.options.findLast(({ spec }) => spec.names.includes(name))?.values[0];
  const operands = operandsOf(call);
  const database = last('--dbname') ?? operands.shift();
  const user = last('--username') ?? operands.shift() ?? 'nobody';
  return [database ?? user, user];
}

describe.skipIf(!isInstalled('psql', '--version'))('psql', () => {
  it('reads as its profile does', async () => {
    const profile = shippedProfile('psql');
    const values: Readonly<Record<string, readonly string[]>> = {
      '--variable': ['v%=x', 'v%=-x'],
      '--pset': ['border=1', 'null=-x'],
      '--command': ['select', '-x', '--'],
    };
    const lists = argumentLists(profile, {
      only: ['-d', '-U', '-v', '-P', '-c', '-F', '-R', '-t', '-A', '-x', '-q', '-X', '-w', '-1', '--csv'],
      valuesOf: ({ names }) => values[names.at(-1) ?? ''] ?? ['v%', 'v%', '-x', '--', '-'],
      words: ['w%', '--', '--', '-', '-7', '--unknown', '-c'],
      longest: 5,
      count: 40,
    });
    const runs = await inDirectory(async (cwd) => {
      const server = createServer(answer);
      await new Promise<void>((resolve) => server.listen(join(cwd, '.s.PGSQL.5432'), resolve));
      try {
        return await runEach(['psql'], lists, {
          cwd,
          env: { PGHOST: cwd, PGPORT: '5432', PGUSER: 'nobody', PGSSLMODE: 'disable' },
        });
      } finally {
        server.close();
      }
    });
    expectAgreement(compare(profile, lists, runs.map(seenByPsql), psqlOf), {
      agreed: 12,
      stricter: new RegExp(`${ABBREVIATION.source}|one too many`),
      looser: /invalid connection option|invalid integer|invalid variable|could not set/,
    });
  });
});
