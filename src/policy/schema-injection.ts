/**
 * Values that a policy has the gateway inject, as they may be written in a file. What comes out is an `InjectedSource`;
 * no message holds a value, because it may be a credential.
 */
import * as z from 'zod';
import type { CommandReference, OAuth2Reference, Reference } from '../model/injection.ts';
import { credentialNameProblem, parseInjectedText, secretNameProblem, variableNameProblem } from './injected-text.ts';
import { count, fixedPathProblem, text } from './schema-fields.ts';

/** A value as it was written, its references found. */
export interface InjectedSource {
  readonly parts: readonly (string | Reference)[];
  /** Whether literal text is a secret; null: the name that it is injected as tells. */
  readonly secret: boolean | null;
  readonly redact: boolean;
}

const redact = z
  .boolean()
  .optional()
  .describe(
    '`false`: the value may appear in what goes back to the client, and may be shorter than 8 bytes. Default: `true`.',
  );

const injectedText = z.string().transform((written, context): InjectedSource => {
  const parsed = parseInjectedText(written);
  if (parsed.ok) return { parts: parsed.parts, secret: null, redact: true };
  context.issues.push({ code: 'custom', message: `value ${parsed.message}`, input: written });
  return z.NEVER;
});

const literal = z
  .strictObject({
    value: injectedText.describe('Text; references in it are filled in.'),
    secret: z
      .boolean()
      .describe(
        '`true`: the text is a secret, and taken out of what goes back to the client. `false`: it is none, although its name says KEY, TOKEN, SECRET, PASSWORD or SESSION.',
      ),
  })
  // Only references would be taken out of outputs, and the text that is said to be a secret would stay.
  .refine(({ value, secret }) => !secret || value.parts.every((part) => typeof part === 'string'), {
    error: '`secret: true` is for text without references; what these stand for is a secret anyway',
  })
  .transform(({ value, secret }): InjectedSource => ({ ...value, secret }));

const secretField = text(secretNameProblem).describe(
  "Name of a secret in the gateway's store: `carapace secret set NAME`.",
);
const fileField = text(fixedPathProblem).describe(
  'Absolute path of a file that nobody but root and the user of the gateway may read or write. One newline at its end is left out.',
);
const envField = text(variableNameProblem).describe("Name of a variable of the gateway's own environment.");
const credentialField = text(credentialNameProblem).describe(
  'Name of a credential that systemd gave the gateway (`LoadCredential=`). One newline at its end is left out.',
);

/** From a day on, an output that is kept is a second store. */
const MAX_CACHE_SECONDS = 86_400;

const commandShape = {
  command: z
    .array(z.string().refine((word) => !word.includes('\0') && word.isWellFormed(), { error: 'holds NUL' }))
    .min(1)
    .refine(([program]) => program !== undefined && fixedPathProblem(program) === undefined, {
      error: 'the program is written as an absolute path',
    })
    .describe(
      'A program by its absolute path, and its arguments: the value is what it prints. It gets a clean environment. One newline at the end is left out.',
    ),
  timeout_secs: count(1, 300).optional().describe('Seconds until it is ended, and has failed. Default: 10.'),
  cache_secs: count(0, MAX_CACHE_SECONDS)
    .optional()
    .describe('Seconds for which its output is used again; 0: it runs for every call. Default: 0.'),
};

interface CommandSource {
  readonly command: readonly string[];
  readonly timeout_secs?: number | undefined;
  readonly cache_secs?: number | undefined;
}

function commandOf({ command, timeout_secs: timeout = 10, cache_secs: cache = 0 }: CommandSource): CommandReference {
  const [program = '', ...rest] = command;
  return { kind: 'command', argv: [program, ...rest], timeLimitMs: timeout * 1000, cacheMs: cache * 1000 };
}

