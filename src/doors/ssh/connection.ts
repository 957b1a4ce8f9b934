/**
 * One SSH connection: its socket, its transport, and the state that the guard judges by.
 *
 * Invariants: a message reaches a handler only if the guard lets its number pass in the current state; output is
 * buffered within a bound and input waits when it is not taken; whatever ends the connection, its channels are closed
 * once and everything that ran for it is told.
 */
import type { Socket } from 'node:net';
import type { Caller, ForwardTarget } from '../../engine/door-interface.ts';
import { Authentication, type KeyLookup } from './authentication.ts';
import type { ChannelHost, SessionChannel } from './channel.ts';
import { ChannelTable, type OpenForward } from './channel-table.ts';
import { type ConnectionState, judgeMessage } from './guard.ts';
import { Keepalive } from './keepalive.ts';
import { KeySchedule } from './key-schedule.ts';
import { DISCONNECT, type DisconnectReason, SSH_MSG } from './message-numbers.ts';
import { Session } from './session.ts';
import { SocketOutput } from './socket-output.ts';
import { Transport, type TransportHostKey } from './transport.ts';
import { byte, MalformedMessage, MessageReader, message, sshString, uint32 } from './wire.ts';
import type { SessionCommand } from '../read-request.ts';

/** What a client may send before it has proven a key; a handshake takes less than 10 KiB. */
const MAX_BYTES_BEFORE_LOGIN = 256 * 1024;
/** Messages that may wait for a key exchange to end. */
const MAX_QUEUED_MESSAGES = 4096;

/** Global requests for what SSH forwards to a client (RFC 4254 section 7.1): refused like all others, and recorded. */
const FORWARDS: ReadonlySet<string> = new Set(['tcpip-forward', 'streamlocal-forward@openssh.com']);

