/**
 * One channel, a session or a forward (RFC 4254 section 5): the windows of both directions, and the pump between byte streams and
 * messages. Requests on the channel are `session.ts`'s.
 *
 * Invariants: a byte is sent only inside the client's window and while the connection has room, one outstanding write a
 * stream; a byte is accepted only inside our window; both streams are flushed before exit-status, EOF and CLOSE, in
 * that order; nothing is sent after CLOSE.
 */
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { type CallIo, CLIENT_SIGNALS, type ClientSignal } from '../../engine/call-io.ts';
import { ByteQueue } from './byte-queue.ts';
import { SSH_MSG } from './message-numbers.ts';
import { byte, MalformedMessage, message, sshString, uint32 } from './wire.ts';

/** Our window: what a client may send ahead of the tool. As large as OpenSSH's share of it that keeps a 100 ms path busy. */
export const WINDOW_BYTES = 1024 * 1024;
/** The largest data message either side may send (RFC 4253 section 6.1). */
export const MAX_PACKET_BYTES = 32 * 1024;
/** Window that is worth a message of its own. */
const WORTH_ADJUSTING = WINDOW_BYTES / 4;
const MAX_WINDOW = 2 ** 32 - 1;
/** What a stream towards the client holds before it asks its source to wait. */
const STREAM_BUFFER_BYTES = 64 * 1024;

/** The connection, as a channel needs it. */
export interface ChannelHost {
  readonly send: (payload: Buffer) => void;
  readonly sendData: (channel: number, data: Buffer) => void;
  readonly sendStderr: (channel: number, data: Buffer) => void;
  /** Whether more output may be buffered now. */
  readonly hasRoom: () => boolean;
  /** Calls the channel's `flush` once there is room again. */
  readonly whenRoom: (channel: SessionChannel) => void;
}

interface PendingWrite {
  readonly chunk: Buffer;
  sent: number;
  readonly done: (error?: Error | null) => void;
}

