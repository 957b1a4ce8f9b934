/**
 * What gateway and runner say to each other. One JSON object a line on the control connection; two or three further
 * connections a call begin with a `streamHeader` line and then *become* the tool's descriptors.
 *
 * Invariant: the gateway sends no byte of a call's stdin before `started`, so the runner reads only header lines and
 * hands the sockets on unread. The runner says who it is before anything else, and the gateway sends no permit before it
 * has judged that.
 */
import type { OpenedDirectory } from './permit.ts';
import type { ResourceLimits } from './run-as.ts';

export type RunnerSignal = 'HUP' | 'INT' | 'TERM' | 'KILL' | 'STOP' | 'CONT';

/** Gateway to runner. */
export type RunnerCommand =
  | {
      readonly type: 'start';
      /** 32 hexadecimal digits, random for each call; the call's name on this connection and its streams' password. */
      readonly token: string;
      readonly binary: string;
      readonly argv: readonly string[];
      /** `NAME=value`; complete, but for the marker that the runner adds. */
      readonly env: readonly string[];
      readonly cwd: { readonly path: string; readonly dev: string; readonly ino: string };
      readonly stdin: 'none' | 'stream';
      /** Milliseconds from TERM to KILL, whenever the call is ended. */
      readonly killGraceMs: number;
      /** A directory that the runner makes where it is missing, with its own user's rights and mode 0700; null for none. */
      readonly home: string | null;
      /** Null for those that the runner itself has. */
      readonly limits: ResourceLimits | null;
    }
  /** Sends a signal to the tool's process group. STOP and CONT are the gateway's own, around the closing of an output. */
  | { readonly type: 'signal'; readonly token: string; readonly signal: RunnerSignal }
  /** Ends the call: TERM to the group, KILL after its grace period, then the sweep. */
  | { readonly type: 'end'; readonly token: string }
  /** Asks whether anybody is there. The token is of no call; it comes back. */
  | { readonly type: 'ping'; readonly token: string };

/** Who a runner is. Its first line, and no other line of it. */
export interface RunnerHello {
  readonly type: 'hello';
  readonly pid: number;
  /** Its /proc/self/status (proc_pid_status(5)); where there is no /proc, the lines `Uid`, `Gid` and `Groups` in that form. */
  readonly status: string;
  /** Where a tool starts whose policy names no directory, and what its HOMEs lie in; null where the gateway has made them. */
  readonly place: { readonly empty: OpenedDirectory; readonly homes: string } | null;
}

/** Runner to gateway. */
export type RunnerEvent =
  | RunnerHello
  | { readonly type: 'started'; readonly token: string; readonly pid: number }
  /** The tool's own process ended. Its descriptors may still be open in others of its group. */
  | { readonly type: 'exited'; readonly token: string; readonly status: number | null; readonly signal: string | null }
  | { readonly type: 'pong'; readonly token: string }
  /** Nothing was started. */
  | { readonly type: 'refused'; readonly token: string; readonly code: string; readonly message: string };

/** The environment variable that marks a call's processes, so that the sweep finds those that left the group. */
export const CALL_MARKER = 'CARAPACE_CALL';

/** First line of a stream connection: `TOKEN FD\n`, 35 bytes always. */
export function streamHeader(token: string, descriptor: 0 | 1 | 2): string {
  return `${token} ${descriptor}\n`;
}
export const STREAM_HEADER_BYTES = 35;

/**
 * First line of the control connection: the secret that the runner was given on its stdin, as long as a stream's header,
 * so that the runner reads the same number of bytes on every connection. A tool that runs as the gateway's user can reach
 * the socket and still cannot drive the runner. One that the system started was given none, and takes any: there, who may
 * connect is the kernel's to say.
 */
export function controlHeader(secret: string): string {
  return `${secret} C\n`;
}

/** Bytes of one line on the control connection, newline not counted: four times what a request's frame may hold and its environment. */
export const MAX_CONTROL_LINE_BYTES = 8 * 1024 * 1024;
