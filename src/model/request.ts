/**
 * One thing that a client asks for, after its frame or command line was parsed and before policy has seen it.
 * Everything in it is the client's word: nothing here is trusted.
 */

/** A request to run a tool, or to learn whether it would be allowed. */
export interface ToolRequest {
  /** Name of the capability, as the client wrote it. Not yet known to exist. */
  readonly tool: string;
  /** The argument list without the program's name: what `execve` would get from index 1. Free of NUL and lone surrogates. */
  readonly argv: readonly string[];
  /** The client's working directory; undefined where it sent none. Ignored unless the tool has `cwd_allowed`. */
  readonly cwd: string | undefined;
  /** Environment that the client wishes to set. Only names in the tool's `env_allow` pass. */
  readonly env: ReadonlyMap<string, string>;
}

/** Words of the client about its call (run, agent, task). They go to the audit log and nowhere else. */
export type Meta = ReadonlyMap<string, string>;

/** How the reply is written: raw SSH streams, or netstring frames for programs. */
export type ReplyForm = 'raw' | 'frames';

/** The words that every gateway answers itself. None of them is ever a tool's name. */
export const BUILT_IN_WORDS = ['help', 'tools', 'whoami', 'check', 'ping', 'tunnel'] as const;
export type BuiltInWord = (typeof BUILT_IN_WORDS)[number];

/** A tool's name: what policies may define and what a request may name (DESIGN: section 4 of docs/protocol.md). */
export function isToolName(name: string): boolean {
  if (!/^[a-z][a-z0-9._-]{0,63}$/.test(name)) return false;
  if (name === 'shim' || name.startsWith('carapace')) return false;
  return !(BUILT_IN_WORDS as readonly string[]).includes(name);
}
