/**
 * Which messages a client may send in which state. Pure, and complete: a number that is not listed ends the connection
 * or is answered as unimplemented, and never reaches code that would act on it.
 *
 * A server that judges messages where they are handled has been crashed or fooled by those that only servers send
 * (USERAUTH_SUCCESS, CVE-2018-10933) and by those of a later state (channel messages before authentication,
 * CVE-2025-32433). Here the state decides first.
 */
import { SSH_MSG } from './message-numbers.ts';

/** Where a connection stands: keys exchanged; user authentication requested; a client proven. */
export type ConnectionState = 'transport' | 'authentication' | 'connected';

/** What becomes of a message. */
export type Verdict =
  /** One of DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG and EXT_INFO: nothing is to be done but to note the first. */
  | 'housekeeping'
  /** For the handler of the state. */
  | 'handle'
  /** Answered with UNIMPLEMENTED (RFC 4253 section 11.4). */
  | 'unimplemented'
  /** Ends the connection with a protocol error. */
  | 'disconnect';

const HOUSEKEEPING: ReadonlySet<number> = new Set([
  SSH_MSG.DISCONNECT,
  SSH_MSG.IGNORE,
  SSH_MSG.UNIMPLEMENTED,
  SSH_MSG.DEBUG,
  SSH_MSG.EXT_INFO,
]);

/** What each state's handler takes. A message of another state is one that no honest client sends. */
const HANDLED: Readonly<Record<ConnectionState, ReadonlySet<number>>> = {
  transport: new Set([SSH_MSG.SERVICE_REQUEST]),
  authentication: new Set([SSH_MSG.USERAUTH_REQUEST]),
  connected: new Set([
    SSH_MSG.GLOBAL_REQUEST,
    SSH_MSG.REQUEST_SUCCESS,
    SSH_MSG.REQUEST_FAILURE,
    SSH_MSG.CHANNEL_OPEN,
    SSH_MSG.CHANNEL_WINDOW_ADJUST,
    SSH_MSG.CHANNEL_DATA,
    SSH_MSG.CHANNEL_EOF,
    SSH_MSG.CHANNEL_CLOSE,
    SSH_MSG.CHANNEL_REQUEST,
  ]),
};

/** Numbers from here on are local extensions (RFC 4250 section 4.1.1). An unknown one is harmless once a client is proven. */
const FIRST_LOCAL_NUMBER = 192;

/** Judges one message by its number. An empty payload has none and is passed as undefined. */
export function judgeMessage(state: ConnectionState, number: number | undefined): Verdict {
  if (number === undefined) return 'disconnect';
  if (HOUSEKEEPING.has(number)) return 'housekeeping';
  if (HANDLED[state].has(number)) return 'handle';
  if (state === 'connected' && number >= FIRST_LOCAL_NUMBER) return 'unimplemented';
  return 'disconnect';
}
