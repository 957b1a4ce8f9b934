/** `carapace serve`: the gateway, until it is told to stop. */
import { setFlagsFromString } from 'node:v8';
import { parseListen } from '../config/listen.ts';
import type { ListenAddress } from '../model/listen-address.ts';
import { CarapaceError, messageOf } from '../model/error.ts';
import { formatProblem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import { type Directory, resolveDirectory } from './directory.ts';
import { readConfig } from './read-config.ts';
import { EXIT, reportThrown } from './report.ts';
import { type ServedGateway, startGateway } from './start-gateway.ts';

export interface ServeOptions {
  readonly dir?: string;
  /** Addresses in place of those in `carapace.yaml`. */
  readonly listen?: readonly string[];
}

/**
 * Serves until SIGTERM or SIGINT, then lets running calls end within `drain_secs` and resolves with 0. SIGHUP reads keys
 * and policies again. Signals count from the first moment on: one that comes during the start acts once that is done.
 *
 * @throws CarapaceError where the gateway cannot start
 */
export async function run(options: ServeOptions): Promise<number> {
  // A stream's buffers live for microseconds. Freed by a thread of its own, which a busy machine starves, they pile up.
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
  const directory = resolveDirectory(options.dir);
  let gateway: ServedGateway | undefined;
  const stopRequested = stopRequest(() => gateway);
  endAtDefects(() => gateway);
  gateway = await startGateway(directory, readConfig(directory), addresses(options.listen));
  announce(directory, gateway);
  await stopRequested;
  await gateway.stop();
  return EXIT.ok;
}

/** Tells what it serves on and what somebody should look at. Programs wait for `listening on`. */
function announce(directory: Directory, gateway: ServedGateway): void {
  for (const problem of gateway.snapshot().problems) {
    gateway.log[problem.severity === 'error' ? 'error' : 'warn'](formatProblem(problem));
  }
  for (const warning of gateway.warnings()) gateway.log.warn(warning);
  const { clients, policies } = gateway.snapshot();
  gateway.log.info(`gateway: serves ${directory.path}`, { clients: clients.size, policies: policies.size });
  for (const name of gateway.listeners) process.stderr.write(`listening on ${name}\n`);
}

/** Resolves at the first request to stop; a second one while calls drain ends them at once. */
function stopRequest(gateway: () => ServedGateway | undefined): Promise<void> {
  process.on('SIGHUP', () => gateway()?.reload());
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      gateway()?.log.info(`gateway: ${signal}: ${asked ? 'ends running calls' : 'stops'}`);
      if (asked) gateway()?.endCalls();
      asked = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** Enough of a stack to find a defect by, on one line of the log. */
const MAX_STACK_CHARS = 4000;

/**
 * The last resort. After an exception that nobody caught, or a rejection that nobody handled, nothing of the state can be
 * relied on: the process ends at once, and its runner, which notices, ends all tools.
 */
function endAtDefects(gateway: () => ServedGateway | undefined): void {
  process.on('uncaughtException', (thrown) => {
    const log = gateway()?.log;
    if (log === undefined) reportThrown(thrown);
    else log.error(`gateway: ends because of a defect: ${visible(thrown.stack ?? messageOf(thrown), MAX_STACK_CHARS)}`);
    process.exit(EXIT.software);
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
