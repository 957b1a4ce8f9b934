/**
 * The ssh door: takes sockets from any number of listeners, and keeps what concerns more than one connection: who has
 * not logged in yet, each client's channels, and which connections lose their key.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Caller, ForwardTarget, Gateway } from '../../engine/door-interface.ts';
import { createFrameBudgets } from '../frame-budget.ts';
import type { SessionCommand } from '../read-request.ts';
import { serveSession } from '../serve-session.ts';
import type { SessionChannel } from './channel.ts';
import type { OpenForward } from './channel-table.ts';
import { Connection } from './connection.ts';
import { FairShare } from './fair-share.ts';
import { DISCONNECT } from './message-numbers.ts';
import type { TransportHostKey } from './transport.ts';

/** Connections that one client may keep open: far above use, far below what memory holds. */
const MAX_CONNECTIONS_PER_CLIENT = 1024;

export interface SshDoorOptions {
  readonly gateway: Gateway;
  readonly hostKey: TransportHostKey;
  /** Carapace's version, shown in the identification string as `OpenSSH_Carapace_VERSION`. */
  readonly version: string;
  /** Milliseconds in which a client must log in, as sshd's LoginGraceTime. */
  readonly loginGraceMs: number;
  /** Failed attempts that end a connection, as sshd's MaxAuthTries. */
  readonly maxAuthTries: number;
  /** Connections that may be without a proven key at once. Beyond it the oldest of the address that has most gives way, so a flood pushes itself out. */
  readonly maxUnauthenticated: number;
  /** Open channels of one client, over all its connections. */
  readonly maxChannelsPerClient: number;
}

/** What the operator sees of a connection. */
export interface ConnectionView {
  readonly caller: Caller;
  readonly connectedAt: Date;
  readonly channels: number;
  readonly bytes: { readonly received: number; readonly sent: number };
}

interface LiveConnection {
  readonly id: string;
  readonly connection: Connection;
  readonly connectedAt: Date;
  /** Address, or the listener's path on a Unix socket. */
  readonly source: string;
  caller: Caller | undefined;
  /** Why the door ended it before its login; undefined where the door did not. */
  endedBecause: 'grace-time' | 'too-many-connections' | undefined;
}

export class SshDoor {
  readonly #options: SshDoorOptions;
  readonly #ident: string;
  readonly #live = new Set<LiveConnection>();
  /** Insertion order is age. */
  readonly #unauthenticated = new Set<LiveConnection>();
  readonly #liveOf = new Map<string, Set<LiveConnection>>();
  readonly #share = new FairShare();
  readonly #channelsOf = new Map<string, number>();
  readonly #budgetOf = createFrameBudgets();
  readonly #answers = new Set<Promise<void>>();

  constructor(options: SshDoorOptions) {
    this.#options = options;
    // OpenSSH's client sends eow@openssh.com, without which `ssh gw tool | head` hangs, only to servers of this name.
    this.#ident = `OpenSSH_Carapace_${options.version}`;
  }

  /** Takes a connected socket. `listener` names a Unix socket's path; a TCP peer is named by its address. */
  accept(socket: Socket, listener: string): void {
    const id = randomBytes(8).toString('hex');
    const address = socket.remoteAddress;
    const peer = address === undefined ? listener : `${address}:${socket.remotePort ?? 0}`;
    const connection = new Connection({
      socket,
      hostKey: this.#options.hostKey,
      ident: this.#ident,
      maxAuthTries: this.#options.maxAuthTries,
      lookUp: (key) => this.#options.gateway.lookUpKey(key, address),
      onLogin: (key) => this.#login(live, key, address, peer),
      serve: (caller, command, channel) => this.#serve(caller, command, channel),
      openForward: (caller, target) => this.#openForward(caller, target),
      takePlace: (caller) => this.#takePlace(caller.client),
      givePlaceBack: (caller) => this.#givePlaceBack(caller.client),
      refused: (caller, feature) => this.#options.gateway.note({ kind: 'feature-refused', caller, feature }),
      inTurn: (handle) => this.#share.handle(live.caller?.client ?? ` ${live.source}`, handle),
      clientWaiting: () => this.#waitingOf(live.caller),
      onEnd: (reason) => this.#ended(live, peer, reason, grace),
    });
    const live: LiveConnection = {
      id,
      connection,
      connectedAt: new Date(),
      source: address ?? listener,
      caller: undefined,
      endedBecause: undefined,
    };
    const grace = setTimeout(() => {
      if (live.caller !== undefined) return;
      live.endedBecause = 'grace-time';
      connection.disconnect(DISCONNECT.BY_APPLICATION, 'login grace time exceeded');
    }, this.#options.loginGraceMs).unref();
    this.#live.add(live);
    this.#unauthenticated.add(live);
    this.#makeRoom();
  }

  /** Ends the connections whose key may no longer log in: removed, expired, not from there, or another client's now. */
  dropRevoked(): void {
    for (const { connection, caller } of this.#live) {
      if (caller === undefined) continue;
      const answer = this.#options.gateway.lookUpKey(caller.key, caller.address);
      if (answer.ok && answer.client === caller.client) continue;
      connection.disconnect(DISCONNECT.BY_APPLICATION, 'this key is no longer valid');
    }
  }

  /** The connections of proven clients. */
  connections(): ConnectionView[] {
    const views: ConnectionView[] = [];
    for (const { caller, connection, connectedAt } of this.#live) {
      if (caller === undefined) continue;
      views.push({ caller, connectedAt, channels: connection.channelCount, bytes: connection.bytes });
    }
    return views;
  }

  /** Resolves once the clients have closed the channels of all calls that ended: never, if one of them does not. */
  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  /** Ends every connection. */
  disconnectAll(reason: string): void {
    for (const { connection } of this.#live) connection.disconnect(DISCONNECT.BY_APPLICATION, reason);
  }

  async #serve(caller: Caller, command: SessionCommand, channel: SessionChannel): Promise<void> {
    const { gateway } = this.#options;
    const budget = this.#budgetOf(caller.client);
    await this.#finish(channel, await serveSession({ gateway, caller, command, io: channel.io, budget }));
  }

  async #finish(channel: SessionChannel, status: number | null): Promise<void> {
    const answer = channel.finish(status);
    this.#answers.add(answer);
    await answer;
    this.#answers.delete(answer);
  }

