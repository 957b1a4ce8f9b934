/**
 * Where a client wants a forward to lead (RFC 4254 section 7.2, and OpenSSH's PROTOCOL section 2.4). The names are those of
 * capabilities: nothing is ever dialled or opened because a client named it.
 */
import type { ForwardTarget } from '../../engine/door-interface.ts';
import type { MessageReader } from './wire.ts';

/** The channel types by which a client asks for one. */
export const FORWARD_TYPES: ReadonlySet<string> = new Set(['direct-tcpip', 'direct-streamlocal@openssh.com']);

/** Longest name that is looked at: a capability's has 64 characters. */
const MAX_NAME_BYTES = 255;

/**
 * Reads what follows the sizes in a CHANNEL_OPEN of one of those types; null for a name that no capability could have.
 *
 * @throws MalformedMessage
 */
export function readForwardTarget(type: string, reader: MessageReader): ForwardTarget | null {
  const name = reader.string();
  const port = type === 'direct-tcpip' ? reader.uint32() : null;
  if (name.length > MAX_NAME_BYTES || !/^[\x21-\x7e]+$/.test(name.toString('latin1'))) return null;
  return { name: name.toString('latin1'), port };
}
