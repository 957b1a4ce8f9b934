/**
 * The public key of a new client: read from what the client's machine sent, or made here.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { KeyLine } from '../identity/key-line.ts';
import { parseKeyLine } from '../identity/key-line.ts';
import type { PublicKey } from '../identity/public-key.ts';
import { parsePublicKey, whyUnsupported } from '../identity/public-key.ts';
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { quoted } from '../model/visible.ts';

/** A public key with the comment that stood behind it. */
export interface OfferedKey {
  readonly key: PublicKey;
  readonly comment: string;
}

/** A public key file has a hundred bytes, and the largest RSA key a few thousand. */
const MAX_KEY_FILE_CHARS = 65_536;

/**
 * Reads `--key FILE`, or standard input where the file is `-`.
 *
 * @throws CarapaceError `bad-data` where it holds anything but one public key of a type that the gateway verifies. No
 * message repeats what stands in the file.
 */
export async function readOfferedKey(file: string, stdin: Readable = process.stdin): Promise<OfferedKey> {
  const subject = file === '-' ? 'standard input' : quoted(file, 4096);
  return parseOfferedKey(await readText(file === '-' ? stdin : createReadStream(file), subject), subject);
}

/**
 * Makes a key pair with the host's ssh-keygen: `file` and `file.pub`. Never writes over a file.
 *
 * @throws CarapaceError `configuration` where that cannot be done
 */
export async function makeKey(file: string, client: string): Promise<OfferedKey> {
  const path = resolve(file);
  for (const taken of [path, `${path}.pub`]) {
    if (!existsSync(taken)) continue;
    throw new CarapaceError('configuration', `--new-key: ${quoted(taken, 4096)} exists already`, {
      hint: `use it with --key ${quoted(`${path}.pub`, 4096)}, or name another file`,
    });
  }
  const words = ['-q', '-t', 'ed25519', '-N', '', '-C', client, '-f', path];
  // Without standard input ssh-keygen cannot be told to overwrite a file that appeared just now.
  const made = spawnSync('ssh-keygen', words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (made.error !== undefined) {
    throw new CarapaceError('configuration', `ssh-keygen: cannot be run: ${messageOf(made.error)}`, {
      hint: 'install openssh-client, or make the key on the client machine and give its .pub file with --key',
    });
  }
  if (made.status !== 0) throw new CarapaceError('configuration', `ssh-keygen: ${quoted(made.stderr.trim())}`);
  return readOfferedKey(`${path}.pub`);
}

function parseOfferedKey(text: string, subject: string): OfferedKey {
  if (/PRIVATE KEY|^PuTTY-User-Key-File/m.test(text)) {
    throw badData(
      `${subject}: is a private key, which must not leave its machine`,
      'give the file beside it that ends in .pub',
    );
  }
  if (/^---- BEGIN SSH2 PUBLIC KEY/m.test(text)) {
    throw badData(`${subject}: is in the format of RFC 4716`, `convert it with: ssh-keygen -i -f FILE`);
  }
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(#|$)/.test(line));
  const [line] = lines;
  if (line === undefined) throw badData(`${subject}: holds no key`, 'expected the content of a .pub file');
  if (lines.length > 1)
    throw badData(`${subject}: holds ${lines.length} lines, expected one key`, 'add the keys one by one');
  const parsed = parseKeyLine(line);
  if (!parsed.ok)
    throw badData(`${subject}: is no public key (${parsed.reason})`, 'expected the content of a .pub file');
  return judgeLine(parsed.line, subject);
}

function judgeLine(line: KeyLine, subject: string): OfferedKey {
  if (line.options.length > 0)
    throw badData(`${subject}: has options before the key`, 'give them as --from and --expires');
  const parsed = parsePublicKey(line.type, line.base64);
  if (parsed.ok) return { key: parsed.key, comment: line.comment };
  const hint =
    whyUnsupported(line.type) === undefined ? 'copy the .pub file again' : 'make a key with: ssh-keygen -t ed25519';
  throw badData(`${subject}: ${parsed.reason}`, hint);
}

const NOT_THE_KEY_ITSELF = 'name the file that holds the public key, or - to give the key on standard input';

async function readText(stream: Readable, subject: string): Promise<string> {
  let text = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      text += chunk.toString('latin1');
      if (text.length > MAX_KEY_FILE_CHARS) throw new Error('it is too large for a public key');
    }
    return text;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw badData(`${subject}: does not exist`, NOT_THE_KEY_ITSELF);
    throw badData(`${subject}: cannot be read: ${errnoOf(error) ?? messageOf(error)}`);
  }
}

function badData(message: string, hint?: string): CarapaceError {
  return new CarapaceError('bad-data', message, hint === undefined ? {} : { hint });
}
