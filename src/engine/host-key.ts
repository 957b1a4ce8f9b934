/**
 * The gateway's host key: what clients pin. Made once, by whichever command needs it first, and never replaced.
 */
import { generateKeyPairSync, randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from '../identity/public-key.ts';
import { formatPrivateKey, parsePrivateKey, publicBlobOf } from '../identity/private-key.ts';
import { CarapaceError, errnoOf } from '../model/error.ts';
import { quoted } from '../model/visible.ts';
import { checkTrustedDirectory, OTHERS_MAY_ANYTHING, readTrustedFile, writeFileAtomically } from './safe-file.ts';

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
 *
 * @throws CarapaceError `untrusted-file` where others could have read or written it, `bad-data` where it is no key;
 * it is never written over
 */
export function loadHostKey(stateDirectory: string): HostKey {
  const path = join(stateDirectory, 'host_key');
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  checkTrustedDirectory(stateDirectory);
  const key = readHostKey(path) ?? makeHostKey(path) ?? readHostKey(path);
  if (key !== undefined) return key;
  throw new CarapaceError('unreadable-file', `${quoted(path, 4096)}: was removed while it was made`);
}

/** Undefined where there is no file. */
function readHostKey(path: string): HostKey | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const key = parsePrivateKey(text);
  if (key !== undefined) return hostKeyOf(text, publicBlobOf(key));
  throw new CarapaceError('bad-data', `${quoted(path, 4096)}: is no unencrypted ed25519 key in OpenSSH's format`, {
    hint: 'put the right key back; clients pin it and refuse another one',
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readTrustedFile(path, { forbiddenMode: OTHERS_MAY_ANYTHING, maxBytes: 16_384 }).toString('latin1');
  } catch (error) {
    if (error instanceof CarapaceError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where another process was faster. */
function makeHostKey(path: string): HostKey | undefined {
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = formatPrivateKey(privateKey, 'carapace', randomInt(2 ** 32));
  const key = hostKeyOf(text, publicBlobOf(privateKey));
  try {
    writeFileAtomically(path, text, { mode: 0o600, replace: false });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined;
    throw error;
  }
  writeFileAtomically(`${path}.pub`, `${key.publicLine} carapace\n`, { mode: 0o644, replace: true });
  return key;
}

function hostKeyOf(privateKeyFile: string, publicBlob: Buffer): HostKey {
  const publicLine = `ssh-ed25519 ${publicBlob.toString('base64')}`;
  return { privateKeyFile, publicBlob, publicLine, fingerprint: fingerprint(publicBlob) };
}
