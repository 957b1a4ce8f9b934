/**
 * What a door hands to the engine for one call besides the request: byte streams and the client's presence. Plain
 * streams, so that a door can live in a process of its own one day.
 */
import type { Readable, Writable } from 'node:stream';

/** The signals of RFC 4254 section 6.9 that a client may send to its tool. */
export const CLIENT_SIGNALS = ['HUP', 'INT', 'TERM', 'KILL'] as const;
export type ClientSignal = (typeof CLIENT_SIGNALS)[number];

export interface CallIo {
  /** The client's bytes after its request; ends with its EOF. Whoever does not want them must still drain them. */
  readonly stdin: Readable;
  /** Towards the client. Writing honours its window and the connection: a slow reader slows the tool. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted once the client is gone: its channel is closed or its connection is lost. */
  readonly gone: AbortSignal;
  /** Registers the one receiver of the client's signals; earlier ones are delivered at once. */
  readonly onSignal: (receive: (signal: ClientSignal) => void) => void;
}