  #openForward(caller: Caller, target: ForwardTarget): OpenForward | undefined {
    const { gateway } = this.#options;
    const serve = gateway.openForward(caller, target);
    if (serve !== undefined) return (channel) => void serve(channel.io).then(() => this.#finish(channel, null));
    const { name, port } = target;
    gateway.note({
      kind: 'feature-refused',
      caller,
      feature: `forward to ${port === null ? name : `${name}:${port}`}`,
    });
    return undefined;
  }

  #makeRoom(): void {
    if (this.#unauthenticated.size <= this.#options.maxUnauthenticated) return;
    const bySource = new Map<string, LiveConnection[]>();
    for (const live of this.#unauthenticated) {
      const known = bySource.get(live.source);
      if (known === undefined) bySource.set(live.source, [live]);
      else known.push(live);
    }
    const [first] = [...bySource.values()].toSorted((a, b) => b.length - a.length);
    const oldest = first?.[0];
    if (oldest === undefined) return;
    oldest.endedBecause = 'too-many-connections';
    oldest.connection.disconnect(DISCONNECT.TOO_MANY_CONNECTIONS, 'too many connections without a login');
  }

  #login(live: LiveConnection, key: Buffer, address: string | undefined, peer: string): Caller | string {
    const answer = this.#options.gateway.lookUpKey(key, address);
    if (!answer.ok) return 'this key is no longer valid';
    const { client, fingerprint } = answer;
    const others = this.#liveOf.get(client) ?? new Set();
    if (others.size >= MAX_CONNECTIONS_PER_CLIENT) {
      live.endedBecause = 'too-many-connections';
      return 'this client has too many connections open';
    }
    const caller: Caller = { door: 'ssh', connection: live.id, peer, address, key, client, fingerprint };
    live.caller = caller;
    this.#liveOf.set(client, others.add(live));
    this.#unauthenticated.delete(live);
    this.#options.gateway.note({ kind: 'opened', caller });
    return caller;
  }

  #ended(live: LiveConnection, peer: string, reason: string | null, grace: NodeJS.Timeout): void {
    clearTimeout(grace);
    this.#live.delete(live);
    this.#unauthenticated.delete(live);
    const { gateway } = this.#options;
    if (live.caller !== undefined) this.#forget(live, live.caller.client);
    if (live.caller !== undefined) return gateway.note({ kind: 'closed', caller: live.caller, reason });
    const last = live.connection.lastAuthFailure;
    const withoutAttempt = reason === null ? 'no-attempt' : 'protocol';
    gateway.note({
      kind: 'auth-failure',
      door: 'ssh',
      connection: live.id,
      peer,
      key: last?.key ?? null,
      reason: live.endedBecause ?? last?.reason ?? withoutAttempt,
    });
  }

  #forget(live: LiveConnection, client: string): void {
    const ofClient = this.#liveOf.get(client);
    ofClient?.delete(live);
    if (ofClient?.size === 0) this.#liveOf.delete(client);
  }

  /** Bytes that wait to be sent to a client; 0 before it is known, when a connection's own bounds are enough. */
  #waitingOf(caller: Caller | undefined): number {
    let bytes = 0;
    for (const { connection } of this.#liveOf.get(caller?.client ?? '') ?? []) bytes += connection.waiting;
    return bytes;
  }

  #takePlace(client: string): boolean {
    const open = this.#channelsOf.get(client) ?? 0;
    if (open >= this.#options.maxChannelsPerClient) return false;
    this.#channelsOf.set(client, open + 1);
    return true;
  }

  #givePlaceBack(client: string): void {
    const open = (this.#channelsOf.get(client) ?? 1) - 1;
    if (open === 0) this.#channelsOf.delete(client);
    else this.#channelsOf.set(client, open);
  }
}
