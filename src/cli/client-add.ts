/** `carapace client add`: lets a key in, under one or more policies. */
import type { AuthorizedKey } from '../identity/authorized-keys.ts';
import { formatForcedCommand } from '../identity/forced-command.ts';
import type { KeyLine } from '../identity/key-line.ts';
import { CarapaceError } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { CLIENT_FOLDER } from './client-connection.ts';
import { appendLine, formatKeyLine, placeOfKey, readClientFile, writeClientFile } from './client-file.ts';
import type { OfferedKey } from './client-key.ts';
import { makeKey, readOfferedKey } from './client-key.ts';
import type { Terms } from './client-terms.ts';
import { carriedDirectory, checkPolicies, parseTerms } from './client-terms.ts';
import type { AddressOptions, ConnectionAnswer } from './client-text.ts';
import { connectionAnswer, describeKey, keyAnswer, printConnection } from './client-text.ts';
import type { Directory } from './directory.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson } from './report.ts';

export interface ClientAddOptions extends AddressOptions {
  readonly name: string;
  readonly dir?: string;
  readonly json?: boolean;
  /** At least one. */
  readonly policy?: readonly string[];
  /** A public key file, or `-`. Either this or `newKey`. */
  readonly key?: string;
  /** Where to make a key pair. */
  readonly newKey?: string;
  readonly from?: string;
  readonly expires?: string;
}

/**
 * Adds a key to a new client or to a known one. Everything is checked before anything is written.
 *
 * @throws CarapaceError `usage`, `bad-data` for what is no usable key, `key-exists` for one that is there already,
 * `configuration`
 */
export async function run(options: ClientAddOptions): Promise<number> {
  const directory = resolveDirectory(options.dir);
  const policies = options.policy ?? [];
  if (policies.length === 0) {
    throw new CarapaceError('usage', 'client add: no policy is given', { hint: 'name one with --policy NAME' });
  }
  checkPolicies(directory, policies);
  const file = readClientFile(directory, options.name);
  const terms = parseTerms(options);
  const command = formatForcedCommand({
    program: 'carapace',
    directory: carriedDirectory(directory),
    client: options.name,
    policies,
  });
  const connection = connectionAnswer(directory, options.name, options);
  const offered = await takeKey(options);

  const place = placeOfKey(directory, offered.key.base64);
  if (place !== undefined) {
    throw new CarapaceError('key-exists', `key: is in ${place} already`, {
      hint: 'client set changes what its client may do',
    });
  }
  const line = lineOf(offered, options.name, command, terms);
  const added = writeClientFile(directory, file, appendLine(file.text, formatKeyLine(line))).slice(-1);
  if (options.json === true) printJson({ client: options.name, key: added.map(keyAnswer)[0] ?? null, ...connection });
  else printAdded(directory, options, added, connection);
  return EXIT.ok;
}

function printAdded(
  directory: Directory,
  { name, newKey }: ClientAddOptions,
  added: readonly AuthorizedKey[],
  connection: ConnectionAnswer,
): void {
  print(`# client ${name} in ${visible(directory.keysDirectory, 4096)}`);
  for (const key of added) print(`# key ${describeKey(key)}`);
  if (newKey !== undefined) {
    print(
      `# move ${visible(newKey, 4096)} to the client machine as ${CLIENT_FOLDER}/id_ed25519; it needs no other copy`,
    );
  }
  printConnection(connection);
}

async function takeKey({ key, newKey, name }: ClientAddOptions): Promise<OfferedKey> {
  if (key !== undefined && newKey === undefined) return readOfferedKey(key);
  if (newKey !== undefined && key === undefined) return makeKey(newKey, name);
  throw new CarapaceError('usage', 'client add: expected one of --key and --new-key', {
    hint: 'give the public key that was made on the client machine with --key FILE (or -)',
  });
}

/** A comment is for people: one that could surprise a reader of the file is replaced by the client's name. */
function lineOf({ key, comment }: OfferedKey, client: string, command: string, terms: Terms): KeyLine {
  const options = [
    { name: 'restrict', value: null },
    { name: 'command', value: command },
  ];
  const limits = [
    { name: 'from', value: terms.from ?? null },
    { name: 'expiry-time', value: terms.expires ?? null },
  ].filter(({ value }) => value !== null);
  const isPlain = /^[\x21-\x7e][\x20-\x7e]{0,99}$/.test(comment);
  return { options: [...options, ...limits], type: key.type, base64: key.base64, comment: isPlain ? comment : client };
}
