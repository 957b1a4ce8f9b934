/**
 * The SSH transport layer (RFC 4253): version exchange, key exchange, encryption. The one file that imports ssh2.
 *
 * ssh2's own server above this layer can be crashed before authentication, wedged by one packet, and made to corrupt
 * its output or to buffer without bound; none of it is used. What is used is its `Protocol`, which parses packets and
 * does the cryptography; every decrypted payload but those of key exchange goes to `onMessage`, unparsed
 * (docs/decisions/0002-own-connection-layer.md).
 *
 * Invariants: `onMessage` sees each payload once and in order; nothing is written after `disconnect` or `close`; no callback of ssh2's
 * throws into a socket's event.
 */
import ssh2Crypto from 'ssh2/lib/protocol/crypto.js';
import keyParser from 'ssh2/lib/protocol/keyParser.js';
import Protocol from 'ssh2/lib/protocol/Protocol.js';
import ssh2Utils from 'ssh2/lib/protocol/utils.js';
import { messageOf } from '../../model/error.ts';
import { type DisconnectReason, EXTENDED_DATA_STDERR, SSH_MSG } from './message-numbers.ts';
import { message, sshString, uint32 } from './wire.ts';

/**
 * What is offered. `curve25519-sha256@libssh.org` comes first because ssh2 drops the packet after a right first guess
 * of the key exchange, which is dropbear's; so that guess must count as wrong. Without compression there is no
 * decompression bomb. Clients without AEAD ciphers need the CTR modes.
 */
const KEX = ['curve25519-sha256@libssh.org', 'curve25519-sha256'];
const CIPHERS = [
  'chacha20-poly1305@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-gcm@openssh.com',
  'aes256-ctr',
  'aes192-ctr',
  'aes128-ctr',
];
const MACS = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'];

/** User key algorithms that this door verifies, for `server-sig-algs` (RFC 8308 section 3.1). */
const SIGNATURE_ALGORITHMS = 'ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521';

/** The host key as ssh2 wants it, parsed once at start. */
export interface TransportHostKey {
  readonly parsed: unknown;
}

export interface TransportOptions {
  readonly hostKey: TransportHostKey;
  /** Software version in the identification string. Begins with `OpenSSH_`, or OpenSSH's client sends no `eow`. */
  readonly ident: string;
  /** Bytes for the socket. */
  readonly write: (bytes: Buffer) => void;
  /** A decrypted payload that does not belong to key exchange. It may throw: that ends the connection. */
  readonly onMessage: (payload: Buffer) => void;
  /** A key exchange began, and was completed: nothing but its own messages goes out in between. */
  readonly onKeyExchange: (state: 'begun' | 'done') => void;
  /** The peer broke the protocol: the connection is of no use any more. Called at most once. */
  readonly onFatal: (why: string) => void;
}

/** Resolves once ssh2's cryptography (a WebAssembly module) is ready; no transport may be opened before. */
export const transportReady: Promise<void> = ssh2Crypto.init;

/** Parses the host's private key. @throws Error where ssh2 cannot read it. */
export function parseHostKey(privateKey: string): TransportHostKey {
  const parsed = keyParser.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  return { parsed: Array.isArray(parsed) ? (parsed[0] as unknown) : parsed };
}

