/**
 * The gateway's configuration: `carapace.yaml`, read strictly, in the units that the code counts in.
 */
import { stringify } from 'yaml';
import type * as z from 'zod';
import type { ListenAddress } from '../model/listen-address.ts';
import type { RunAs } from '../model/run-as.ts';
import type { Problem } from '../model/problem.ts';
import { compareProblems, didYouMean } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { parseListen } from './listen.ts';
import type { ConfigText } from './schema.ts';
import { configSchema } from './schema.ts';
import type { YamlDocument } from './yaml-document.ts';
import { formatPath, parseYaml } from './yaml-document.ts';

/** Everything that `carapace.yaml` decides, defaults filled in. */
export interface Config {
  /** At least one. */
  readonly listen: readonly ListenAddress[];
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'text' | 'json' };
  /** True: audit records are synced before a call runs. */
  readonly auditDurable: boolean;
  readonly loginGraceMs: number;
  readonly maxAuthTries: number;
  /** Connections without a proven key, all together. */
  readonly maxUnauthenticated: number;
  /** Channels of one client, over all its keys and connections. */
  readonly maxChannelsPerClient: number;
  /** Milliseconds that running calls have to end after SIGTERM. */
  readonly drainMs: number;
  /** As whom tools run whose policy does not say. */
  readonly runAs: RunAs;
  /** First and last user id that clients are given for `per-client`; null for none. */
  readonly clientUids: readonly [number, number] | null;
  /** Where the runners of other users are found. */
  readonly runnerSockets: string;
  /** The same under the file's own names and units, for `config check`. */
  readonly text: ConfigText;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config }
  /** All errors of the file, in its order. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads the text of `carapace.yaml`; the empty text is all defaults. `file` is for the problems' places. Never throws. */
export function loadConfig(file: string, text: string): LoadedConfig {
  const document = parseYaml(file, text);
  if (document.problems.length > 0) return { ok: false, problems: document.problems };
  const parsed = configSchema.safeParse(document.value);
  if (parsed.success) return { ok: true, config: configOf(parsed.data) };
  const problems = parsed.error.issues.flatMap((issue) => problemsOfIssue(issue, document));
  return { ok: false, problems: problems.toSorted(compareProblems) };
}

/** Writes a configuration as a file that `loadConfig` reads back: every key with its value in force. */
export function formatConfig(config: Config): string {
  return stringify(config.text);
}

function configOf(text: ConfigText): Config {
  return {
    listen: text.listen.flatMap((listen) => {
      const parsed = parseListen(listen);
      return parsed.ok ? [parsed.address] : [];
    }),
    log: text.log,
    auditDurable: text.audit.durable,
    loginGraceMs: text.limits.login_grace_secs * 1000,
    maxAuthTries: text.limits.max_auth_tries,
    maxUnauthenticated: text.limits.max_unauthenticated,
    maxChannelsPerClient: text.limits.max_channels_per_client,
    drainMs: text.drain_secs * 1000,
    runAs: runAsOf(text.run_as.user),
    clientUids: text.run_as.client_uids,
    runnerSockets: text.run_as.sockets,
    text,
  };
}

function runAsOf(user: string | null): RunAs {
  if (user === null) return { kind: 'gateway' };
  return user === 'per-client' ? { kind: 'per-client' } : { kind: 'user', name: user };
}

function problemsOfIssue(issue: z.core.$ZodIssue, document: YamlDocument): Problem[] {
  const path = formatPath(issue.path);
  if (issue.code !== 'unrecognized_keys') {
    // zod's own messages hold nothing of the file, and ours have made it visible.
    return [{ severity: 'error', place: document.placeOf(issue.path), path, message: lowerFirst(issue.message) }];
  }
  return issue.keys.map((key) => {
    const message = `unknown key ${quoted(key)}${didYouMean(key, keysAt(issue.path))}`;
    return { severity: 'error', place: document.placeOfKey([...issue.path, key]), path, message };
  });
}

/** The keys that the schema has at a path: sections are one level deep. */
function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const [section] = path;
  const defaults: Record<string, unknown> = configSchema.parse({});
  const at = section === undefined ? defaults : defaults[String(section)];
  return typeof at === 'object' && at !== null ? Object.keys(at) : [];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
