/** The ways in which a runner is started, and what each brings: its socket, its installation, who may drive it. */
import { randomBytes } from 'node:crypto';

/** The first descriptor that a service manager passes: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_PASSED = 3;

export interface Manner {
  /** Where to listen: a path where nothing is yet, or a descriptor that listens already. */
  readonly listen: { readonly path: string } | { readonly fd: number };
  /** 32 hexadecimal digits that name the gateway's installation across its lives, and which of its runners this is. */
  readonly installation: string;
  /** Whether the first line on stdin is the control connection's secret, and the end of stdin the end of the gateway. */
  readonly hasGatewayOnStdin: boolean;
  /** Its user's own directory, for what its tools need; null where the gateway makes that. */
  readonly directory: string | null;
}

/**
 * Reads the argument list; undefined for anything but:
 *
 * - `SOCKET INSTALLATION`: started by a gateway as the gateway's own user;
 * - `--passed INSTALLATION`: started by a gateway that is root, as another user. The socket is passed as a service manager
 *   passes one, and lies where this user cannot reach it: none of its tools can connect, or put another in its place;
 * - `--found DIRECTORY`: started by a service manager at the first connection. There is no secret then: whoever may
 *   connect is the gateway, so the socket must be one that the tools' user cannot open. What earlier lives left running
 *   is the service manager's to end.
 */
export function readManner(args: readonly string[], env: NodeJS.ProcessEnv): Manner | undefined {
  const [first, second] = args;
  if (first === undefined || second === undefined || args.length !== 2) return undefined;
  if (first === '--found') {
    if (!isPassed(env) || !second.startsWith('/')) return undefined;
    const installation = randomBytes(16).toString('hex');
    return { listen: { fd: FIRST_PASSED }, installation, hasGatewayOnStdin: false, directory: second };
  }
  if (!/^[0-9a-f]{32}$/.test(second)) return undefined;
  const rest = { installation: second, hasGatewayOnStdin: true, directory: null };
  if (first !== '--passed') return { listen: { path: first }, ...rest };
  return isPassed(env) ? { listen: { fd: FIRST_PASSED }, ...rest } : undefined;
}

/** sd_listen_fds(3): the variables are this process's own only if they name it. */
function isPassed(env: NodeJS.ProcessEnv): boolean {
  return env['LISTEN_PID'] === String(process.pid) && env['LISTEN_FDS'] === '1';
}
