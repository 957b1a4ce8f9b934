/** A capability of `type: http` as it is used: compiled, every default filled in, never changed. */
import type { Place } from '../../model/decision.ts';
import type { HttpHead, HttpInjections, HttpLimits, SseFilter, Upstream } from '../../model/http.ts';
import type { DenyReason } from '../../model/reason.ts';
import type { RpcBody } from '../../model/rpc.ts';
import type { ContentRules } from '../policy.ts';
import type { HttpRule } from './http-rule.ts';
import type { RpcRules } from './rpc-rules.ts';

/** A server that clients reach by forwarding. */
export interface HttpTool {
  readonly type: 'http';
  readonly name: string;
  /** Where the policy defines it. */
  readonly place: Place;
  readonly upstream: Upstream;
  /** The port that the agent on the client machine opens for it; null: it chooses. */
  readonly clientListen: number | null;
  /** None: nothing is allowed. */
  readonly allow: readonly HttpRule[];
  /** A matching one beats every allow. */
  readonly deny: readonly HttpRule[];
  /** Null: bodies are nobody's business. Else every request that can carry one must be JSON-RPC, and pass. */
  readonly rpc: RpcRules | null;
  readonly inject: HttpInjections;
  /** Names in lower case that pass to the server, beside those that always do. */
  readonly requestHeaders: ReadonlySet<string>;
  /** Names in lower case that pass to the client, beside those that always do. */
  readonly responseHeaders: ReadonlySet<string>;
  /** Null: event streams pass as they are. */
  readonly sseFilter: SseFilter | null;
  readonly websocket: boolean;
  readonly limits: HttpLimits;
  /** False: what was injected is not taken out of answers. */
  readonly redact: boolean;
  readonly content: ContentRules;
  readonly audit: HttpAudit;
  /** False: `tools` does not show allow rules to clients. */
  readonly showPatterns: boolean;
  readonly tests: readonly HttpTest[];
}

/** What the audit log holds of a capability's requests. */
export interface HttpAudit {
  /** False: path, query and JSON-RPC parameters are left out of the records. The records themselves are always written. */
  readonly logRequest: boolean;
  /** True: bodies of JSON-RPC requests are recorded, redacted by name. */
  readonly logBody: boolean;
  /** Further substrings of names of query and JSON-RPC parameters whose values are replaced; a fixed list always is. */
  readonly redactPatterns: readonly string[];
}

/** An expectation that a policy states about itself. */
export interface HttpTest {
  readonly place: Place;
  readonly expect: 'allow' | 'deny';
  /** The reason that a denial must have; null for any. */
  readonly reason: DenyReason | null;
  readonly request: HttpTestRequest;
}

export type HttpTestRequest =
  /** `body` null: there is none. `text`: it is not written as data. */
  | { readonly kind: 'http'; readonly head: HttpHead; readonly body: RpcBody | 'text' | null }
  /** A message whatever the path. */
  | { readonly kind: 'rpc'; readonly body: RpcBody };
