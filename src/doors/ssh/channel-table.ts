/**
 * The channels of one authenticated connection: opening, messages 90 to 98, closing. What a channel request means is
 * `session.ts`'s.
 *
 * Invariants: channel types by allow-list; sizes checked at the open; every want_reply answered, in order; a message for
 * a channel that does not exist ends the connection.
 */
import { type ChannelHost, MAX_PACKET_BYTES, SessionChannel, WINDOW_BYTES } from './channel.ts';
import { OPEN_FAILURE, SSH_MSG } from './message-numbers.ts';
import type { Session } from './session.ts';
import { MalformedMessage, MessageReader, message, sshString, uint32 } from './wire.ts';

/** Session channels of one connection. OpenSSH's MaxSessions is 10; a busy agent multiplexes more. */
const MAX_SESSIONS = 64;
/** The smallest maximum packet that RFC 4253 section 6.1 lets a sane client announce is 32768; below this one it plays games. */
const MIN_PACKET_BYTES = 1024;

export interface ChannelTableOptions {
  readonly host: ChannelHost;
  /** Takes one of the client's places for a channel, over all its connections; false where none is left. */
  readonly takePlace: () => boolean;
  readonly givePlaceBack: () => void;
  /** Makes the session of a new channel. */
  readonly openSession: (channel: SessionChannel) => Session;
  /** Notes something that SSH offers and this door does not. */
  readonly refused: (feature: string) => void;
}

interface Entry {
  readonly channel: SessionChannel;
  readonly session: Session;
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
    if (type !== 'session') {
      this.#options.refused(`channel ${type}`);
      const known = type === 'direct-tcpip' || type === 'direct-streamlocal@openssh.com';
      const reason = known ? OPEN_FAILURE.ADMINISTRATIVELY_PROHIBITED : OPEN_FAILURE.UNKNOWN_CHANNEL_TYPE;
      return this.#refuseOpen(remote, reason, 'forwarding is not in this version');
    }
    if (this.#noMoreSessions)
      return this.#refuseOpen(remote, OPEN_FAILURE.ADMINISTRATIVELY_PROHIBITED, 'no more sessions');
    if (this.#channels.size >= MAX_SESSIONS || !this.#options.takePlace()) {
      return this.#refuseOpen(remote, OPEN_FAILURE.RESOURCE_SHORTAGE, 'this client has too many channels open');
    }
    const local = this.#freeId();
    const channel = new SessionChannel(this.#options.host, remote, window, maxPacket);
    this.#channels.set(local, { channel, session: this.#options.openSession(channel) });
    this.#options.host.send(
      message(
        SSH_MSG.CHANNEL_OPEN_CONFIRMATION,
        uint32(remote),
        uint32(local),
        uint32(WINDOW_BYTES),
        uint32(MAX_PACKET_BYTES),
      ),
    );
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
