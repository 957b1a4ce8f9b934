/**
 * What a connection writes to its socket, within a bound. ssh2 ignores the socket's back-pressure; here streams ask for
 * room first, and input waits when even replies are not taken.
 */
import type { Socket } from 'node:net';

/** Output that may wait in memory before streams pause. */
const ROOM_BYTES = 1024 * 1024;
/** Output at which reading stops too: only replies to what is read can take it so far. */
const STOP_READING_BYTES = 2 * ROOM_BYTES;
/** Mean size of pieces from which joining them costs more than keeping them apart. */
const WORTH_KEEPING_BYTES = 4 * 1024;
/** What a peer gets to take the last bytes before its socket is destroyed. */
const LAST_BYTES_MS = 1000;

export class SocketOutput {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #piecesLength = 0;

  /** `onDrain` is called whenever everything that waited was taken. */
  constructor(socket: Socket, onDrain: () => void) {
    this.#socket = socket;
    socket.on('drain', () => {
      if (socket.isPaused()) socket.resume();
      onDrain();
    });
  }

  /**
   * Takes bytes; they leave at the end of this tick, together. ssh2 writes a packet in up to four pieces, and a flood of
   * small replies kept as pieces would cost many times its bytes.
   */
  write(bytes: Buffer): void {
    if (this.#piecesLength === 0) process.nextTick(() => this.#flush());
    this.#pieces.push(bytes);
    this.#piecesLength += bytes.length;
  }

  /** Whether streams may write now. Where not, `onDrain` follows. */
  get hasRoom(): boolean {
    return this.#waiting < ROOM_BYTES;
  }

  /** Stops reading from a peer that does not take what its messages made us write. */
  throttleInput(): void {
    if (this.#waiting > STOP_READING_BYTES) this.#socket.pause();
  }

  /** Lets what was written leave, then closes; a peer that does not read gets a bounded time. */
  end(): void {
    this.#flush();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LAST_BYTES_MS).unref();
  }

  get #waiting(): number {
    return this.#socket.writableLength + this.#piecesLength;
  }

  #flush(): void {
    const pieces = this.#pieces;
    const length = this.#piecesLength;
    if (length === 0) return;
    this.#pieces = [];
    this.#piecesLength = 0;
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (length < pieces.length * WORTH_KEEPING_BYTES) return void this.#socket.write(Buffer.concat(pieces, length));
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }
}
