/**
 * An SSH client that does what no honest client does: after a real key exchange it sends whatever payload a test wants,
 * in whatever order, and reads (or does not read) what comes back. Built on ssh2's client-side packet layer.
 */
import { type KeyObject, sign } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { SSH_MSG } from '../../src/doors/ssh/message-numbers.ts';
import { byte, MessageReader, message, sshString, uint32 } from '../../src/doors/ssh/wire.ts';

const require = createRequire(import.meta.url);
// The client side of ssh2's packet layer has no types of ours: tests alone use it.
// oxlint-disable-next-line typescript/no-explicit-any -- untyped internals of a dependency
const Protocol: any = require('ssh2/lib/protocol/Protocol.js');
// oxlint-disable-next-line typescript/no-explicit-any -- untyped internals of a dependency
const { sendPacket }: any = require('ssh2/lib/protocol/utils.js');
const ready: Promise<void> = require('ssh2/lib/protocol/crypto.js').init;

export interface RawKey {
  readonly privateKey: KeyObject;
  readonly blob: Buffer;
}

/** A raw ed25519 key from an OpenSSL-readable private key. */
export function rawKey(privateKey: KeyObject): RawKey {
  const jwk = privateKey.export({ format: 'jwk' });
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.from(jwk.x ?? '', 'base64url'))]);
  return { privateKey, blob };
}

export class RawSsh {
  readonly socket: Socket;
  readonly events = new EventEmitter();
  readonly received: Buffer[] = [];
  // oxlint-disable-next-line typescript/no-explicit-any -- untyped internals of a dependency
  readonly #protocol: any;
  closed = false;

  private constructor(socket: Socket, ident = 'OpenSSH_9.2') {
    this.socket = socket;
    this.#protocol = new Protocol({
      server: false,
      ident,
      hostVerifier: () => true,
      onWrite: (data: Buffer) => socket.writable && socket.write(data),
      onError: () => socket.destroy(),
      onHandshakeComplete: () => this.events.emit('handshake'),
      messageHandlers: {},
      offer: {
        kex: ['curve25519-sha256@libssh.org'],
        serverHostKey: ['ssh-ed25519'],
        cs: {
          cipher: ['aes128-gcm@openssh.com'],
          mac: ['hmac-sha2-256-etm@openssh.com'],
          compress: ['none'],
          lang: [],
        },
        sc: {
          cipher: ['aes128-gcm@openssh.com'],
          mac: ['hmac-sha2-256-etm@openssh.com'],
          compress: ['none'],
          lang: [],
        },
      },
    });
    const kexPayload = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload: Buffer) => {
      if (payload[0] === SSH_MSG.KEXINIT) return kexPayload(payload);
      this.received.push(Buffer.from(payload));
      this.events.emit('message', payload);
      return undefined;
    };
    socket.on('data', (data: Buffer) => {
      try {
        this.#protocol.parse(data, 0, data.length);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.events.emit('closed');
    });
  }

  /** Connects and exchanges keys. */
  static async connect(port: number, host = '127.0.0.1'): Promise<RawSsh> {
    await ready;
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    const client = new RawSsh(socket);
    const handshake = once(client.events, 'handshake');
    client.#protocol.start();
    await handshake;
    return client;
  }

  /** Sends one payload, encrypted, whatever it is. */
  send(payload: Buffer): void {
    if (this.closed || !this.socket.writable) return;
    const writer = this.#protocol._packetRW.write;
    const packet = writer.alloc(payload.length, true);
    payload.copy(packet, writer.allocStartKEX);
    sendPacket(this.#protocol, writer.finalize(packet, true), true);
  }

  /** Starts a key exchange and says nothing more. */
  beginRekey(): void {
    this.#protocol.rekey();
  }

  get sessionId(): Buffer {
    return this.#protocol._kex.sessionID as Buffer;
  }

  /** Resolves with the first message of one of these numbers, already received or to come; rejects when the connection closes. */
  async expect(...numbers: readonly number[]): Promise<Buffer> {
    for (;;) {
      const at = this.received.findIndex((payload) => numbers.includes(payload[0] ?? 0));
      if (at !== -1) return this.received.splice(at, 1)[0] ?? Buffer.alloc(0);
      if (this.closed) throw new Error('the connection was closed');
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.events.off('message', wake).off('closed', wake);
          resolve();
        };
        this.events.on('message', wake).on('closed', wake);
      });
    }
  }

  async untilClosed(): Promise<void> {
    if (!this.closed) await once(this.events, 'closed');
  }

  requestService(): void {
    this.send(message(SSH_MSG.SERVICE_REQUEST, sshString('ssh-userauth')));
  }

  /** The body of a publickey request, signed with `signer` (another key than `key` for an attack) or unsigned. */
  authRequest(key: RawKey, signer: RawKey | undefined, user = 'carapace'): Buffer {
    const head = message(
      SSH_MSG.USERAUTH_REQUEST,
      sshString(user),
      sshString('ssh-connection'),
      sshString('publickey'),
      byte(signer !== undefined),
      sshString('ssh-ed25519'),
      sshString(key.blob),
    );
    if (signer === undefined) return head;
    const signature = sign(null, Buffer.concat([sshString(this.sessionId), head]), signer.privateKey);
    return Buffer.concat([head, sshString(Buffer.concat([sshString('ssh-ed25519'), sshString(signature)]))]);
  }

  /** Logs in; resolves true where the server said SUCCESS. */
  async login(key: RawKey): Promise<boolean> {
    this.requestService();
    await this.expect(SSH_MSG.SERVICE_ACCEPT);
    this.send(this.authRequest(key, key));
    const answer = await this.expect(SSH_MSG.USERAUTH_SUCCESS, SSH_MSG.USERAUTH_FAILURE);
    return answer[0] === SSH_MSG.USERAUTH_SUCCESS;
  }

  /** Opens a session channel and returns the server's number for it. */
  async openSession(id: number, window = 2 ** 31, maxPacket = 32768): Promise<number> {
    this.send(message(SSH_MSG.CHANNEL_OPEN, sshString('session'), uint32(id), uint32(window), uint32(maxPacket)));
    const answer = await this.expect(SSH_MSG.CHANNEL_OPEN_CONFIRMATION, SSH_MSG.CHANNEL_OPEN_FAILURE);
    if (answer[0] === SSH_MSG.CHANNEL_OPEN_FAILURE) throw new Error('channel refused');
    const reader = new MessageReader(answer);
    reader.uint32();
    return reader.uint32();
  }

  exec(channel: number, command: string | Buffer): void {
    this.send(message(SSH_MSG.CHANNEL_REQUEST, uint32(channel), sshString('exec'), byte(true), sshString(command)));
  }

  close(): void {
    this.socket.destroy();
  }
}
