/** `carapace connections`: who is connected, and what runs for them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionsAnswer, ConnectionState } from '../engine/operator-view.ts';
import { CarapaceError } from '../model/error.ts';
import { quoted, visible } from '../model/visible.ts';
import { resolveDirectory } from './directory.ts';
import { getFromGateway } from './operator-client.ts';
import { EXIT, print, printJson, table } from './report.ts';
import { formatBytes, formatDuration } from './units.ts';

export interface ConnectionsOptions {
  readonly dir?: string;
  readonly json?: boolean;
  /** Seconds between looks. Absent: one look. */
  readonly watch?: string;
}

const MAX_WATCH_SECS = 86_400;
const HEADING = ['CONNECTION', 'CLIENT', 'DOOR', 'PEER', 'KEY', 'FOR', 'RECEIVED', 'SENT', 'CALLS'];

/**
 * Runs the command. `--watch` ends only with the process, or when the gateway is gone.
 *
 * @throws CarapaceError `usage`, `configuration`, or `unreachable` where no gateway answers
 */
export async function run(options: ConnectionsOptions): Promise<number> {
  const watchMs = options.watch === undefined ? undefined : parseWatch(options.watch);
  return showConnections(resolveDirectory(options.dir).operatorSocket, options.json === true, watchMs);
}

/** The command on a given socket, once, or every `watchMs` milliseconds. @throws CarapaceError `unreachable` */
export async function showConnections(
  socketPath: string,
  json: boolean,
  watchMs?: number,
  signal?: AbortSignal,
): Promise<number> {
  for (;;) {
    const answer = (await getFromGateway(socketPath, '/v1/connections')) as ConnectionsAnswer;
    if (json) printJson(answer);
    else printTable(answer, watchMs !== undefined);
    if (watchMs === undefined || !(await waited(watchMs, signal))) return EXIT.ok;
  }
}

/** On a terminal each look takes the place of the one before. */
function printTable({ connections }: ConnectionsAnswer, watched: boolean): void {
  if (watched && process.stdout.isTTY) process.stdout.write('\u001b[H\u001b[2J');
  const now = Date.now();
  print(table([HEADING, ...connections.flatMap((connection) => rowsOf(connection, now))]));
}

/** A connection's first call stands in its own row, each further one in a row below. */
function rowsOf(connection: ConnectionState, now: number): string[][] {
  const { id, client, door, peer, key, connectedAt, bytes } = connection;
  const calls = connection.calls.map(
    ({ tool, request, ageMs }) => `${visible(tool)} ${visible(request)} ${formatDuration(ageMs)}`,
  );
  const cells = [id, client, door, peer, key].map((cell) => visible(cell));
  const age = formatDuration(Math.max(0, now - Date.parse(connectedAt)));
  const first = [...cells, age, formatBytes(bytes.received), formatBytes(bytes.sent), calls[0] ?? '-'];
  const blank = HEADING.slice(1).map(() => '');
  return [first, ...calls.slice(1).map((call) => [...blank, call])];
}

function parseWatch(text: string): number {
  const secs = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (secs >= 0.1 && secs <= MAX_WATCH_SECS) return secs * 1000;
  throw new CarapaceError('usage', `--watch: ${quoted(text)}, expected seconds from 0.1 to ${MAX_WATCH_SECS}`, {
    hint: 'see `carapace connections --help`',
  });
}

async function waited(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}
