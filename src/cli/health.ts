/** `carapace health`: whether the running gateway can serve; for scripts and service managers. */
import type { HealthAnswer } from '../engine/operator-view.ts';
import { visible } from '../model/visible.ts';
import { resolveDirectory } from './directory.ts';
import { askGateway } from './operator-client.ts';
import { EXIT, paintFor, print, printJson } from './report.ts';

export interface HealthOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Exit status 0 where every check passed, 1 where one did not.
 *
 * @throws CarapaceError `configuration`, or `unreachable` where no gateway answers
 */
export async function run(options: HealthOptions): Promise<number> {
  return showHealth(resolveDirectory(options.dir).operatorSocket, options.json === true);
}

/** The command on a given socket. @throws CarapaceError `unreachable` */
export async function showHealth(socketPath: string, json: boolean): Promise<number> {
  const { status, body } = await askGateway(socketPath, '/v1/health');
  const health = body as Partial<HealthAnswer>;
  const ok = status === 200 && health.ok === true;
  if (json) printJson(body);
  else for (const line of formatHealth(ok, health)) print(line);
  return ok ? EXIT.ok : EXIT.no;
}

function formatHealth(ok: boolean, { checks = [] }: Partial<HealthAnswer>): string[] {
  const lines = checks.map((check) => {
    const word = check.ok ? paintFor(process.stdout, 'green', 'ok') : paintFor(process.stdout, 'red', 'failing');
    return `${visible(check.name)}: ${word}${check.message === null ? '' : `: ${visible(check.message, 1000)}`}`;
  });
  return [ok ? 'healthy' : 'not healthy', ...lines];
}
