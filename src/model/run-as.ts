/** As whom a tool runs, and within which limits of the kernel. */

/** The OS user that a tool runs as. */
export type RunAs =
  /** The gateway's own: a mode for development, in which a tool can read the gateway's keys and secrets. */
  | { readonly kind: 'gateway' }
  /** A user of this host, by name. */
  | { readonly kind: 'user'; readonly name: string }
  /** A user of its own for each client, from a configured range of ids. */
  | { readonly kind: 'per-client' };

/** What setrlimit(2) bounds; null where nothing is bounded. */
export interface ResourceLimits {
  /** Seconds of CPU time of each process (RLIMIT_CPU). */
  readonly cpuSeconds: number | null;
  /** Bytes of address space of each process (RLIMIT_AS). */
  readonly memoryBytes: number | null;
  /** Processes and threads of the user, all its calls together (RLIMIT_NPROC). */
  readonly processes: number | null;
  /** Open files of each process (RLIMIT_NOFILE). */
  readonly openFiles: number | null;
}
