/**
 * The forced command of an authorized_keys line: `carapace force [--dir DIR] --client NAME --policy P [--policy Q]`.
 *
 * sshd hands this text to a shell, so it is held to one shape of words that no shell changes, with one blank between
 * two of them.
 */
import { quoted } from '../model/visible.ts';
import { isClientName } from './client-name.ts';

/** What a forced command says. */
export interface ForcedCommand {
  /** `carapace`, or the absolute path of a file of that name. */
  readonly program: string;
  /** Absolute; null for the default directory. */
  readonly directory: string | null;
  readonly client: string;
  /** At least one, each once. */
  readonly policies: readonly string[];
}

export type ParsedForcedCommand =
  | { readonly ok: true; readonly command: ForcedCommand }
  | { readonly ok: false; readonly reason: string };

/** Absolute, and free of everything that a shell takes for more than a character. */
const PATH = String.raw`(?:/[A-Za-z0-9._+@:,-]+)+`;
const COMMAND = new RegExp(
  `^(carapace|(?:${PATH})?/carapace) force(?: --dir (/|${PATH}))? --client (\\S+)((?: --policy \\S+)+)$`,
);

/** The shape, for messages. */
const EXPECTED = 'carapace force [--dir DIR] --client NAME --policy POLICY';

/** True for a path that a forced command can carry. */
export function isCarriedPath(path: string): boolean {
  return path === '/' || new RegExp(`^${PATH}$`).test(path);
}

/** True for the name of a policy: its file is `policies/NAME.yaml`. */
export function isPolicyName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/** Parses a forced command, of exactly the shape above. Never throws. */
export function parseForcedCommand(text: string): ParsedForcedCommand {
  const match = COMMAND.exec(text);
  if (match === null) return refused(`command is not of the form ${EXPECTED}`);
  const [, program = '', directory, client = '', words = ''] = match;
  const policies = words.split(' --policy ').slice(1);
  if (!isClientName(client)) return refused(`command: ${quoted(client)} is no client name`);
  const misnamed = policies.find((name) => !isPolicyName(name));
  if (misnamed !== undefined) return refused(`command: ${quoted(misnamed)} is no policy name`);
  const twice = policies.find((name, i) => policies.indexOf(name) !== i);
  if (twice !== undefined) return refused(`command: policy ${quoted(twice)} stands twice`);
  return { ok: true, command: { program, directory: directory ?? null, client, policies } };
}

/** Writes a forced command. Its parts must be of the kinds above: `parseForcedCommand` reads back what was written. */
export function formatForcedCommand(command: ForcedCommand): string {
  const directory = command.directory === null ? [] : ['--dir', command.directory];
  const policies = command.policies.flatMap((name) => ['--policy', name]);
  return [command.program, 'force', ...directory, '--client', command.client, ...policies].join(' ');
}

function refused(reason: string): ParsedForcedCommand {
  return { ok: false, reason };
}
