/**
 * The channels of one authenticated connection: opening, messages 90 to 98, closing. What a channel request means is
 * `session.ts`'s.
 *
 * Invariants: channel types by allow-list; sizes checked at the open; every want_reply answered, in order; a message for
 * a channel that does not exist ends the connection.
 */
import { type ChannelHost, MAX_PACKET_BYTES, SessionChannel, WINDOW_BYTES } from './channel.ts';
import type { ForwardTarget } from '../../engine/door-interface.ts';
import { FORWARD_TYPES, readForwardTarget } from './forward-target.ts';
import { OPEN_FAILURE, SSH_MSG } from './message-numbers.ts';
import type { Session } from './session.ts';
import { MalformedMessage, MessageReader, message, sshString, uint32 } from './wire.ts';

/** Session channels of one connection. OpenSSH's MaxSessions is 10; a busy agent multiplexes more. */
const MAX_SESSIONS = 64;
/** The smallest maximum packet that RFC 4253 section 6.1 lets a sane client announce is 32768; below this one it plays games. */
const MIN_PACKET_BYTES = 1024;

/** Serves a forward that was accepted, and closes its channel in the end. */
export type OpenForward = (channel: SessionChannel) => void;

export interface ChannelTableOptions {
  readonly host: ChannelHost;
  /** Takes one of the client's places for a channel, over all its connections; false where none is left. */
  readonly takePlace: () => boolean;
  readonly givePlaceBack: () => void;
  /** Makes the session of a new channel. */
  readonly openSession: (channel: SessionChannel) => Session;
  /** What a forward leads to; undefined: it is refused. To be called once the open is confirmed. */
  readonly openForward: (target: ForwardTarget) => OpenForward | undefined;
  /** Notes something that SSH offers and this door does not. */
  readonly refused: (feature: string) => void;
}

/** What a client may ask of a channel. */
type Requests = Pick<Session, 'request' | 'start'>;

interface Entry {
  readonly channel: SessionChannel;
  readonly session: Requests;
}

/** No request means anything on a forward. */
const NO_REQUESTS: Requests = { request: () => false, start: () => undefined };

/** What a client announces when it opens a channel (RFC 4254 section 5.1). */
interface Opening {
  readonly remote: number;
  readonly window: number;
  readonly maxPacket: number;
}

export class ChannelTable {
  readonly #options: ChannelTableOptions;
  readonly #channels = new Map<number, Entry>();
  #nextId = 0;
  #noMoreSessions = false;

  constructor(options: ChannelTableOptions) {
    this.#options = options;
  }

  /** How many channels are open. */
  get size(): number {
    return this.#channels.size;
  }

  /** `no-more-sessions@openssh.com`: the client promises to open no further session, and is held to it. */
  forbidSessions(): void {
    this.#noMoreSessions = true;
  }

  /** Handles one of messages 90 to 98. @throws MalformedMessage */
  handle(payload: Buffer): void {
    const reader = new MessageReader(payload);
    if (payload[0] === SSH_MSG.CHANNEL_OPEN) return this.#open(reader);
    const id = reader.uint32();
    const entry = this.#channels.get(id);
    if (entry === undefined) throw new MalformedMessage('no such channel');
    switch (payload[0]) {
      case SSH_MSG.CHANNEL_DATA:
        return entry.channel.receiveData(reader.string());
      case SSH_MSG.CHANNEL_WINDOW_ADJUST:
        return entry.channel.receiveWindow(reader.uint32());
      case SSH_MSG.CHANNEL_EOF:
        return entry.channel.receiveEof();
      case SSH_MSG.CHANNEL_CLOSE:
        return this.#close(id, entry);
      case SSH_MSG.CHANNEL_REQUEST:
        return this.#request(entry, reader);
      default:
        throw new MalformedMessage('unexpected message');
    }
  }

  /** Closes every channel: the connection is gone. */
  closeAll(): void {
    for (const [id, entry] of this.#channels) this.#close(id, entry);
  }

  #open(reader: MessageReader): void {
    const type = reader.ascii();
    const remote = reader.uint32();
    const window = reader.uint32();
    const maxPacket = reader.uint32();
    if (maxPacket < MIN_PACKET_BYTES) throw new MalformedMessage('maximum packet size below 1024');
    const opening = { remote, window, maxPacket };
    if (type === 'session') return this.#openSession(opening);
    if (FORWARD_TYPES.has(type)) return this.#openForward(opening, readForwardTarget(type, reader));
    this.#options.refused(`channel ${type}`);
    this.#refuseOpen(remote, OPEN_FAILURE.UNKNOWN_CHANNEL_TYPE, 'no such type of channel');
  }

  #openSession(opening: Opening): void {
    if (this.#noMoreSessions)
      return this.#refuseOpen(opening.remote, OPEN_FAILURE.ADMINISTRATIVELY_PROHIBITED, 'no more sessions');
    this.#confirm(opening, (channel) => this.#options.openSession(channel));
  }

  /** A name that the client has not been granted is refused like one where nobody listens. */
  #openForward(opening: Opening, target: ForwardTarget | null): void {
    if (target === null) this.#options.refused('forward to a malformed name');
    const serve = target === null ? undefined : this.#options.openForward(target);
    if (serve === undefined) return this.#refuseOpen(opening.remote, OPEN_FAILURE.CONNECT_FAILED, 'connection refused');
    const channel = this.#confirm(opening, () => NO_REQUESTS);
    if (channel !== undefined) serve(channel);
  }

  /** Takes a place and says yes, or refuses for want of one and returns undefined. */
  #confirm(
    { remote, window, maxPacket }: Opening,
    requestsOf: (channel: SessionChannel) => Requests,
  ): SessionChannel | undefined {
    if (this.#channels.size >= MAX_SESSIONS || !this.#options.takePlace()) {
      this.#refuseOpen(remote, OPEN_FAILURE.RESOURCE_SHORTAGE, 'this client has too many channels open');
      return undefined;
    }
    const local = this.#freeId();
    const channel = new SessionChannel(this.#options.host, remote, window, maxPacket);
    this.#channels.set(local, { channel, session: requestsOf(channel) });
    this.#options.host.send(
      message(
        SSH_MSG.CHANNEL_OPEN_CONFIRMATION,
        uint32(remote),
        uint32(local),
        uint32(WINDOW_BYTES),
        uint32(MAX_PACKET_BYTES),
      ),
    );
    return channel;
  }

  #refuseOpen(remote: number, reason: number, description: string): void {
    this.#options.host.send(
      message(SSH_MSG.CHANNEL_OPEN_FAILURE, uint32(remote), uint32(reason), sshString(description), sshString('')),
    );
  }

  #request(entry: Entry, reader: MessageReader): void {
    const type = reader.ascii();
    const wantReply = reader.boolean();
    const accepted = entry.session.request(type, reader);
    if (wantReply && !entry.channel.closed) {
      const number = accepted ? SSH_MSG.CHANNEL_SUCCESS : SSH_MSG.CHANNEL_FAILURE;
      this.#options.host.send(message(number, uint32(entry.channel.remoteId)));
    }
    // Only after its reply, so that no output can overtake it.
    entry.session.start();
  }

  #close(id: number, entry: Entry): void {
    this.#channels.delete(id);
    this.#options.givePlaceBack();
    entry.channel.receiveClose();
  }

  #freeId(): number {
    while (this.#channels.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % 2 ** 31;
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 31;
    return id;
  }
}
