/**
 * What `carapace.yaml` may say: the one place for its keys, their defaults and what they mean. Every key is optional, and
 * a key that is not here is an error.
 */
import * as z from 'zod';
import { parseListen } from './listen.ts';

const listenAddress = z.string().superRefine((text, context) => {
  const parsed = parseListen(text);
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.reason });
});

/** A whole number of seconds that a timer can wait. */
function seconds(least: number, most: number): z.ZodInt {
  return z.int().min(least).max(most);
}

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Messages below it are dropped.'),
  format: z
    .enum(['text', 'json'])
    .default('text')
    .describe('`text` for people, `json` for programs; both go to stderr.'),
});

const audit = z.strictObject({
  durable: z
    .boolean()
    .default(false)
    .describe(
      'True: each record is synced to the disk before its call runs. False: it is written, and a power cut may lose the last ones.',
    ),
});

const limits = z.strictObject({
  login_grace_secs: seconds(1, 600).default(20).describe('Seconds in which a connection must prove a key.'),
  max_auth_tries: z.int().min(1).max(20).default(6).describe('Attempts to log in that a connection has.'),
  max_unauthenticated: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Connections that have not proved a key yet, together; with one more the oldest of them is closed.'),
  max_channels_per_client: z
    .int()
    .min(1)
    .max(1_000)
    .default(64)
    .describe('Channels that a client may have open, over all its keys and connections.'),
});

/** Above what distributions give to people, services and containers (systemd's "UIDS-GIDS" lists them), below 2^31. */
const uid = z.int().min(1000).max(2_147_483_646);

const runAs = z.strictObject({
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: 'expected the name of a user, or per-client' })
    .nullable()
    .default(null)
    .describe(
      "The OS user that tools run as whose policy does not say: a name, or `per-client`. `null`: the gateway's own user, a mode for development in which a tool can read the gateway's keys and secrets.",
    ),
  client_uids: z
    .tuple([uid, uid])
    .refine(([first, last]) => first <= last, { error: 'expected [FIRST, LAST]' })
    .nullable()
    .default(null)
    .describe(
      'First and last of the user ids that `per-client` gives to clients, each to one client for good. They are of no user of the host. `null`: none.',
    ),
  sockets: z
    .string()
    .regex(/^\/[^\0]*[^/\0]$/, { error: 'expected an absolute path' })
    .default('/run/carapace-runner')
    .describe('Where a gateway that is not root finds the runners of other users: `USER.sock`.'),
});

/** The file's schema. Read what it accepts through `loadConfig`. */
export const configSchema = z.strictObject({
  listen: z
    .array(listenAddress)
    .min(1)
    .default(['127.0.0.1:2222'])
    .describe('Where connections are accepted: `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`; port 0 takes a free one.'),
  log: log.prefault({}).describe('The operational log.'),
  audit: audit.prefault({}).describe('The audit log.'),
  limits: limits.prefault({}).describe('Bounds on what clients may take of the gateway.'),
  run_as: runAs.prefault({}).describe('As whom tools run.'),
  drain_secs: seconds(0, 600).default(10).describe('Seconds that running calls have to end after SIGTERM.'),
});

/** What the file says, defaults filled in, under the file's own names. */
export type ConfigText = z.output<typeof configSchema>;
