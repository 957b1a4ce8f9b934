/** `carapace serve`: the gateway, until it is told to stop. */
import type { ListenAddress } from '../config/listen.ts';
import { parseListen } from '../config/listen.ts';
import { CarapaceError } from '../model/error.ts';
import { formatProblem } from '../model/problem.ts';
import { type Directory, resolveDirectory } from './directory.ts';
import { readConfig } from './read-config.ts';
import { EXIT } from './report.ts';
import { type ServedGateway, startGateway } from './start-gateway.ts';

export interface ServeOptions {
  readonly dir?: string;
  /** Addresses in place of those in `carapace.yaml`. */
  readonly listen?: readonly string[];
}

/**
 * Serves until SIGTERM or SIGINT, then lets running calls end within `drain_secs` and resolves with 0. SIGHUP reads keys
 * and policies again.
 *
 * @throws CarapaceError where the gateway cannot start
 */
export async function run(options: ServeOptions): Promise<number> {
  const directory = resolveDirectory(options.dir);
  const gateway = await startGateway(directory, readConfig(directory), addresses(options.listen));
  announce(directory, gateway);
  await stopRequest(gateway);
  await gateway.stop();
  return EXIT.ok;
}

/** Tells what it serves on and what somebody should look at. Programs wait for `listening on`. */
function announce(directory: Directory, gateway: ServedGateway): void {
  for (const problem of gateway.snapshot().problems) {
    gateway.log[problem.severity === 'error' ? 'error' : 'warn'](formatProblem(problem));
  }
  for (const warning of gateway.warnings) gateway.log.warn(warning);
  const { clients, policies } = gateway.snapshot();
  gateway.log.info(`gateway: serves ${directory.path}`, { clients: clients.size, policies: policies.size });
  for (const name of gateway.listeners) process.stderr.write(`listening on ${name}\n`);
}

/** Resolves at the first request to stop; a second one while calls drain ends them at once. */
function stopRequest(gateway: ServedGateway): Promise<void> {
  process.on('SIGHUP', () => gateway.reload());
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      gateway.log.info(`gateway: ${signal}: ${asked ? 'ends running calls' : 'stops'}`);
      if (asked) gateway.endCalls();
      asked = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function addresses(texts: readonly string[] | undefined): readonly ListenAddress[] | undefined {
  return texts?.map((text) => {
    const parsed = parseListen(text);
    if (!parsed.ok) {
      throw new CarapaceError('usage', `--listen: ${parsed.reason}`, { hint: 'for example: --listen 127.0.0.1:2222' });
    }
    return parsed.address;
  });
}
