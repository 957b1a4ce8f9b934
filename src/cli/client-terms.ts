/**
 * The terms on which a key is let in (policies, addresses, end), from what the command line says to options of
 * authorized_keys.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readSnapshot } from '../engine/store.ts';
import { isPolicyFile } from '../engine/store-policies.ts';
import { parseFrom } from '../identity/address.ts';
import { isExpired, parseExpiryTime } from '../identity/expiry.ts';
import { isCarriedPath, isPolicyName } from '../identity/forced-command.ts';
import { CarapaceError } from '../model/error.ts';
import { didYouMean, formatProblem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { mergePolicies } from '../policy/policy.ts';
import type { Directory } from './directory.ts';
import { SYSTEM_DIRECTORY } from './directory.ts';
import { reportWarning } from './report.ts';

/** `--from` and `--expires`: undefined leaves things as they are, null removes the limit. */
export interface Terms {
  readonly from: string | null | undefined;
  readonly expires: string | null | undefined;
}

/**
 * Checks that policies exist, each once, and that they can stand together.
 *
 * @throws CarapaceError `usage`
 */
export function checkPolicies(directory: Directory, names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) throw usage(`--policy: ${quoted(name)} stands twice`);
    if (isPolicyName(name) && existsSync(join(directory.policiesDirectory, `${name}.yaml`))) continue;
    const hint = `policies are files of ${quoted(directory.policiesDirectory, 4096)} that end in .yaml`;
    throw usage(`--policy: ${quoted(name)} does not exist${didYouMean(name, policyNames(directory))}`, hint);
  }
  const { policies, problems } = readSnapshot(directory);
  const broken = problems.find(({ severity, place }) => severity === 'error' && place.file.startsWith('policies'));
  if (broken !== undefined)
    reportWarning(formatProblem(broken), 'until policies are mended no gateway starts: carapace policy check');
  const merged = mergePolicies(names.flatMap((name) => policies.get(name) ?? []));
  const [first] = merged.ok ? [] : merged.problems;
  if (first === undefined) return;
  throw usage(`--policy: ${names.join(' and ')} cannot stand together: ${first.path} ${first.message}`);
}

/**
 * Reads `--from` and `--expires`. The empty text, `any` and `never` remove a limit. A date may be written with dashes,
 * colons and a T, as in ISO 8601.
 *
 * @throws CarapaceError `usage`
 */
export function parseTerms(options: { readonly from?: string; readonly expires?: string }): Terms {
  return { from: parseFromOption(options.from), expires: parseExpiresOption(options.expires) };
}

/**
 * The `--dir` that the forced command must carry, so that `carapace force` finds this directory; null for the default.
 *
 * @throws CarapaceError `configuration` where no forced command can carry the path
 */
export function carriedDirectory(directory: Directory): string | null {
  if (directory.path === SYSTEM_DIRECTORY) return null;
  if (isCarriedPath(directory.path)) return directory.path;
  throw new CarapaceError(
    'configuration',
    `directory: ${quoted(directory.path, 4096)} holds characters that a forced command cannot carry`,
    { hint: 'use a path of letters, digits and ._+@:,-' },
  );
}

function parseFromOption(text: string | undefined): string | null | undefined {
  if (text === undefined) return undefined;
  if (text === '' || text === 'any') return null;
  const parsed = parseFrom(text);
  if (parsed.ok) return text;
  throw usage(`--${parsed.reason}`, 'give addresses and CIDR ranges with commas between them: 10.0.0.0/8,fd00::1');
}

function parseExpiresOption(text: string | undefined): string | null | undefined {
  if (text === undefined) return undefined;
  if (text === '' || text === 'never') return null;
  const plain = text
    .replace(/^(\d{4})-(\d\d)-(\d\d)/, '$1$2$3')
    .replace(/^(\d{8})[T ](\d\d):?(\d\d)(?::?(\d\d))?(?=Z?$)/, '$1$2$3$4');
  const instant = parseExpiryTime(plain);
  if (instant === undefined) {
    throw usage(
      `--expires: ${quoted(text)} is no time of the form YYYYMMDD[HHMM[SS]][Z]`,
      'for example 20271231, or 202712311800Z in UTC',
    );
  }
  if (isExpired(instant, Date.now()))
    throw usage(`--expires: ${quoted(text)} is past`, 'carapace client revoke ends a client now');
  return plain;
}

function policyNames(directory: Directory): string[] {
  try {
    return readdirSync(directory.policiesDirectory)
      .filter(isPolicyFile)
      .map((name) => name.replace(/\.yaml$/, ''));
  } catch {
    return [];
  }
}

function usage(message: string, hint?: string): CarapaceError {
  return new CarapaceError('usage', message, hint === undefined ? {} : { hint });
}