/** A client secret: kept anywhere but behind another OAuth client. */
const clientSecret = z
  .union(
    [
      z.strictObject({ secret: secretField }).transform(({ secret: name }) => ({ kind: 'secret' as const, name })),
      z.strictObject({ file: fileField }).transform(({ file: path }) => ({ kind: 'file' as const, path })),
      z.strictObject({ env: envField }).transform(({ env: name }) => ({ kind: 'env' as const, name })),
      z
        .strictObject({ credential: credentialField })
        .transform(({ credential: name }) => ({ kind: 'credential' as const, name })),
      z.strictObject(commandShape).transform(commandOf),
    ],
    { error: 'expected {secret: NAME}, {file: PATH}, {env: NAME}, {credential: NAME} or {command: [PROGRAM, ARGS]}' },
  )
  .optional()
  .describe('Where the secret of the client is kept. Default: a public client, which has none.');

const oauth2 = z.strictObject({
  token_url: text(tokenUrlProblem).describe('Where tokens are refreshed: https, or http on this host.'),
  client: z
    .strictObject({
      id: z.string().min(1).describe('The id of the client, as the authorization server gave it.'),
      secret: clientSecret,
      auth: z
        .enum(['basic', 'body'])
        .optional()
        .describe('How the client proves itself: in the `Authorization` header, or in the body. Default: `basic`.'),
    })
    .describe('The OAuth client.'),
  refresh: text(secretNameProblem).describe(
    'Name of the stored secret that holds the refresh token; a new one that the server sends is stored in its place.',
  ),
  scope: z.string().min(1).optional().describe('Scope to ask for. Default: none is sent.'),
});

function oauth2Of({ token_url: tokenUrl, client, refresh, scope }: z.output<typeof oauth2>): OAuth2Reference {
  return {
    kind: 'oauth2',
    tokenUrl,
    clientId: client.id,
    clientSecret: client.secret ?? null,
    clientAuth: client.auth ?? 'basic',
    refresh,
    scope: scope ?? null,
  };
}

/** What is wrong with the address of a token endpoint (RFC 6749, section 3.2), or undefined. */
function tokenUrlProblem(written: string): string | undefined {
  const url = URL.canParse(written) ? new URL(written) : null;
  if (url === null) return 'is no url';
  if (url.username !== '' || url.password !== '' || url.hash !== '') return 'holds a user or a fragment';
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback) ? undefined : 'is not https';
}

function only(reference: Reference, redacted: boolean | undefined): InjectedSource {
  return { parts: [reference], secret: null, redact: redacted ?? true };
}

/** Which word of a `command` is no text, as numbers are; undefined where that is not what is wrong. */
function commandProblem(input: unknown): string | undefined {
  const words: unknown = typeof input === 'object' && input !== null && 'command' in input ? input.command : undefined;
  const at = Array.isArray(words) ? words.findIndex((word) => typeof word !== 'string') : -1;
  return at === -1 ? undefined : `command[${at}]: expected text; put it in quotes`;
}

const INJECTED_FORMS =
  'expected text, {secret: NAME}, {file: PATH}, {env: NAME}, {credential: NAME}, {command: [PROGRAM, ARGS]}, {oauth2: {...}} or {value: TEXT, secret: true}';

/** A value of `env_inject`. */
export const injected = z.union(
  [
    injectedText,
    z
      .strictObject({ secret: secretField, redact })
      .transform(({ secret: name, redact: redacted }) => only({ kind: 'secret', name }, redacted)),
    z
      .strictObject({ file: fileField, redact })
      .transform(({ file: path, redact: redacted }) => only({ kind: 'file', path }, redacted)),
    z
      .strictObject({ env: envField, redact })
      .transform(({ env: name, redact: redacted }) => only({ kind: 'env', name }, redacted)),
    z
      .strictObject({ credential: credentialField, redact })
      .transform(({ credential: name, redact: redacted }) => only({ kind: 'credential', name }, redacted)),
    z
      .strictObject({ ...commandShape, redact })
      .transform(({ redact: redacted, ...command }) => only(commandOf(command), redacted)),
    z
      .strictObject({
        oauth2: oauth2.describe('An access token, refreshed before it expires (RFC 6749, section 6).'),
        redact,
      })
      .transform(({ oauth2: token, redact: redacted }) => only(oauth2Of(token), redacted)),
    literal,
  ],
  {
    error: ({ input }) =>
      typeof input === 'number' || typeof input === 'boolean'
        ? 'expected text; put it in quotes'
        : (commandProblem(input) ?? INJECTED_FORMS),
  },
);
