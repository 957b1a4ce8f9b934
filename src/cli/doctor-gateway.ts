/** Checks of the gateway that runs, where one does: asked through its operator socket. */
import { statSync } from 'node:fs';
import type { HealthAnswer, StatusAnswer } from '../engine/operator-view.ts';
import { CarapaceError, errnoOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { fail, type Finding, type Group, info, ok, warn } from './doctor-finding.ts';
import type { Host } from './doctor-host.ts';
import { askGateway, getFromGateway } from './operator-client.ts';
import { formatVersion, readVersion, type Version } from './version.ts';

export const GATEWAY: Group = { title: 'running gateway', checks: [{ name: 'gateway', run: gateway }] };

async function gateway({ directory: { operatorSocket, configFile }, command }: Host): Promise<Finding[]> {
  const status = await statusOf(operatorSocket);
  if (status === undefined) return [info('gateway', 'is not running', `start it: ${command('serve')}`)];
  const { body } = await askGateway(operatorSocket, '/v1/health');
  const { checks = [] } = body as Partial<HealthAnswer>;
  return [
    ok(
      'gateway',
      `process ${status.pid ?? 'unknown'}, listening on ${visible((status.listeners ?? []).join(', '), 1000)}`,
    ),
    versionFinding(status, readVersion()),
    ...configFinding(configFile, status.startedAt),
    ...checks.map(healthFinding),
  ];
}

/** Undefined where none runs. @throws CarapaceError `unreachable` where one does not answer as it should */
async function statusOf(operatorSocket: string): Promise<Partial<StatusAnswer> | undefined> {
  try {
    return (await getFromGateway(operatorSocket, '/v1/status')) as Partial<StatusAnswer>;
  } catch (error) {
    const code = error instanceof CarapaceError ? errnoOf(error.cause) : undefined;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

function versionFinding({ version = 'of another kind', commit = null }: Partial<Version>, own: Version): Finding {
  const [theirs, ours] = [visible(formatVersion({ version, commit })), visible(formatVersion(own))];
  if (theirs === ours) return ok('version', theirs);
  return warn('version', `the gateway is ${theirs}, this program is ${ours}`, 'restart the gateway');
}

/** It is read at the start alone, and all else that is said here is said of the file. */
function configFinding(file: string, startedAt = ''): Finding[] {
  // Not mtime: a file that is moved here keeps that.
  const changedAt = statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? 0;
  if (!(changedAt > Date.parse(startedAt))) return [];
  return [
    warn('carapace.yaml', 'was changed since the gateway started, which does not know of it', 'restart the gateway'),
  ];
}

function healthFinding({ name, ok: isGood, message }: HealthAnswer['checks'][number]): Finding {
  const subject = `health: ${visible(name)}`;
  return isGood ? ok(subject, 'passes') : fail(subject, visible(message ?? 'fails', 2000));
}
