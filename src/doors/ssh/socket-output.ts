/**
 * What a connection writes to its socket, within a bound. ssh2 ignores the socket's back-pressure; here streams ask for
 * room first, and input waits when even replies are not taken.
 */
import type { Socket } from 'node:net';

/** Output that may wait in memory before streams pause. */
const ROOM_BYTES = 1024 * 1024;
/** Output at which reading stops too: only replies to what is read can take it so far. */
const STOP_READING_BYTES = 2 * ROOM_BYTES;
/** Output of all of a client's connections at which each may have no more waiting than its socket holds anyway. */
const CLIENT_ROOM_BYTES = 16 * ROOM_BYTES;
/** Mean size of pieces from which joining them costs more than keeping them apart. */
const WORTH_KEEPING_BYTES = 4 * 1024;
/** What a peer gets to take the last bytes before its socket is destroyed. */
const LAST_BYTES_MS = 1000;

export class SocketOutput {
  readonly #socket: Socket;
  readonly #clientWaiting: () => number;
  #pieces: Buffer[] = [];
  #piecesLength = 0;
  #isInputHeld = false;

  /**
   * `onDrain` is called whenever everything that waited was taken. `clientWaiting` is what waits for this client on all of
   * its connections, in bytes.
   */
  constructor(socket: Socket, clientWaiting: () => number, onDrain: () => void) {
    this.#socket = socket;
    this.#clientWaiting = clientWaiting;
    socket.on('drain', () => {
      if (!this.#isInputHeld && socket.isPaused()) socket.resume();
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
    return !this.#isBeyond(ROOM_BYTES);
  }

  /** Bytes that wait in memory. */
  get waiting(): number {
    return this.#socket.writableLength + this.#piecesLength;
  }

  /** Reads no more until `releaseInput`. */
  holdInput(): void {
    this.#isInputHeld = true;
    this.#socket.pause();
  }

  /** Reads on, unless the peer does not take what its messages made us write. */
  releaseInput(): void {
    this.#isInputHeld = false;
    if (this.#isBeyond(STOP_READING_BYTES)) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Lets what was written leave, then closes; a peer that does not read gets a bounded time. */
  end(): void {
    this.#flush();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LAST_BYTES_MS).unref();
  }

  /** Never true below the socket's own mark, from which on a `drain` follows. */
  #isBeyond(bytes: number): boolean {
    const { waiting } = this;
    if (waiting < this.#socket.writableHighWaterMark) return false;
    return waiting >= bytes || this.#clientWaiting() >= CLIENT_ROOM_BYTES;
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
