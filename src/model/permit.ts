/**
 * What an allowed call may do, complete: an executor gets a permit and never the request, so nothing can run that was
 * not decided, and nothing that the client sent is read a second time.
 */

import type { OpenScanner } from './content.ts';
import type { Injection } from './injection.ts';
import type { ResourceLimits, RunAs } from './run-as.ts';

/** A directory that the engine opened and looked at before the decision. */
export interface OpenedDirectory {
  /** Its real path: absolute, without symlinks. */
  readonly path: string;
  /** Device and inode as decimal text (they may exceed 2^53). The runner refuses a directory that has others. */
  readonly dev: string;
  readonly ino: string;
}

/** At most `maxRequests` calls a client in any window of `windowMs`. */
export interface RateLimit {
  readonly maxRequests: number;
  readonly windowMs: number;
}

/** Bounds of a running tool. */
export interface ToolLimits {
  /** Milliseconds from the start to the end of its output; then it is ended with `time-limit`. */
  readonly timeLimitMs: number;
  /** Bytes of stdout and stderr together; null for no limit. Beyond it the tool is ended with `output-limit`. */
  readonly outputLimitBytes: number | null;
  /** Milliseconds between TERM and KILL. */
  readonly killGraceMs: number;
  /** Calls of this tool that one client may have running at once. */
  readonly maxConcurrent: number;
  /** Calls of this tool that all clients together may have running at once. */
  readonly maxConcurrentTotal: number;
  /** Null for no limit. */
  readonly rateLimit: RateLimit | null;
  /** Limits of the kernel on its processes; null for those of the runner. */
  readonly resources: ResourceLimits | null;
}

/** Permission to run one program once. */
export interface Permit {
  readonly kind: 'cli';
  readonly tool: string;
  /** Absolute path, as the policy writes it: a multi-call binary sees this name as `argv[0]`. */
  readonly binary: string;
  readonly argv: readonly string[];
  /** The environment, but for the secrets and what the runner adds (HOME where the policy injects none, the call's marker). */
  readonly env: ReadonlyMap<string, string>;
  /** Values that are looked up before the tool starts, by the names of their variables. They are not in `env`. */
  readonly secrets: ReadonlyMap<string, Injection>;
  /** What looks through its outputs and its stdin; null for nothing. */
  readonly content: { readonly output: OpenScanner | null; readonly input: OpenScanner | null };
  /** The OS user; null for the default of the gateway's configuration. */
  readonly runAs: RunAs | null;
  /** Where the tool starts; null for its own empty directory. */
  readonly cwd: OpenedDirectory | null;
  /** `none`: /dev/null, and what the client sends is dropped. `stream`: the client's bytes. */
  readonly stdin: 'none' | 'stream';
  readonly limits: ToolLimits;
}
