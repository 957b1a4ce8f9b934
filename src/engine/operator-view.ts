/**
 * What the operator socket shows: the answers' shapes, and the plain functions that the composition root fills them
 * with. The socket knows nothing else of the gateway, and nothing in here can change anything.
 */

/** How the audit log does. */
export interface AuditState {
  /** False from a failed write until the next one that succeeds: meanwhile nothing runs. */
  readonly ok: boolean;
  /** What the last failure was; null where there was none since the gateway started. */
  readonly lastError: string | null;
  /** The newest record's number; 0 for an empty log. */
  readonly seq: number;
}

/** The answer of `GET /v1/status`. */
export interface StatusAnswer {
  readonly version: string;
  /** The commit that was built; null where that is not known. */
  readonly commit: string | null;
  readonly pid: number;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly uptimeSecs: number;
  /** Where connections are accepted: `127.0.0.1:2222`, `unix:/path`. */
  readonly listeners: readonly string[];
  /** Clients that have a usable key. */
  readonly clients: number;
  /** Connections of proven clients. */
  readonly connections: number;
  readonly callsRunning: number;
  /** Digest of the snapshot that decides now. */
  readonly policy: string;
  readonly lastReload: ReloadState;
  readonly audit: AuditState;
  readonly runner: RunnerState;
  /** What the operator should know and change: development mode, a missing binary. One sentence each. */
  readonly warnings: readonly string[];
}

/** The last time that keys and policies were read, the start included. */
export interface ReloadState {
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Empty where all went well; else the older set is still in force. */
  readonly problems: readonly string[];
}

export interface RunnerState {
  /** Null where none is running. */
  readonly pid: number | null;
  /** True where one is running; whether it answers is `health`'s question. */
  readonly ok: boolean;
}

/** One thing that must hold for the gateway to serve: `run` finds out now, and throws or rejects where it does not. */
export interface HealthCheck {
  /** `audit`, `runner`, `files`. */
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** The answer of `GET /v1/health`: 200 where `ok`, else 503. */
export interface HealthAnswer {
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong; null where `ok`. */
  readonly message: string | null;
}

/** The answer of `GET /v1/connections`, oldest first. */
export interface ConnectionsAnswer {
  readonly connections: readonly ConnectionState[];
}

/** A connection of a proven client. */
export interface ConnectionState {
  /** The `connection` of the audit records. */
  readonly id: string;
  readonly client: string;
  readonly door: string;
  /** Remote address and port, or the listener's path for a Unix socket. */
  readonly peer: string;
  /** Fingerprint of its key. */
  readonly key: string;
  /** RFC 3339, UTC. */
  readonly connectedAt: string;
  /** Bytes read from and written to the socket. */
  readonly bytes: { readonly received: number; readonly sent: number };
  readonly calls: readonly RunningCall[];
}

export interface RunningCall {
  /** The `request` of the audit records. */
  readonly request: string;
  readonly tool: string;
  readonly ageMs: number;
}

/** What the composition root hands to the operator socket. */
export interface OperatorView {
  readonly status: () => StatusAnswer;
  readonly connections: () => ConnectionsAnswer;
  /** Run together for each `GET /v1/health`. An empty list is never healthy. */
  readonly checks: readonly HealthCheck[];
}
