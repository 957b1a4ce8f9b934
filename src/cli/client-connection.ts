/**
 * What a client's machine needs to reach the gateway with stock ssh: a block for its ssh_config, and the host key as a
 * known_hosts line.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { HostKey } from '../engine/host-key.ts';
import type { ListenAddress } from '../model/listen-address.ts';
import { CarapaceError } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

/** The name that the shim calls, and under which the host key is pinned whatever the gateway's address is. */
const HOST_ALIAS = 'carapace';

/** Where the files of a client's machine lie, as its ssh reads them. */
export const CLIENT_FOLDER = '~/.config/carapace';

/** Where a client finds the gateway. */
export interface GatewayAddress {
  readonly host: string;
  readonly port: number;
  /** Why this may not be what the client's machine can reach; null where it was given, or is one. */
  readonly doubt: string | null;
}

/**
 * The gateway's address as far as it is known here: what `--host` and `--port` say, else the first TCP address of
 * `listen`. For one that listens on all addresses, this host's name.
 *
 * @throws CarapaceError `usage` for a bad host or port
 */
export function gatewayAddress(
  listen: readonly ListenAddress[],
  options: { readonly host?: string; readonly port?: string },
): GatewayAddress {
  const first = listen.find((address) => address.kind === 'tcp') ?? { host: '127.0.0.1', port: 2222 };
  const port = options.port === undefined ? first.port : parsePort(options.port);
  if (options.host !== undefined) return { host: parseHost(options.host), port, doubt: null };
  if (port === 0) return { host: first.host, port, doubt: 'the gateway takes a free port at each start; give --port' };
  if (first.host === '0.0.0.0' || first.host === '::') {
    const host = hostname();
    return {
      host,
      port,
      doubt: `whether ${quoted(host)} is this host's name on the client's machine is not known here`,
    };
  }
  if (/^127\.|^::1$|^localhost$/.test(first.host)) {
    return { host: first.host, port, doubt: 'the gateway listens on loopback, which no other machine reaches' };
  }
  return { host: first.host, port, doubt: null };
}

/** What the block is made of. */
export interface SshConfigParts {
  readonly client: string;
  readonly host: string;
  readonly port: number;
  /** Directory of the client's machine for key, known_hosts and control socket; `~/.config/carapace` if absent. */
  readonly folder?: string;
}

/**
 * The block for ssh_config(5). ssh asks nothing, trusts only the pinned host key, offers only the one key, forwards
 * nothing, and says on stderr what is wrong (at `LogLevel ERROR` a lost connection would end in silence).
 */
export function formatSshConfig({ client, host, port, folder = CLIENT_FOLDER }: SshConfigParts): string {
  const options = [
    `HostName ${host}`,
    `Port ${port}`,
    `User ${HOST_ALIAS}`,
    `IdentityFile ${folder}/id_ed25519`,
    'IdentitiesOnly yes',
    'PreferredAuthentications publickey',
    'BatchMode yes',
    `HostKeyAlias ${HOST_ALIAS}`,
    `UserKnownHostsFile ${folder}/known_hosts`,
    'GlobalKnownHostsFile none',
    'StrictHostKeyChecking yes',
    'HostKeyAlgorithms ssh-ed25519',
    'UpdateHostKeys no',
    // Named, so that ssh 10.1 and later do not warn of it with each connection.
    'KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org',
    // AES-GCM first: node encrypts it half again as fast as ChaCha20-Poly1305, which ssh would choose.
    'Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com',
    'RequestTTY no',
    'ForwardAgent no',
    'ForwardX11 no',
    'ClearAllForwardings yes',
    'PermitLocalCommand no',
    'ConnectTimeout 10',
    'ServerAliveInterval 15',
    'ServerAliveCountMax 3',
    'ControlMaster auto',
    'ControlPersist 10m',
    `ControlPath ${folder}/${controlName(client)}`,
    'LogLevel INFO',
  ];
  return [`Host ${HOST_ALIAS}`, ...options.map((option) => `  ${option}`), ''].join('\n');
}

/** The known_hosts line (sshd(8)) that pins the host key under the alias. */
export function formatKnownHosts(hostKey: HostKey): string {
  return `${HOST_ALIAS} ${hostKey.publicLine}\n`;
}

/**
 * The name of the control socket: the client's, cut where it is long. ssh adds 17 characters while it makes the socket,
 * and with the longest home directories 104 bytes are soon used up.
 */
function controlName(client: string): string {
  const MAX_CHARS = 20;
  if (client.length <= MAX_CHARS) return `${client}.ctl`;
  const digest = createHash('sha256').update(client).digest('hex');
  return `${client.slice(0, MAX_CHARS - 9)}-${digest.slice(0, 8)}.ctl`;
}

function parseHost(text: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9.:%_-]*[A-Za-z0-9])?$|^::1?$/.test(text)) return text;
  throw new CarapaceError('usage', `--host: ${quoted(text)} is no host name or address`, {
    hint: 'give a name or an IP address without a port and without brackets',
  });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^[1-9]\d{0,4}$/.test(text) && port <= 65_535) return port;
  throw new CarapaceError('usage', `--port: ${quoted(text)} is no port from 1 to 65535`);
}
