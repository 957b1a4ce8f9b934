/**
 * How clients and their keys are shown: to people and to programs.
 */
import type { AddressRule } from '../identity/address.ts';
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import { isExpired } from '../identity/expiry.ts';
import { loadHostKey } from '../engine/host-key.ts';
import { visible } from '../model/visible.ts';
import { CLIENT_FOLDER, formatKnownHosts, formatSshConfig, gatewayAddress } from './client-connection.ts';
import type { Directory } from './directory.ts';
import { readConfig } from './read-config.ts';
import { print, reportWarning } from './report.ts';

/** A key as `--json` shows it. */
export interface KeyAnswer {
  readonly fingerprint: string;
  readonly type: string;
  readonly comment: string;
  readonly policies: readonly string[];
  /** Null for anywhere. */
  readonly from: readonly string[] | null;
  /** RFC 3339, UTC; null for never. */
  readonly expires: string | null;
  readonly expired: boolean;
  /** `file:line`. */
  readonly place: string;
}

/** Puts a key into the shape for programs. */
export function keyAnswer(key: AuthorizedKey): KeyAnswer {
  return {
    fingerprint: key.fingerprint,
    type: key.key.type,
    comment: key.comment,
    policies: key.policies,
    from: key.from?.map((rule) => rule.text) ?? null,
    expires: key.expiresAt === null ? null : new Date(key.expiresAt).toISOString(),
    expired: isExpired(key.expiresAt, Date.now()),
    place: `${key.place.file}:${key.place.line}`,
  };
}

/** A key in one line: `SHA256:... (ssh-ed25519): op, git; from 10.0.0.0/8; expires 2027-01-01T00:00:00.000Z`. */
export function describeKey(key: AuthorizedKey): string {
  const parts = [`${key.fingerprint} (${key.key.type}): ${key.policies.map((name) => visible(name)).join(', ')}`];
  if (key.from !== null) parts.push(`from ${formatFrom(key.from)}`);
  if (key.expiresAt !== null) parts.push(formatExpiry(key.expiresAt));
  return parts.join('; ');
}

/** The addresses of a `from`, with commas; `any` for null. */
export function formatFrom(from: readonly AddressRule[] | null): string {
  return from === null ? 'any' : from.map((rule) => visible(rule.text)).join(',');
}

function formatExpiry(expiresAt: number): string {
  const word = isExpired(expiresAt, Date.now()) ? 'expired' : 'expires';
  return `${word} ${new Date(expiresAt).toISOString()}`;
}

/** What the client's machine needs to know of the gateway. */
export interface ConnectionAnswer {
  readonly host: string;
  readonly port: number;
  readonly sshConfig: string;
  readonly knownHosts: string;
  /** Of the host key. */
  readonly hostKeyFingerprint: string;
  /** Why the client's machine may not reach this address; null where nothing speaks against it. */
  readonly doubt: string | null;
}

/** `--host` and `--port`. */
export interface AddressOptions {
  readonly host?: string;
  readonly port?: string;
}

/**
 * Collects what a client's machine needs; makes the host key if there is none.
 *
 * @throws CarapaceError `usage` for a bad address, `configuration` for a broken `carapace.yaml` or host key
 */
export function connectionAnswer(directory: Directory, client: string, options: AddressOptions): ConnectionAnswer {
  const { host, port, doubt } = gatewayAddress(readConfig(directory).listen, options);
  const hostKey = loadHostKey(directory.stateDirectory);
  return {
    host,
    port,
    sshConfig: formatSshConfig({ client, host, port }),
    knownHosts: formatKnownHosts(hostKey),
    hostKeyFingerprint: hostKey.fingerprint,
    doubt,
  };
}

/** Prints the same for people: comments, the ssh_config block, the known_hosts line; a doubtful address is a warning. */
export function printConnection({ sshConfig, knownHosts, hostKeyFingerprint, doubt }: ConnectionAnswer): void {
  print(`# ${CLIENT_FOLDER}/ssh_config (make the directory with: mkdir -p -m 700 ${CLIENT_FOLDER})`);
  print(sshConfig);
  print(`# ${CLIENT_FOLDER}/known_hosts (host key ${hostKeyFingerprint})`);
  print(knownHosts.trimEnd());
  if (doubt !== null)
    reportWarning(`address: ${doubt}`, 'name the one that the client machine uses with --host HOST --port PORT');
}
