/** `carapace client set`: changes the terms of all keys of a client. */
import { CarapaceError } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import { formatForcedCommand, parseForcedCommand } from '../identity/forced-command.ts';
import type { KeyLine, KeyOption } from '../identity/key-line.ts';
import { mapKeyLines, readKnownClient, writeClientFile } from './client-file.ts';
import type { Terms } from './client-terms.ts';
import { checkPolicies, parseTerms } from './client-terms.ts';
import { describeKey, keyAnswer } from './client-text.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson } from './report.ts';

export interface ClientSetOptions {
  readonly name: string;
  readonly dir?: string;
  readonly json?: boolean;
  /** The policies from now on; as they are if absent. */
  readonly policy?: readonly string[];
  /** Empty or `any`: from anywhere. */
  readonly from?: string;
  /** Empty or `never`: without end. */
  readonly expires?: string;
}

/** @throws CarapaceError `usage`, `no-such-client`, `configuration` */
export async function run(options: ClientSetOptions): Promise<number> {
  const directory = resolveDirectory(options.dir);
  const file = readKnownClient(directory, options.name);
  const terms = parseTerms(options);
  const policies = options.policy ?? [];
  if (policies.length === 0 && terms.from === undefined && terms.expires === undefined) {
    throw new CarapaceError('usage', 'client set: nothing to change', { hint: 'give --policy, --from or --expires' });
  }
  checkPolicies(directory, policies);
  const text = mapKeyLines(file.text ?? '', (line) => ({ ...line, options: changeOptions(line, policies, terms) }));
  const keys = writeClientFile(directory, file, text);
  if (options.json === true) printJson({ client: options.name, keys: keys.map(keyAnswer) });
  else for (const key of keys) print(`${visible(options.name)}: ${describeKey(key)}`);
  return EXIT.ok;
}

function changeOptions({ options }: KeyLine, policies: readonly string[], terms: Terms): readonly KeyOption[] {
  const commanded = options.map((option) => (option.name === 'command' ? withPolicies(option, policies) : option));
  return withValue(withValue(commanded, 'from', terms.from), 'expiry-time', terms.expires);
}

function withPolicies(option: KeyOption, policies: readonly string[]): KeyOption {
  const parsed = parseForcedCommand(option.value ?? '');
  if (!parsed.ok || policies.length === 0) return option;
  return { name: option.name, value: formatForcedCommand({ ...parsed.command, policies }) };
}

/** Undefined leaves the option as it is, null removes it. */
function withValue(
  options: readonly KeyOption[],
  name: string,
  value: string | null | undefined,
): readonly KeyOption[] {
  if (value === undefined) return options;
  if (value === null) return options.filter((option) => option.name !== name);
  if (!options.some((option) => option.name === name)) return [...options, { name, value }];
  return options.map((option) => (option.name === name ? { name, value } : option));
}