export class SessionChannel {
  readonly remoteId: number;
  readonly io: CallIo;
  readonly #host: ChannelHost;
  readonly #maxPacket: number;
  readonly #stdin: Readable;
  readonly #stdout: Writable;
  readonly #stderr: Writable;
  readonly #pending: { stdout: PendingWrite | undefined; stderr: PendingWrite | undefined } = {
    stdout: undefined,
    stderr: undefined,
  };
  readonly #gone = new AbortController();
  readonly #earlySignals: ClientSignal[] = [];
  #receiveSignal: ((signal: ClientSignal) => void) | undefined;
  #outWindow: number;
  #inWindow = WINDOW_BYTES;
  /** What came before stdin's reader wanted it. */
  readonly #arrived = new ByteQueue();
  #stdinWantsMore = false;
  #receivedEof = false;
  #sentClose = false;

  /** `window` and `maxPacket` are what the client announced at the open (RFC 4254 section 5.1). */
  constructor(host: ChannelHost, remoteId: number, window: number, maxPacket: number) {
    this.#host = host;
    this.remoteId = remoteId;
    this.#outWindow = window;
    this.#maxPacket = Math.min(maxPacket, MAX_PACKET_BYTES);
    // One byte as high-water mark: all that waits, waits in the queue.
    this.#stdin = new Readable({ highWaterMark: 1, read: () => this.#feedStdin(true) });
    this.#stdout = this.#outgoing('stdout');
    this.#stderr = this.#outgoing('stderr');
    this.io = {
      stdin: this.#stdin,
      stdout: this.#stdout,
      stderr: this.#stderr,
      gone: this.#gone.signal,
      onSignal: (receive) => {
        this.#receiveSignal = receive;
        for (const signal of this.#earlySignals.splice(0)) receive(signal);
      },
    };
  }

  /** Whether CLOSE was sent: nothing may follow it (RFC 4254 section 5.3). */
  get closed(): boolean {
    return this.#sentClose;
  }

  /** CHANNEL_DATA from the client. @throws MalformedMessage where it breaks the window or comes after EOF. */
  receiveData(data: Buffer): void {
    if (this.#receivedEof) throw new MalformedMessage('data after EOF');
    if (data.length > this.#inWindow) throw new MalformedMessage('data beyond the window');
    this.#inWindow -= data.length;
    if (this.#stdin.destroyed) return;
    this.#arrived.push(data);
    this.#feedStdin(this.#stdinWantsMore);
  }

  /** CHANNEL_EOF from the client: the tool's stdin ends. */
  receiveEof(): void {
    if (this.#receivedEof) return;
    this.#receivedEof = true;
    this.#feedStdin(this.#stdinWantsMore);
  }

  /** CHANNEL_WINDOW_ADJUST from the client. @throws MalformedMessage where the window would pass 2^32-1. */
  receiveWindow(bytes: number): void {
    if (this.#outWindow + bytes > MAX_WINDOW) throw new MalformedMessage('window beyond 2^32-1');
    this.#outWindow += bytes;
    this.flush();
  }

  /** CHANNEL_CLOSE from the client, or the end of its connection: whatever runs for it is told, and we answer. */
  receiveClose(): void {
    this.#sendClose();
    this.#gone.abort();
    this.#stdin.destroy();
    this.#abandon('stdout', this.#stdout);
    this.#abandon('stderr', this.#stderr);
  }

  /** A signal from the client (RFC 4254 section 6.9), with or without EOF before it. Returns whether it is one that passes. */
  receiveSignal(name: string): boolean {
    const signal = CLIENT_SIGNALS.find((known) => known === name);
    if (signal === undefined) return false;
    if (this.#receiveSignal !== undefined) this.#receiveSignal(signal);
    else if (this.#earlySignals.length < CLIENT_SIGNALS.length) this.#earlySignals.push(signal);
    return true;
  }

  /** The client's reader went away (`eow@openssh.com`): stdout is of no use any more, and the tool must learn that. */
  endOfWrite(): void {
    this.#abandon('stdout', this.#stdout);
  }

  /**
   * Ends both streams, waits until the client took every byte, then sends exit-status, EOF and CLOSE; `null`: a forward,
   * which has no status. Waits until the client has closed the channel: one that multiplexes has passed the answer on by
   * then, and would forget it if its connection ended before. Never rejects.
   */
  async finish(status: number | null): Promise<void> {
    await Promise.all([ended(this.#stdout), ended(this.#stderr)]);
    this.#sendEnd(status);
    const { signal } = this.#gone;
    if (!signal.aborted) await once(signal, 'abort');
  }

  #sendEnd(status: number | null): void {
    if (this.#sentClose) return;
    if (status !== null) {
      this.#host.send(
        message(SSH_MSG.CHANNEL_REQUEST, uint32(this.remoteId), sshString('exit-status'), byte(false), uint32(status)),
      );
    }
    this.#host.send(message(SSH_MSG.CHANNEL_EOF, uint32(this.remoteId)));
    this.#sendClose();
    this.#stdin.destroy();
  }

  /** Sends what windows and connection allow, alternating between the streams. */
  flush(): void {
    let progress = true;
    while (progress) {
      const first = this.#sendPiece('stdout');
      const second = this.#sendPiece('stderr');
      progress = first || second;
    }
    const waiting = this.#pending.stdout !== undefined || this.#pending.stderr !== undefined;
    if (waiting && this.#outWindow > 0) this.#host.whenRoom(this);
  }

  #outgoing(stream: 'stdout' | 'stderr'): Writable {
    const writable = new Writable({
      highWaterMark: STREAM_BUFFER_BYTES,
      write: (chunk: Buffer, _encoding, done) => {
        this.#pending[stream] = { chunk, sent: 0, done };
        this.flush();
      },
    });
    // Whoever writes learns from the write's callback; a stream that nobody listens to must not end the process.
    writable.on('error', () => undefined);
    return writable;
  }

  #sendPiece(stream: 'stdout' | 'stderr'): boolean {
    const pending = this.#pending[stream];
    if (pending === undefined || this.#outWindow === 0 || this.#sentClose || !this.#host.hasRoom()) return false;
    const size = Math.min(pending.chunk.length - pending.sent, this.#outWindow, this.#maxPacket);
    const piece = pending.chunk.subarray(pending.sent, pending.sent + size);
    pending.sent += size;
    this.#outWindow -= size;
    if (stream === 'stdout') this.#host.sendData(this.remoteId, piece);
    else this.#host.sendStderr(this.remoteId, piece);
    if (pending.sent === pending.chunk.length) {
      this.#pending[stream] = undefined;
      pending.done();
    }
    return true;
  }

  #abandon(stream: 'stdout' | 'stderr', writable: Writable): void {
    const pending = this.#pending[stream];
    this.#pending[stream] = undefined;
    writable.destroy();
    pending?.done(new Error('the reader is gone'));
  }

  /** Hands on what arrived as far as it is wanted, then the end. */
  #feedStdin(isWanted: boolean): void {
    this.#stdinWantsMore = isWanted;
    while (this.#stdinWantsMore && this.#arrived.length > 0) {
      this.#stdinWantsMore = this.#stdin.push(this.#arrived.shift());
    }
    if (this.#receivedEof && this.#arrived.length === 0 && !this.#stdin.destroyed) this.#stdin.push(null);
    this.#grantWindow();
  }

  /** Opens our window again by what was taken out of stdin, in pieces worth a message. */
  #grantWindow(): void {
    const free = WINDOW_BYTES - this.#inWindow - this.#arrived.length - this.#stdin.readableLength;
    if (free < WORTH_ADJUSTING || this.#receivedEof || this.#sentClose) return;
    this.#inWindow += free;
    this.#host.send(message(SSH_MSG.CHANNEL_WINDOW_ADJUST, uint32(this.remoteId), uint32(free)));
  }

  #sendClose(): void {
    if (this.#sentClose) return;
    this.#sentClose = true;
    this.#host.send(message(SSH_MSG.CHANNEL_CLOSE, uint32(this.remoteId)));
  }
}

/** Ends a stream and resolves once everything written to it was sent, or it was abandoned. */
async function ended(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.closed) return;
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.end();
  });
}
