/** `carapace secret set`: stores a value under a name. */
import { MAX_VALUE_BYTES as MAX_REDACTED_BYTES } from '../engine/redact/compiled.ts';
import { MAX_VALUE_BYTES } from '../engine/secrets/resolve-text.ts';
import { CarapaceError } from '../model/error.ts';
import { MIN_REDACTED_BYTES } from '../model/injection.ts';
import type { Secret } from '../model/secret.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson, reportWarning } from './report.ts';
import { askTwice, isTerminal, readSecretInput } from './secret-prompt.ts';
import { checkSecretName, openStoreOf } from './secret-store.ts';

export interface SecretSetOptions {
  readonly name: string;
  /** What else stands on the command line; there must be nothing. */
  readonly rest: readonly string[];
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Runs the command. The value comes from a prompt, or from standard input where that is no terminal.
 *
 * @throws CarapaceError `usage`, `bad-data`, `interrupted`, `configuration`, `secret-busy`
 */
export async function run({ name, rest, dir, json = false }: SecretSetOptions): Promise<number> {
  if (rest.length > 0) throw onCommandLine();
  checkSecretName(name);
  const store = openStoreOf(resolveDirectory(dir));
  const value = isTerminal() ? await askTwice(`value of ${name}`) : await readSecretInput(MAX_VALUE_BYTES);
  const action = await store.write(name, value);
  const problem = redactionProblem(value);
  if (json) printJson({ name, action, redactable: problem === null });
  else print(`${name}: ${action}`);
  if (problem !== null) {
    reportWarning(
      `secret '${name}': ${problem} to be taken out of what tools print`,
      'calls that need it fail unless the policy says `redact: false` with the reference',
    );
  }
  return EXIT.ok;
}

/** Why a value is not taken out of outputs, or null. */
function redactionProblem({ byteLength }: Secret): string | null {
  if (byteLength < MIN_REDACTED_BYTES) return `has fewer than ${MIN_REDACTED_BYTES} bytes, too few`;
  return byteLength > MAX_REDACTED_BYTES ? `has more than ${MAX_REDACTED_BYTES} bytes, too many` : null;
}

/** Repeats nothing of it. */
function onCommandLine(): CarapaceError {
  return new CarapaceError('usage', 'secret set: takes a name, --dir and --json, and nothing else', {
    hint: 'the value is asked for, or read from standard input; if it stood here, others may have seen it: get a new one',
  });
}
