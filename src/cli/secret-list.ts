/** `carapace secret list`: what is stored, who needs it, and what is missing. No value and no identity is read. */
import type { SecretEntry } from '../engine/secrets/store-list.ts';
import { readUsage, type UsageEntry } from '../engine/secrets/usage.ts';
import { formatProblem } from '../model/problem.ts';
import { visible } from '../model/visible.ts';
import { resolveDirectory } from './directory.ts';
import { EXIT, print, printJson, reportWarning, table } from './report.ts';
import { openStoreOf } from './secret-store.ts';
import { findSecretUses, type FoundUses } from './secret-uses.ts';

export interface SecretListOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/** A secret that is stored, or that a policy refers to. */
interface Row {
  readonly name: string;
  readonly entry: SecretEntry | null;
  readonly usage: UsageEntry | undefined;
  /** Null where the policies do not load. */
  readonly policies: readonly string[] | null;
}

/** Runs the command. @throws CarapaceError `configuration` */
export async function run({ dir, json = false }: SecretListOptions): Promise<number> {
  const directory = resolveDirectory(dir);
  const found = findSecretUses(dir);
  const rows = rowsOf(openStoreOf(directory).list(), readUsage(directory.stateDirectory), found);
  if (json) printJson(answerOf(rows, found));
  else
    print(rows.length === 0 ? 'no secrets; carapace secret set NAME stores one' : table([HEADING, ...rows.map(cells)]));
  warn(rows, found);
  return Promise.resolve(EXIT.ok);
}

function rowsOf(entries: readonly SecretEntry[], usage: ReadonlyMap<string, UsageEntry>, found: FoundUses): Row[] {
  const uses = found.ok ? found.uses : new Map<string, readonly string[]>();
  const stored = new Map(entries.map((entry) => [entry.name, entry]));
  return [...new Set([...stored.keys(), ...uses.keys()])].toSorted().map((name) => ({
    name,
    entry: stored.get(name) ?? null,
    usage: usage.get(name),
    policies: found.ok ? (uses.get(name) ?? []) : null,
  }));
}

const HEADING = ['SECRET', 'SET', 'LAST USED', 'LAST FAILURE', 'POLICIES'];

function cells({ name, entry, usage, policies }: Row): string[] {
  return [
    visible(name),
    entry === null ? 'missing' : timeCell(entry.setAt?.toISOString(), 'unknown'),
    timeCell(usage?.usedAt, 'never'),
    timeCell(usage?.failure?.at, '-'),
    policies === null
      ? 'unknown'
      : policies.length === 0
        ? 'none'
        : policies.map((policy) => visible(policy)).join(','),
  ];
}

function timeCell(time: string | null | undefined, none: string): string {
  return time === null || time === undefined ? none : visible(time.replace(/\.\d+Z$/, 'Z'));
}

function answerOf(rows: readonly Row[], found: FoundUses): unknown {
  return {
    secrets: rows.flatMap(({ name, entry, usage, policies }) =>
      entry === null
        ? []
        : [
            {
              name,
              setAt: entry.setAt?.toISOString() ?? null,
              problem: entry.problem,
              lastUsedAt: usage?.usedAt ?? null,
              lastFailure: usage?.failure ?? null,
              policies,
            },
          ],
    ),
    missing: rows.filter(({ entry }) => entry === null).map(({ name, policies }) => ({ name, policies })),
    problems: found.ok ? [] : found.problems.map(formatProblem),
  };
}

function warn(rows: readonly Row[], found: FoundUses): void {
  for (const row of rows) warnOf(row);
  if (!found.ok)
    reportWarning('policies: do not load, so who refers to what is not known', 'run: carapace policy check');
}

function warnOf({ name, entry, usage, policies }: Row): void {
  const subject = `secret '${visible(name)}'`;
  if (entry === null) {
    const who = (policies ?? []).map((policy) => visible(policy)).join(', ');
    reportWarning(`${subject}: is not stored, and needed by ${who}`, `run: carapace secret set ${visible(name)}`);
  } else if (entry.problem !== null) reportWarning(`${subject}: ${entry.problem}`, 'calls that need it fail');
  // RFC 3339 times of one zone sort as text. What worked since is no news.
  if (usage?.failure != null && usage.failure.at > (usage.usedAt ?? ''))
    reportWarning(`${subject}: failed at ${visible(usage.failure.at)}: ${visible(usage.failure.problem, 500)}`);
}
