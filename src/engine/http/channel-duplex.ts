/**
 * What Node's HTTP server asks of a socket and a plain Duplex lacks: a timer for idle connections, and an end that lets
 * what was written arrive.
 */
import type { Duplex } from 'node:stream';

/** For how long a client that still sends is read after its last answer: without a reader it might not see the answer. */
const LINGER_MS = 1000;

/** The parts of `net.Socket` that Node's server calls where they are there. */
interface SocketParts {
  setTimeout(milliseconds: number): void;
  destroySoon(): void;
}

/** Makes a channel's Duplex fit for Node's HTTP server. Its errors are of no interest: `close` follows. */
export function asSocket(duplex: Duplex): Duplex {
  let timer: NodeJS.Timeout | undefined;
  const parts: SocketParts = {
    setTimeout: (milliseconds) => {
      clearTimeout(timer);
      timer = milliseconds > 0 ? setTimeout(() => duplex.emit('timeout'), milliseconds).unref() : undefined;
    },
    destroySoon: () => {
      if (duplex.destroyed) return;
      duplex.end();
      const linger = (): void => {
        if (duplex.readableEnded) {
          duplex.destroy();
          return;
        }
        const end = setTimeout(() => duplex.destroy(), LINGER_MS);
        duplex.once('end', () => duplex.destroy()).once('close', () => clearTimeout(end));
        duplex.resume();
      };
      if (duplex.writableFinished) linger();
      else duplex.once('finish', linger);
    },
  };
  duplex.on('error', () => {}).once('close', () => clearTimeout(timer));
  return Object.assign(duplex, parts);
}

/** Ends a connection behind what was written to it: one of `asSocket`, or a socket. */
export function closeSoon(duplex: Duplex): void {
  (duplex as Duplex & SocketParts).destroySoon();
}
