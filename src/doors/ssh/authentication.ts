/**
 * User authentication (RFC 4252), public keys only.
 *
 * Invariants: a client is bound only where a signature over this session was verified for a key that the current
 * snapshot holds (offering A and signing with B gives B); keys are looked up by their raw bytes and what the peer sent
 * is never parsed as a key; every refusal reads the same; decisions are made in the message's own tick, so there is no
 * pending attempt that another message could meddle with.
 */
import { fingerprint } from '../../identity/public-key.ts';
import { DISCONNECT, type DisconnectReason, SSH_MSG } from './message-numbers.ts';
import { byte, MessageReader, message, sshString } from './wire.ts';

/** Why an attempt failed, for the audit log. */
export type AuthFailureReason =
  | 'method-refused'
  | 'unknown-key'
  | 'expired'
  | 'from-refused'
  | 'bad-signature'
  | 'too-many-tries';

/** What the door knows of a key: whether a client may log in with it from where this connection comes from. */
export type KeyLookup =
  | { readonly ok: true; readonly verify: (data: Buffer, signature: Buffer) => boolean }
  | { readonly ok: false; readonly reason: AuthFailureReason };

export interface AuthenticationOptions {
  /** Failed attempts that end the connection, as sshd's MaxAuthTries. The first `none` is free: clients ask with it what there is. */
  readonly maxTries: number;
  readonly sessionId: () => Buffer;
  readonly send: (payload: Buffer) => void;
  readonly lookUp: (blob: Buffer) => KeyLookup;
  /** Called once, after SUCCESS was sent, with the key whose signature was verified. */
  readonly onSuccess: (blob: Buffer) => void;
  /** Ends the connection. */
  readonly disconnect: (reason: DisconnectReason, description: string) => void;
}

/** Requests in all, unsigned probes of good keys included: far more than a client with a full agent needs. */
const MAX_REQUESTS = 64;

/** The authentication of one connection. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  #requests = 0;
  #tries = 0;
  #user: Buffer | undefined;
  #lastFailure: { readonly reason: AuthFailureReason; readonly key: string | null } | null = null;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The last refusal, for the audit record of a connection that ends without a client; null before any. */
  get lastFailure(): { readonly reason: AuthFailureReason; readonly key: string | null } | null {
    return this.#lastFailure;
  }

  /** Handles one USERAUTH_REQUEST. @throws MalformedMessage */
  handle(payload: Buffer): void {
    this.#requests += 1;
    if (this.#requests > MAX_REQUESTS) return this.#giveUp(this.#lastFailure?.key ?? null);
    const reader = new MessageReader(payload);
    const user = reader.string();
    const service = reader.ascii();
    const method = reader.ascii();
    if (service !== 'ssh-connection') {
      return this.#options.disconnect(DISCONNECT.SERVICE_NOT_AVAILABLE, 'no such service');
    }
    this.#user ??= Buffer.from(user);
    if (!this.#user.equals(user)) {
      return this.#options.disconnect(DISCONNECT.PROTOCOL_ERROR, 'change of user name is not allowed');
    }
    if (method === 'publickey') return this.#publicKey(payload, reader);
    return this.#refuse('method-refused', null, method !== 'none' || this.#requests > 1);
  }

  #publicKey(payload: Buffer, reader: MessageReader): void {
    const signed = reader.boolean();
    const algorithm = reader.string();
    const blob = reader.string();
    const signedLength = reader.position;
    const signature = signed ? reader.string() : undefined;
    reader.end();

    const key = this.#options.lookUp(blob);
    if (!key.ok) return this.#refuse(key.reason, blob);
    if (signature === undefined) {
      return this.#options.send(message(SSH_MSG.USERAUTH_PK_OK, sshString(algorithm), sshString(blob)));
    }
    // RFC 4252 section 7: the signature covers the session identifier and the request up to the signature.
    const data = Buffer.concat([sshString(this.#options.sessionId()), payload.subarray(0, signedLength)]);
    if (!key.verify(data, signature)) return this.#refuse('bad-signature', blob);
    this.#options.send(message(SSH_MSG.USERAUTH_SUCCESS));
    this.#options.onSuccess(Buffer.from(blob));
  }

  #refuse(reason: AuthFailureReason, blob: Buffer | null, counts = true): void {
    if (counts) this.#tries += 1;
    const key = blob === null ? null : fingerprint(blob);
    if (this.#tries >= this.#options.maxTries) return this.#giveUp(key);
    this.#lastFailure = { reason, key };
    this.#options.send(message(SSH_MSG.USERAUTH_FAILURE, sshString('publickey'), byte(false)));
  }

  #giveUp(key: string | null): void {
    this.#lastFailure = { reason: 'too-many-tries', key };
    this.#options.disconnect(DISCONNECT.NO_MORE_AUTH_METHODS_AVAILABLE, 'too many authentication failures');
  }
}
