/** Checks of the users that tools run as, and of what keeps those apart from the gateway. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { whyUntrustedSocket } from '../engine/runner-found.ts';
import { findSetpriv } from '../engine/runners.ts';
import { lookUpUser } from '../engine/runner-users.ts';
import type { RunAs } from '../model/run-as.ts';
import { messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { withLimits } from '../runner/resource-limits.ts';
import { fail, type Finding, type Group, info, ok, warn } from './doctor-finding.ts';
import type { Host, PolicyTool } from './doctor-host.ts';

export const USERS: Group = {
  title: 'users that tools run as',
  checks: [
    { name: 'tools', run: toolUsers },
    { name: 'users', run: namedUsers },
    { name: 'per-client', run: perClient },
    { name: 'setpriv', run: setpriv },
    { name: 'prlimit', run: prlimit },
  ],
};

const isRoot = (): boolean => process.geteuid?.() === 0;

/** As whom each tool runs, the default of the configuration filled in. Without any tool: that default. */
function usersOf({ tools, config }: Host): RunAs[] {
  if (config === null) return [];
  const { runAs } = config;
  return tools === null || tools.length === 0 ? [runAs] : tools.map(({ tool }) => tool.runAs ?? runAs);
}

function toolUsers(host: Host): Finding[] {
  if (host.config === null) return [info('tools', 'are not looked at, as carapace.yaml is not valid')];
  const { runAs } = host.config;
  const isOwn = ({ tool }: PolicyTool): boolean => (tool.runAs ?? runAs).kind === 'gateway';
  const own = (host.tools ?? []).filter(isOwn).map(({ tool }) => tool.name);
  if (own.length === 0 && runAs.kind !== 'gateway') return [ok('tools', 'none runs as the user of the gateway')];
  const who = own.length === 0 ? 'tools whose policy does not say' : visible([...new Set(own)].join(', '), 1000);
  const user = isRoot() ? 'root, as the gateway does' : "the gateway's own user";
  return [
    warn(
      'tools',
      `${who}: run as ${user}, and could read its keys and secrets`,
      'make a user for tools (useradd --system NAME), say run_as: {user: NAME} in carapace.yaml, and restart the gateway',
    ),
  ];
}

async function namedUsers(host: Host): Promise<Finding[]> {
  const { config } = host;
  if (config === null) return [];
  const names = new Set(usersOf(host).flatMap((runAs) => (runAs.kind === 'user' ? [runAs.name] : [])));
  return Promise.all([...names].map((name) => userFinding(name, config)));
}

async function userFinding(name: string, { runnerSockets }: Config): Promise<Finding> {
  const subject = `user ${visible(name)}`;
  const found = await lookUpUser(name);
  if (!found.ok) return fail(subject, found.problem, 'name another one in run_as; useradd --system NAME makes one');
  if (isRoot()) return ok(subject, `has id ${found.user.uid}; the gateway starts its runner`);
  const socket = join(runnerSockets, `${name}.sock`);
  const problem = whyUntrustedSocket(socket, found.user);
  if (problem === undefined) return ok(subject, `has id ${found.user.uid}, and its runner at ${visible(socket, 4096)}`);
  return fail(subject, problem, `a gateway that is not root needs a runner of that user at ${visible(socket, 4096)}`);
}

function perClient(host: Host): Finding[] {
  if (!usersOf(host).some(({ kind }) => kind === 'per-client')) return [];
  const clientUids = host.config?.clientUids ?? null;
  if (!isRoot()) return [fail('per-client', 'takes a gateway that runs as root', 'run it as root, or name a user')];
  if (clientUids === null)
    return [
      fail('per-client', 'there is no range of user ids', 'say run_as: {client_uids: [FIRST, LAST]} in carapace.yaml'),
    ];
  const [first, last] = clientUids;
  const clients = host.snapshot.clients.size;
  if (clients > last - first + 1)
    return [fail('per-client', `${clients} clients, and ids from ${first} to ${last}`, 'widen client_uids')];
  return [ok('per-client', `ids from ${first} to ${last}`)];
}

function setpriv(host: Host): Finding[] {
  if (!isRoot() || usersOf(host).every(({ kind }) => kind === 'gateway')) return [];
  const path = findSetpriv();
  return [path === undefined ? fail('setpriv', 'is not there', 'install util-linux') : ok('setpriv', path)];
}

/** Looked for as for a call. */
function prlimit({ tools }: Host): Finding[] {
  const limited = (tools ?? []).find(({ tool }) => tool.limits.resources !== null);
  if (limited === undefined) return [];
  try {
    const { binary } = withLimits({ binary: process.execPath, argv: [] }, limited.tool.limits.resources);
    return [ok('prlimit', visible(binary, 4096))];
  } catch (error) {
    return [fail('prlimit', visible(messageOf(error), 1000), 'install util-linux')];
  }
}
