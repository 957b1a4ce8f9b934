/**
 * What a policy has the gateway inject: literal text, references to secrets that are kept elsewhere, or both in one value.
 * Only names and places are in here; the values are looked up after a request was allowed.
 */
import type { Secret } from './secret.ts';

/** Where a secret is kept. */
export type Reference =
  /** The gateway's own store: `carapace secret set NAME`. */
  | { readonly kind: 'secret'; readonly name: string }
  /** A file that only root or the gateway's user may read and write. `path` is absolute. */
  | { readonly kind: 'file'; readonly path: string }
  /** A variable of the gateway's own environment. */
  | { readonly kind: 'env'; readonly name: string }
  /** A file of `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=). */
  | { readonly kind: 'credential'; readonly name: string }
  | CommandReference
  | OAuth2Reference;

/** The stdout of a program. */
export interface CommandReference {
  readonly kind: 'command';
  /** The program's absolute path, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Milliseconds after which it is ended and has failed. */
  readonly timeLimitMs: number;
  /** Milliseconds for which its output is used again; 0: it runs for every call. */
  readonly cacheMs: number;
}

/** An access token, got with a refresh token (RFC 6749, section 6). */
export interface OAuth2Reference {
  readonly kind: 'oauth2';
  /** https, or http on loopback. */
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Null for a public client. */
  readonly clientSecret: Exclude<Reference, OAuth2Reference> | null;
  /** How the client proves itself: in the `Authorization` header, or in the body (RFC 6749, section 2.3.1). */
  readonly clientAuth: 'basic' | 'body';
  /** Name of the stored secret that holds the refresh token; a new one that the server sends is stored in its place. */
  readonly refresh: string;
  /** Sent as `scope`; null: not sent. */
  readonly scope: string | null;
}

/** One value to inject. */
export interface Injection {
  /** Literal text and references, in order; joined without anything between them. */
  readonly parts: readonly (string | Reference)[];
  /**
   * Whether its secret parts are taken out of what goes back to the client: every reference, or all of it where it is
   * literal text that is a secret. False by `redact: false`, and for literal text that is none.
   */
  readonly redacted: boolean;
}

/**
 * Bytes of the shortest value that is taken out of outputs: shorter ones are found everywhere by chance, and taking them
 * out would garble the output and show what they are.
 */
export const MIN_REDACTED_BYTES = 8;

/** A value to take out of what a client gets, and the name that stands in its place: `[redacted:NAME]`. */
export interface Redaction {
  readonly name: string;
  readonly value: Secret;
}

/** A reference as messages and `secret list` name it: `secret op-token`, `file /etc/token`. Never a value. */
export function describeReference(reference: Reference): string {
  switch (reference.kind) {
    case 'secret':
    case 'env':
    case 'credential':
      return `${reference.kind} ${reference.name}`;
    case 'file':
      return `file ${reference.path}`;
    case 'command':
      return `command ${reference.argv[0]}`;
    case 'oauth2':
      return `oauth2 ${reference.refresh}`;
  }
}

/** Distinguishes references that may have different values: two with the same key are looked up once. */
export function referenceKey(reference: Reference): string {
  return JSON.stringify(reference);
}
