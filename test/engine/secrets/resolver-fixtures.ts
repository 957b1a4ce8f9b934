/** What the tests of looking up share: a place for files, a store in memory, a token server, and a clock to set. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { CarapaceError } from '../../../src/model/error.ts';
import type { CommandReference, OAuth2Reference } from '../../../src/model/injection.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { StoredSecrets } from '../../../src/engine/secrets/resolver-sources.ts';

/** Every value that these tests use holds one of these, so that no message can hold one unseen. */
export const MARK = 'hunter2-value';
const MARKS = [MARK, Buffer.from(MARK).toString('base64').slice(0, 12)];

/** A problem that says what `expected` says, and nothing of any value. */
export function expectProblem(found: object, expected: string | RegExp): void {
  expect(found).toMatchObject({ ok: false });
  const { problem } = found as { problem: string };
  if (typeof expected === 'string') expect(problem).toBe(expected);
  else expect(problem).toMatch(expected);
  for (const mark of MARKS) expect(JSON.stringify(found)).not.toContain(mark);
}

export interface Folder {
  readonly path: (name: string) => string;
  /** Writes a file and returns its path. */
  readonly file: (name: string, content: string | Buffer, mode?: number) => string;
  /** A script for /bin/sh that first adds a line to `runs`; returns a reference to it. */
  readonly script: (name: string, body: string, overrides?: Partial<CommandReference>) => CommandReference;
  /** How often scripts of this folder were run. */
  readonly runs: () => number;
  readonly remove: () => void;
}

export function makeFolder(): Folder {
  const directory = mkdtempSync(join(tmpdir(), 'carapace-resolver-'));
  const path = (name: string): string => join(directory, name);
  const file = (name: string, content: string | Buffer, mode = 0o600): string => {
    writeFileSync(path(name), content);
    chmodSync(path(name), mode);
    return path(name);
  };
  file('runs', '');
  return {
    path,
    file,
    script: (name, body, overrides = {}) => {
      const program = file(name, `#!/bin/sh\necho run >> ${path('runs')}\n${body}\n`, 0o700);
      return { kind: 'command', argv: [program], timeLimitMs: 20_000, cacheMs: 0, ...overrides };
    },
    runs: () => readFileSync(path('runs'), 'utf8').split('\n').length - 1,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A store that can be made to fail. */
export interface MemoryStore extends StoredSecrets {
  readonly set: (name: string, value: string) => void;
  readonly get: (name: string) => string | undefined;
  readonly remove: (name: string) => void;
  /** May be put in another's place. */
  read: StoredSecrets['read'];
  /** Thrown by `write` while it is set. */
  writeFault: Error | undefined;
  /** Called before a value is written. */
  beforeWrite: () => void;
}

export function memoryStore(): MemoryStore {
  const values = new Map<string, { readonly value: string; readonly stamp: string }>();
  let writes = 0;
  const set = (name: string, value: string): void => {
    writes += 1;
    values.set(name, { value, stamp: `stamp ${writes}` });
  };
  const store: MemoryStore = {
    writeFault: undefined,
    beforeWrite: () => {},
    set,
    get: (name) => values.get(name)?.value,
    remove: (name) => void values.delete(name),
    stamp: (name) => values.get(name)?.stamp,
    read: async (name) => {
      const found = values.get(name);
      if (found === undefined) throw new CarapaceError('secret-missing', `secret '${name}': does not exist`);
      return new Secret(found.value);
    },
    write: async (name, value) => {
      store.beforeWrite();
      if (store.writeFault !== undefined) throw store.writeFault;
      set(name, value.reveal());
    },
  };
  return store;
}

/** A request as a token server sees it. */
export interface SeenRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

/** What a token server answers: a status and a JSON body, or whatever it does itself. */
export type Answer =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    }
  | ((response: ServerResponse) => void);

export interface TokenServer {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** What it answers; it may wait. */
  answer: (request: SeenRequest) => Answer | Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** A token endpoint on this host. It answers nothing of use until `answer` is set. */
export async function startTokenServer(): Promise<TokenServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    const reply = async (): Promise<void> => {
      const { method, url, headers } = request;
      const one = { method, url, headers, form: new URLSearchParams(Buffer.concat(chunks).toString()) };
      seen.push(one);
      send(response, await tokens.answer(one));
    };
    request.on('end', () => void reply());
  });
  const tokens: TokenServer = {
    url: `http://127.0.0.1:${await listen(server)}/token`,
    seen,
    answer: () => ({ status: 500 }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return tokens;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function send(response: ServerResponse, answer: Answer): void {
  if (typeof answer === 'function') return answer(response);
  response.writeHead(answer.status ?? 200, answer.headers ?? { 'Content-Type': 'application/json' });
  response.end(answer.body ?? JSON.stringify(answer.json ?? {}));
}

/** Answers as a server does whose refresh tokens serve once. Tokens are `MARK-refresh-N` and `MARK-access-N`. */
export function rotating(expiresIn = 3600): (request: SeenRequest) => Answer {
  let valid = 0;
  return ({ form }) => {
    if (form.get('refresh_token') !== `${MARK}-refresh-${valid}`) {
      return { status: 400, json: { error: 'invalid_grant', error_description: `${MARK} was used before` } };
    }
    valid += 1;
    const token = { access_token: `${MARK}-access-${valid}`, refresh_token: `${MARK}-refresh-${valid}` };
    return { json: { ...token, token_type: 'Bearer', expires_in: expiresIn } };
  };
}

/** A reference to the refresh token `grant`, of a public client if nothing else is said. */
export function oauth2(tokenUrl: string, overrides: Partial<OAuth2Reference> = {}): OAuth2Reference {
  const client = { clientId: 'client', clientSecret: null, clientAuth: 'basic' } as const;
  return { kind: 'oauth2', tokenUrl, ...client, refresh: 'grant', scope: null, ...overrides };
}

/** A clock that stands still until it is set. */
export interface TestClock {
  readonly now: () => number;
  readonly advance: (ms: number) => void;
}

export function testClock(start = 1_800_000_000_000): TestClock {
  let time = start;
  return {
    now: () => time,
    advance: (ms) => {
      time += ms;
    },
  };
}