/** The transport of one connection. Opening it sends our identification string. */
export class Transport {
  readonly #protocol: Protocol;
  readonly #options: TransportOptions;
  #open = true;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#protocol = new Protocol({
      server: true,
      hostKeys: { 'ssh-ed25519': options.hostKey.parsed },
      ident: options.ident,
      offer: offer(),
      messageHandlers: {},
      onHeader: () => undefined,
      onWrite: (bytes) => {
        if (this.#open) options.write(bytes);
      },
      onError: (error) => this.#fail(error.message),
      onHandshakeComplete: () => options.onKeyExchange('done'),
    });
    this.#takePayloads();
    this.#replaceExtInfo();
    this.#protocol.start();
  }

  /** Takes bytes from the socket. Never throws. */
  receive(bytes: Buffer): void {
    if (!this.#open) return;
    try {
      this.#protocol.parse(bytes, 0, bytes.length);
    } catch (thrown) {
      this.#fail(messageOf(thrown));
    }
  }

  /** Sends one message, or queues it while keys are exchanged. */
  send(payload: Buffer): void {
    this.#transmit(payload.length, (packet, at) => payload.copy(packet, at));
  }

  /** Sends CHANNEL_DATA (RFC 4254 section 5.2) with one copy of the data. */
  sendData(channel: number, data: Buffer): void {
    this.#transmit(9 + data.length, (packet, at) => {
      packet[at] = SSH_MSG.CHANNEL_DATA;
      packet.writeUInt32BE(channel, at + 1);
      packet.writeUInt32BE(data.length, at + 5);
      data.copy(packet, at + 9);
    });
  }

  /** Sends CHANNEL_EXTENDED_DATA of type stderr with one copy of the data. */
  sendStderr(channel: number, data: Buffer): void {
    this.#transmit(13 + data.length, (packet, at) => {
      packet[at] = SSH_MSG.CHANNEL_EXTENDED_DATA;
      packet.writeUInt32BE(channel, at + 1);
      packet.writeUInt32BE(EXTENDED_DATA_STDERR, at + 5);
      packet.writeUInt32BE(data.length, at + 9);
      data.copy(packet, at + 13);
    });
  }

  /** Sends DISCONNECT with a description for people, even while keys are exchanged. Nothing follows it (RFC 4253 section 11.1). */
  disconnect(reason: DisconnectReason, description: string): void {
    if (!this.#open) return;
    const payload = message(SSH_MSG.DISCONNECT, uint32(reason), sshString(description), sshString(''));
    const writer = this.#protocol._packetRW.write;
    const packet = writer.alloc(payload.length, true);
    payload.copy(packet, writer.allocStartKEX);
    ssh2Utils.sendPacket(this.#protocol, writer.finalize(packet, true), true);
    this.#open = false;
  }

  /** Begins a key exchange, unless one is under way. */
  rekey(): void {
    if (!this.#open || this.exchangingKeys) return;
    this.#protocol.rekey();
    this.#options.onKeyExchange('begun');
  }

  get exchangingKeys(): boolean {
    return this.#protocol._kexinit !== undefined;
  }

  /** Messages that wait for the end of a key exchange. */
  get queuedMessages(): number {
    return this.#protocol._queue?.length ?? 0;
  }

  /** The session identifier that signatures cover (RFC 4253 section 7.2). */
  get sessionId(): Buffer {
    return this.#protocol._kex?.sessionID ?? Buffer.alloc(0);
  }

  /** Sequence number of the message being handled, for UNIMPLEMENTED (RFC 4253 section 11.4). */
  get sequenceNumber(): number {
    return ((this.#protocol._decipher?.inSeqno ?? 1) - 1) >>> 0;
  }

  /** Frees the ciphers. Nothing is sent or received afterwards. */
  close(): void {
    this.#open = false;
    this.#protocol.cleanup();
  }

  /**
   * Every payload but KEXINIT goes to `onMessage` and to nothing of ssh2's. Once that has closed the transport, ssh2 must
   * not go on with the rest of the chunk: its ciphers are freed.
   */
  #takePayloads(): void {
    const keyExchangePayload = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload) => {
      if (payload[0] === SSH_MSG.KEXINIT) {
        this.#options.onKeyExchange('begun');
        return keyExchangePayload(payload);
      }
      this.#options.onMessage(payload);
      return this.#open ? undefined : STOP_PARSING;
    };
  }

  /** ssh2's own EXT_INFO lacks a comma and names algorithms that this door refuses, so ours goes out in its place. */
  #replaceExtInfo(): void {
    const handshakeComplete = this.#protocol._onHandshakeComplete;
    let first = true;
    this.#protocol._onHandshakeComplete = (negotiated) => {
      const exchange = this.#protocol._kex;
      if (exchange?.remoteExtInfoEnabled === true) {
        exchange.remoteExtInfoEnabled = false;
        if (first) this.send(EXT_INFO);
      }
      first = false;
      handshakeComplete(negotiated);
    };
  }

  /** Hands ssh2 a payload of `length` bytes that `fill` writes from the given offset on. */
  #transmit(length: number, fill: (packet: Buffer, at: number) => void): void {
    if (!this.#open) return;
    const writer = this.#protocol._packetRW.write;
    const packet = writer.alloc(length);
    // While keys are exchanged ssh2 queues bare payloads, and lays out their packets later.
    fill(packet, this.exchangingKeys ? 0 : writer.allocStart);
    ssh2Utils.sendPacket(this.#protocol, writer.finalize(packet));
  }

  #fail(why: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.onFatal(why);
  }
}

/** What ssh2's payload handlers return to end the parsing of a chunk. */
const STOP_PARSING = Number.POSITIVE_INFINITY;

/** A fresh object each time: ssh2 changes it. */
function offer(): ConstructorParameters<typeof Protocol>[0]['offer'] {
  const direction = { cipher: CIPHERS, mac: MACS, compress: ['none'], lang: [] };
  return { kex: [...KEX], serverHostKey: ['ssh-ed25519'], cs: direction, sc: direction };
}

const EXT_INFO = message(SSH_MSG.EXT_INFO, uint32(1), sshString('server-sig-algs'), sshString(SIGNATURE_ALGORITHMS));