const KEEPALIVE = message(SSH_MSG.GLOBAL_REQUEST, sshString('keepalive@openssh.com'), byte(true));

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly hostKey: TransportHostKey;
  readonly ident: string;
  readonly maxAuthTries: number;
  readonly lookUp: (key: Buffer) => KeyLookup;
  /** A key was proven: returns who that is, or why it may not come in after all. */
  readonly onLogin: (key: Buffer) => Caller | string;
  readonly serve: (caller: Caller, command: SessionCommand, channel: SessionChannel) => Promise<void>;
  /** What a client's forward leads to, served until its channel is closed; undefined: it is refused. */
  readonly openForward: (caller: Caller, target: ForwardTarget) => OpenForward | undefined;
  readonly takePlace: (caller: Caller) => boolean;
  readonly givePlaceBack: (caller: Caller) => void;
  readonly refused: (caller: Caller, feature: string) => void;
  /** Handles a piece of input now and returns true, or later, and returns false. */
  readonly inTurn: (handle: () => void) => boolean;
  /** Bytes that wait to be sent on all connections of this one's client. */
  readonly clientWaiting: () => number;
  /** Called once. `reason` is ours, or null where the client left or the network lost it. */
  readonly onEnd: (reason: string | null) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #transport: Transport;
  readonly #authentication: Authentication;
  readonly #keys: KeySchedule;
  readonly #keepalive: Keepalive;
  readonly #output: SocketOutput;
  readonly #waiting = new Set<SessionChannel>();
  #state: ConnectionState = 'transport';
  #caller: Caller | undefined;
  #channels: ChannelTable | undefined;
  #bytesIn = 0;
  #ended = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#output = new SocketOutput(options.socket, options.clientWaiting, () => this.#wake());
    this.#keys = new KeySchedule({
      rekey: () => this.#transport.rekey(),
      overdue: () => this.disconnect(DISCONNECT.KEY_EXCHANGE_FAILED, 'key exchange took too long'),
    });
    this.#keepalive = new Keepalive({
      send: () => this.#transport.send(KEEPALIVE),
      dead: () => this.disconnect(DISCONNECT.CONNECTION_LOST, 'the client does not answer'),
    });
    this.#transport = new Transport({
      hostKey: options.hostKey,
      ident: options.ident,
      write: (bytes) => {
        this.#keys.count(bytes.length);
        this.#output.write(bytes);
      },
      onMessage: (payload) => this.#receive(payload),
      onKeyExchange: (state) => {
        this.#keys.exchange(state);
        if (state === 'done') this.#wake();
      },
      onFatal: (why) => this.#end(why),
    });
    this.#authentication = new Authentication({
      maxTries: options.maxAuthTries,
      sessionId: () => this.#transport.sessionId,
      send: (payload) => this.#transport.send(payload),
      lookUp: options.lookUp,
      onSuccess: (key) => this.#login(key),
      disconnect: (reason, description) => this.disconnect(reason, description),
    });
    this.#socket.on('data', (bytes: Buffer) => {
      if (!options.inTurn(() => this.#handleInput(bytes))) this.#output.holdInput();
    });
    this.#socket.on('error', () => this.#end(null));
    // No SSH client sends FIN and still wants something, and one that takes nothing more would keep `close` away.
    this.#socket.once('end', () => this.#end(null));
    this.#socket.once('close', () => this.#end(null));
  }

  /** Why the last login attempt failed; null where none did. */
  get lastAuthFailure(): Authentication['lastFailure'] {
    return this.#authentication.lastFailure;
  }

  get channelCount(): number {
    return this.#channels?.size ?? 0;
  }

  get bytes(): { readonly received: number; readonly sent: number } {
    return { received: this.#bytesIn, sent: this.#socket.bytesWritten };
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.#output.waiting;
  }

  /** Ends the connection and says why to the client. */
  disconnect(reason: DisconnectReason, description: string): void {
    if (this.#ended) return;
    this.#transport.disconnect(reason, description);
    this.#end(description);
  }

  #handleInput(bytes: Buffer): void {
    this.#bytesIn += bytes.length;
    if (this.#state !== 'connected' && this.#bytesIn > MAX_BYTES_BEFORE_LOGIN) {
      return this.disconnect(DISCONNECT.PROTOCOL_ERROR, 'too much data before authentication');
    }
    this.#keys.count(bytes.length);
    this.#transport.receive(bytes);
    this.#output.releaseInput();
  }

  #wake(): void {
    const channels = [...this.#waiting];
    this.#waiting.clear();
    for (const channel of channels) channel.flush();
  }

  #receive(payload: Buffer): void {
    if (this.#ended) return;
    try {
      this.#dispatch(payload);
    } catch (thrown) {
      if (!(thrown instanceof MalformedMessage)) throw thrown;
      return this.disconnect(DISCONNECT.PROTOCOL_ERROR, thrown.message);
    }
    if (this.#transport.queuedMessages > MAX_QUEUED_MESSAGES) {
      this.disconnect(DISCONNECT.KEY_EXCHANGE_FAILED, 'too much waits for the key exchange');
    }
  }

  #dispatch(payload: Buffer): void {
    switch (judgeMessage(this.#state, payload[0])) {
      case 'housekeeping':
        if (payload[0] === SSH_MSG.DISCONNECT) this.#end(null);
        return;
      case 'unimplemented':
        return this.#transport.send(message(SSH_MSG.UNIMPLEMENTED, uint32(this.#transport.sequenceNumber)));
      case 'disconnect':
        return this.disconnect(DISCONNECT.PROTOCOL_ERROR, `message ${payload[0] ?? 'without number'} is out of place`);
      case 'handle':
        return this.#handle(payload);
    }
  }

  #handle(payload: Buffer): void {
    switch (payload[0]) {
      case SSH_MSG.SERVICE_REQUEST:
        return this.#startAuthentication(new MessageReader(payload).ascii());
      case SSH_MSG.USERAUTH_REQUEST:
        return this.#authentication.handle(payload);
      case SSH_MSG.GLOBAL_REQUEST:
        return this.#globalRequest(new MessageReader(payload));
      case SSH_MSG.REQUEST_SUCCESS:
      case SSH_MSG.REQUEST_FAILURE:
        if (!this.#keepalive.answered()) throw new MalformedMessage('reply without a request');
        return;
      default:
        return this.#channels?.handle(payload);
    }
  }

  #startAuthentication(service: string): void {
    if (service !== 'ssh-userauth') return this.disconnect(DISCONNECT.SERVICE_NOT_AVAILABLE, 'no such service');
    this.#state = 'authentication';
    this.#transport.send(message(SSH_MSG.SERVICE_ACCEPT, sshString(service)));
  }

  #login(key: Buffer): void {
    const caller = this.#options.onLogin(key);
    if (typeof caller === 'string') return this.disconnect(DISCONNECT.TOO_MANY_CONNECTIONS, caller);
    this.#state = 'connected';
    this.#caller = caller;
    const host: ChannelHost = {
      send: (payload) => this.#transport.send(payload),
      sendData: (channel, data) => this.#transport.sendData(channel, data),
      sendStderr: (channel, data) => this.#transport.sendStderr(channel, data),
      hasRoom: () => !this.#transport.exchangingKeys && this.#output.hasRoom,
      whenRoom: (channel) => this.#waiting.add(channel),
    };
    const { serve, openForward, takePlace, givePlaceBack } = this.#options;
    const refused = (feature: string): void => this.#options.refused(caller, feature);
    this.#channels = new ChannelTable({
      host,
      takePlace: () => takePlace(caller),
      givePlaceBack: () => givePlaceBack(caller),
      refused,
      openForward: (target) => openForward(caller, target),
      openSession: (channel) => new Session({ channel, refused, serve: (command) => serve(caller, command, channel) }),
    });
    this.#keepalive.start();
  }

  #globalRequest(reader: MessageReader): void {
    const name = reader.ascii();
    const wantReply = reader.boolean();
    const known = name === 'no-more-sessions@openssh.com';
    if (known) this.#channels?.forbidSessions();
    if (FORWARDS.has(name) && this.#caller !== undefined) this.#options.refused(this.#caller, name);
    if (wantReply) this.#transport.send(message(known ? SSH_MSG.REQUEST_SUCCESS : SSH_MSG.REQUEST_FAILURE));
  }

  #end(reason: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#keepalive.stop();
    this.#keys.stop();
    this.#channels?.closeAll();
    this.#waiting.clear();
    this.#transport.close();
    this.#output.end();
    this.#options.onEnd(reason);
  }
}
