/**
 * What a client may ask of a session channel (RFC 4254 section 6): one `exec` or `shell`, signals, and nothing else.
 *
 * Invariants: the first `exec` or `shell` starts the session and every later one fails; environment, terminals, agent,
 * X11 and subsystems are refused and recorded; the command's bytes are kept as they came.
 */
import type { SessionCommand } from '../read-request.ts';
import type { SessionChannel } from './channel.ts';
import type { MessageReader } from './wire.ts';

/** The longest exec command, in bytes. ssh2 ends a connection whose packet passes 35000, so a shim stays below. */
const MAX_COMMAND_BYTES = 32_000;

/** Features that a client might abuse elsewhere, so that asking for them is worth a record. */
const RECORDED: ReadonlySet<string> = new Set(['env', 'x11-req', 'auth-agent-req@openssh.com']);

export interface SessionOptions {
  readonly channel: SessionChannel;
  /** Serves the command on the channel's streams and finishes the channel; never rejects. */
  readonly serve: (command: SessionCommand) => Promise<void>;
  readonly refused: (feature: string) => void;
}

export class Session {
  readonly #options: SessionOptions;
  #command: SessionCommand | undefined;
  #started = false;
  #terminalRefused = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Handles one channel request; returns whether it succeeds. @throws MalformedMessage */
  request(type: string, reader: MessageReader): boolean {
    switch (type) {
      case 'exec':
        return this.#take(execCommand(reader.string()));
      case 'shell':
        return this.#take({ kind: this.#terminalRefused ? 'terminal' : 'shell' });
      case 'signal':
        return this.#options.channel.receiveSignal(reader.ascii());
      case 'eow@openssh.com':
        this.#options.channel.endOfWrite();
        return true;
      case 'pty-req':
        this.#terminalRefused = true;
        return this.#refuse(type);
      case 'subsystem':
        return this.#refuse(`subsystem ${reader.ascii()}`);
      default:
        // window-change, break, keepalive@openssh.com and the like: nothing to do, and nothing to record.
        return RECORDED.has(type) && this.#refuse(type);
    }
  }

  /** Starts what an accepted `exec` or `shell` asked for, once. */
  start(): void {
    if (this.#command === undefined || this.#started) return;
    this.#started = true;
    void this.#options.serve(this.#command);
  }

  #take(command: SessionCommand): boolean {
    if (this.#command !== undefined) return false;
    this.#command = command;
    return true;
  }

  #refuse(feature: string): false {
    this.#options.refused(feature);
    return false;
  }
}

/** A command that is too long is answered as a request that is: a CHANNEL_FAILURE would tell its sender nothing. */
function execCommand(bytes: Buffer): SessionCommand {
  if (bytes.length > MAX_COMMAND_BYTES) return { kind: 'oversized', limit: MAX_COMMAND_BYTES };
  return { kind: 'exec', command: Buffer.from(bytes) };
}
