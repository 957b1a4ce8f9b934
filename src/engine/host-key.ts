/**
 * The gateway's host key: what clients pin. Made once, by whichever command needs it first, and never replaced.
 */
import { generateKeyPairSync, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { fingerprint } from '../identity/public-key.ts';
import { formatPrivateKey, parsePrivateKey, publicBlobOf } from '../identity/private-key.ts';
import { CarapaceError, errnoOf } from '../model/error.ts';
import { quoted } from '../model/visible.ts';
import type { Trust } from './safe-file.ts';
import { OTHERS_MAY_ANYTHING, readTrustedFile, writeFileAtomically } from './safe-file.ts';
import { type FileOwner, prepareStateDirectory, stateOwner } from './state-directory.ts';

/** The host key. Its private half never leaves the process but into the SSH server. */
export interface HostKey {
  /** The private key as OpenSSH's file format: what ssh2's `hostKeys` takes. */
  readonly privateKeyFile: string;
  /** RFC 8709 section 4. */
  readonly publicBlob: Buffer;
  /** `ssh-ed25519 AAAA...`, without a comment. */
  readonly publicLine: string;
  /** `SHA256:...`, as ssh-keygen prints it. */
  readonly fingerprint: string;
}

/**
 * Reads `host_key` in the state directory, or makes both where there is none: the directory with mode 0700, the key with
 * 0600, and `host_key.pub` beside it. Of several processes that do so at once one makes the key and all get that one.
 * What root makes in the directory of a gateway that is another user belongs to that user.
 *
 * @throws CarapaceError `configuration` where others could have read or written it, or where it is no key; it is never
 * written over
 */
export function loadHostKey(stateDirectory: string): HostKey {
  const path = hostKeyPath(stateDirectory);
  const { owner, trust } = prepareStateDirectory(stateDirectory);
  const key = readHostKey(path, trust) ?? makeHostKey(path, owner) ?? readHostKey(path, trust);
  if (key !== undefined) return key;
  throw new CarapaceError('configuration', `${quoted(path, 4096)}: was removed while it was made`);
}

/** The same for who only looks: undefined where there is none. @throws CarapaceError `configuration` as `loadHostKey` does */
export function findHostKey(stateDirectory: string): HostKey | undefined {
  return readHostKey(hostKeyPath(stateDirectory), stateOwner(stateDirectory).trust);
}

function hostKeyPath(stateDirectory: string): string {
  return join(stateDirectory, 'host_key');
}

/** Undefined where there is no file. */
function readHostKey(path: string, trust: Trust): HostKey | undefined {
  const text = readIfThere(path, trust);
  if (text === undefined) return undefined;
  const key = parsePrivateKey(text);
  if (key !== undefined) return hostKeyOf(text, publicBlobOf(key));
  throw new CarapaceError('configuration', `${quoted(path, 4096)}: is no unencrypted ed25519 key in OpenSSH's format`, {
    hint: 'put the right key back; clients pin it and refuse another one',
  });
}

function readIfThere(path: string, trust: Trust): string | undefined {
  try {
    return readTrustedFile(path, { ...trust, forbiddenMode: OTHERS_MAY_ANYTHING, maxBytes: 16_384 }).toString('latin1');
  } catch (error) {
    if (error instanceof CarapaceError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where another process was faster. */
function makeHostKey(path: string, owner: FileOwner | undefined): HostKey | undefined {
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = formatPrivateKey(privateKey, 'carapace', randomInt(2 ** 32));
  const key = hostKeyOf(text, publicBlobOf(privateKey));
  try {
    writeFileAtomically(path, text, { mode: 0o600, owner, replace: false });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined;
    throw error;
  }
  writeFileAtomically(`${path}.pub`, `${key.publicLine} carapace\n`, { mode: 0o644, owner, replace: true });
  return key;
}

function hostKeyOf(privateKeyFile: string, publicBlob: Buffer): HostKey {
  const publicLine = `ssh-ed25519 ${publicBlob.toString('base64')}`;
  return { privateKeyFile, publicBlob, publicLine, fingerprint: fingerprint(publicBlob) };
}
