/** `carapace status`: what the running gateway is, and how it does. */
import type { StatusAnswer } from '../engine/operator-view.ts';
import { visible } from '../model/visible.ts';
import { resolveDirectory } from './directory.ts';
import { getFromGateway } from './operator-client.ts';
import { EXIT, paintFor, print, printJson } from './report.ts';
import { formatDuration } from './units.ts';

export interface StatusOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/** @throws CarapaceError `configuration`, or `unreachable` where no gateway answers */
export async function run(options: StatusOptions): Promise<number> {
  return showStatus(resolveDirectory(options.dir).operatorSocket, options.json === true);
}

/** The command on a given socket. @throws CarapaceError `unreachable` */
export async function showStatus(socketPath: string, json: boolean): Promise<number> {
  const status = (await getFromGateway(socketPath, '/v1/status')) as StatusAnswer;
  if (json) printJson(status);
  else for (const line of formatStatus(status)) print(line);
  return EXIT.ok;
}

function formatStatus(status: StatusAnswer): string[] {
  const { lastReload, audit, runner } = status;
  const commit = status.commit === null ? '' : ` (${visible(status.commit)})`;
  const rows: [name: string, value: string][] = [
    ['version', `${visible(status.version)}${commit}`],
    ['process', `${status.pid}, for ${formatDuration(status.uptimeSecs * 1000)}, since ${visible(status.startedAt)}`],
    ['listening on', status.listeners.map((listener) => visible(listener)).join(', ')],
    ['clients', String(status.clients)],
    ['connections', String(status.connections)],
    ['calls running', String(status.callsRunning)],
    ['policy', visible(status.policy)],
    ['loaded', `${visible(lastReload.at)}${lastReload.problems.length === 0 ? '' : ', with problems'}`],
    ['audit log', `${goodOrBad(audit.ok)}, ${audit.seq} records${lastErrorText(audit.lastError)}`],
    ['runner', `${goodOrBad(runner.ok)}${runner.pid === null ? '' : `, process ${runner.pid}`}`],
  ];
  const warning = paintFor(process.stdout, 'yellow', 'warning:');
  const problem = paintFor(process.stdout, 'red', 'problem:');
  return [
    ...rows.map(([name, value]) => `${name.padEnd(15)}${value}`),
    ...lastReload.problems.map((text) => `${problem} ${visible(text, 1000)}`),
    ...status.warnings.map((text) => `${warning} ${visible(text, 1000)}`),
  ];
}

function goodOrBad(ok: boolean): string {
  return ok ? paintFor(process.stdout, 'green', 'ok') : paintFor(process.stdout, 'red', 'failing');
}

function lastErrorText(error: string | null): string {
  return error === null ? '' : `, last error: ${visible(error, 1000)}`;
}
