/** HTTP requests to capabilities, and what an allowed one may do. */
import type { OpenScanner } from './content.ts';
import type { Injection } from './injection.ts';
import type { RateLimit } from './permit.ts';

/** The head of a request as it arrived; nothing in it is decoded. */
export interface HttpHead {
  /** Case counts (RFC 9110, section 9.1). */
  readonly method: string;
  /** Begins with `/`; without the query. */
  readonly path: string;
  /** Behind the `?`; null where there is none. */
  readonly query: string | null;
  /** Names in lower case, in their order, repeated ones as often as they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Where a capability's requests go: from the policy alone. */
export interface Upstream {
  readonly protocol: 'http:' | 'https:';
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** In front of every path; empty, or `/base` without a `/` at its end. */
  readonly basePath: string;
  /** True: the host may resolve to private, loopback or link-local addresses, because the policy says so. */
  readonly allowPrivate: boolean;
  /** Path of a PEM file of certificates to trust in place of the system's; null for those. */
  readonly caFile: string | null;
  /** What the gateway proves itself with to the server; null for nothing. */
  readonly clientCertificate: { readonly certificate: Injection; readonly key: Injection } | null;
}

/** What the gateway puts into a request; each wins over what the client sends. */
export interface HttpInjections {
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, Injection>;
  /** By name. */
  readonly query: ReadonlyMap<string, Injection>;
  /** By the name of the placeholder: `{token}` in a path. */
  readonly path: ReadonlyMap<string, Injection>;
  /** `Authorization: Basic` (RFC 7617). */
  readonly basic: { readonly user: Injection; readonly password: Injection } | null;
}

/** Bounds of a request. */
export interface HttpLimits {
  /** Milliseconds until the first byte of the answer's head. */
  readonly timeLimitMs: number;
  /** Milliseconds between two bytes of the answer; null: as long as it takes (event streams). */
  readonly idleLimitMs: number | null;
  /** Bytes of the request's body. */
  readonly maxBodyBytes: number;
  readonly maxConcurrent: number;
  readonly maxConcurrentTotal: number;
  readonly rateLimit: RateLimit | null;
}

/** Which events of a stream pass to the client. */
export interface SseFilter {
  /** Decides whether an event passes; `data` is its data, lines joined by newlines. Never throws. */
  readonly passes: (event: { readonly type: string; readonly data: string }) => boolean;
}

/** Permission to send one request. */
export interface HttpPermit {
  readonly kind: 'http';
  readonly tool: string;
  readonly upstream: Upstream;
  readonly method: string;
  /** Path and query as they are sent, behind the upstream's base path; placeholders of `inject.path` stand as `{name}`. */
  readonly path: string;
  readonly query: string | null;
  /** The client's headers that pass, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Headers of the answer that pass to the client, in lower case, beside those that always do. */
  readonly responseHeaders: ReadonlySet<string>;
  readonly inject: HttpInjections;
  /** `none`: a body is refused. `stream`: the client's bytes. Text: this, which was checked, and not the client's bytes. */
  readonly body: 'none' | 'stream' | { readonly text: string };
  readonly limits: HttpLimits;
  /** False: what was injected is not taken out of answers. */
  readonly redact: boolean;
  readonly content: { readonly output: OpenScanner | null; readonly input: OpenScanner | null };
  /** Null: event streams pass as they are. */
  readonly sseFilter: SseFilter | null;
  readonly websocket: boolean;
}
