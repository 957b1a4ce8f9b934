/**
 * The events of the audit log. The writer adds `time`, `seq` and `prev` (docs/operations.md describes a line).
 * Records are built from these named fields only: values of environment variables and secrets have no place in them.
 */
import type { ByteCounts } from './outcome.ts';
import type { Reason } from './reason.ts';

/** Who asked, through what: the same fields in every event of a connection. */
export interface AuditPeer {
  /** Door's name: `ssh`. */
  readonly door: string;
  /** Random id of the connection. */
  readonly connection: string;
  /** Remote address and port, or the listener's path for a Unix socket. */
  readonly peer: string;
  readonly client: string;
  /** Fingerprint of the key whose signature was verified: `SHA256:...`. */
  readonly key: string;
}

/** A request to a server, as the log may hold it. */
export interface HttpRequestRecord {
  readonly method: string;
  /** As it was sent; null, with the query and the parameters, where the policy says `audit.enabled: false` or `log_argv: false`. */
  readonly path: string | null;
  /** Values of telling names are replaced. */
  readonly query: string | null;
  /** The JSON-RPC message that the record is about; null where no rules look at bodies. */
  readonly rpc: {
    readonly kind: 'call' | 'notification' | 'answer';
    readonly method: string | null;
    /** The parameters that rules looked at, as JSON, by the paths that the rules name. */
    readonly params: Readonly<Record<string, string>>;
  } | null;
  /** Names of the client's headers that did not pass. */
  readonly headersDropped: readonly string[];
}

/** A decision: on disk before anything runs. */
export interface DecisionEvent extends AuditPeer {
  readonly event: 'decision';
  readonly request: string;
  /** The built-in word, where the request was one (`check` has tool and argv as well). */
  readonly word: string | null;
  readonly tool: string | null;
  readonly type: 'cli' | 'http' | null;
  /** Redacted and bounded; null where the policy says `audit.enabled: false` or `log_argv: false`. */
  readonly argv: readonly string[] | null;
  /** True where arguments were cut to fit. */
  readonly argvCut: boolean;
  /** Null where it is no request to a server. A batch of JSON-RPC has a record for each message, of the same request. */
  readonly http: HttpRequestRecord | null;
  readonly cwd: string | null;
  /** Names of the client's variables that pass. */
  readonly env: readonly string[];
  readonly envDropped: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly verdict: 'allow' | 'deny';
  readonly reason: Reason | null;
  /** `file:line` of the rule that decided. */
  readonly rule: string | null;
  /** Digest of the snapshot that decided. */
  readonly policy: string;
}

/** The end of an allowed call. */
export interface OutcomeEvent extends AuditPeer {
  readonly event: 'outcome';
  readonly request: string;
  readonly tool: string;
  /** `answered` and `broken` are of requests to servers: the whole answer was sent, or a part of one. */
  readonly kind: 'exited' | 'signalled' | 'limited' | 'abandoned' | 'failed' | 'answered' | 'broken';
  readonly reason: Reason | null;
  /** A tool's exit status, or the status of a server's answer (of the gateway's own, where it sent that). */
  readonly status: number | null;
  readonly signal: string | null;
  readonly durationMs: number;
  /** Of a request to a server: `stdin` what its body had, `stdout` what the answer's had. */
  readonly bytes: ByteCounts;
  /** Milliseconds until the head of a server's answer; null where there was none. */
  readonly firstByteMs: number | null;
  /** How often each secret and each kind of refused content was taken out of what went back, by name. */
  readonly redactions: Readonly<Record<string, number>>;
  /** The rule that `content-refused` is about; null otherwise. */
  readonly detector: string | null;
}

/** A connection of a proven client began or ended. */
export interface ConnectionEvent extends AuditPeer {
  readonly event: 'connection';
  readonly action: 'opened' | 'closed';
  /** Why it was closed by the gateway; null where the client left or the network lost it. */
  readonly reason: string | null;
}

/** A connection that ended without a proven key. */
export interface AuthFailureEvent {
  readonly event: 'auth-failure';
  readonly door: string;
  readonly connection: string;
  readonly peer: string;
  /** Fingerprint of the last key offered; null where none was. */
  readonly key: string | null;
  /**
   * `grace-time` or `too-many-connections` where the gateway ended it for that; else why the last attempt failed
   * (`unknown-key`, `bad-signature`, `expired`, `from-refused`, `method-refused`, `too-many-tries`); without an attempt
   * `protocol` where the peer broke SSH's rules, and `no-attempt` where it left.
   */
  readonly reason: string;
}

/** Something that SSH offers and Carapace does not: agent, X11, forwards, subsystems, environment requests. */
export interface FeatureRefusedEvent extends AuditPeer {
  readonly event: 'feature-refused';
  readonly feature: string;
}

/** Keys or policies were read again. */
export interface ReloadEvent {
  readonly event: 'reload';
  readonly what: 'policies' | 'keys';
  readonly ok: boolean;
  readonly digest: string;
  readonly problems: readonly string[];
}

/** The gateway started or stopped. */
export interface ServiceEvent {
  readonly event: 'service';
  readonly action: 'start' | 'stop';
  readonly version: string;
  readonly pid: number;
}

/** Something happened to the log itself: the writer's own evidence, written before the next record. */
export interface LogEvent {
  readonly event: 'log';
  /**
   * `reopened`: the file was removed, replaced or changed by somebody else. `repaired`: it ended in a torn line.
   * `resumed`: it could not be written for a while.
   */
  readonly action: 'reopened' | 'repaired' | 'resumed';
  readonly problem: string;
  /** Events that could not be recorded meanwhile. */
  readonly lost: number;
}

/** Records of one source beyond its budget, counted instead of written one by one. */
export interface CoalescedEvent {
  readonly event: 'coalesced';
  /** Which events were counted. */
  readonly of: 'decision' | 'connection' | 'auth-failure' | 'feature-refused';
  /** Client's name, or the remote address for failed logins; `*` for all that found no place among the sources. */
  readonly source: string;
  readonly count: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** RFC 3339 time of the first one counted. */
  readonly since: string;
}

export type AuditEvent =
  | DecisionEvent
  | OutcomeEvent
  | ConnectionEvent
  | AuthFailureEvent
  | FeatureRefusedEvent
  | ReloadEvent
  | ServiceEvent
  | LogEvent
  | CoalescedEvent;

/** One line of the log. */
export type AuditRecord = AuditEvent & {
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  /** Counts from 1 without a gap, across restarts and rotation. */
  readonly seq: number;
  /** SHA-256 (hex) of the previous line without its newline; 64 zeros for the first. */
  readonly prev: string;
};
