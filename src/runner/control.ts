/** The control connection: commands in, events out, one JSON object a line. */
import type { Socket } from 'node:net';
import { lineReader } from '../model/line-reader.ts';
import { MAX_CONTROL_LINE_BYTES } from '../model/runner-messages.ts';
import type { RunnerCommand, RunnerEvent } from '../model/runner-messages.ts';
import { parseCommand } from './command.ts';

/**
 * Passes on each command that is well formed, and calls `gone` once: when the gateway closed the connection, lost it, or
 * sent what no gateway sends. Returns the way to send events; one that cannot be sent is dropped, as its reader is gone.
 */
export function openControl(
  socket: Socket,
  first: Buffer,
  receive: (command: RunnerCommand) => void,
  gone: () => void,
): (event: RunnerEvent) => void {
  const send = (event: RunnerEvent): void => {
    if (socket.writable) socket.write(`${JSON.stringify(event)}\n`);
  };
  const onLine = (line: string): void => {
    if (socket.destroyed) return;
    const parsed = parseCommand(line);
    if (parsed.kind === 'command') receive(parsed.command);
    else if (parsed.kind === 'broken') socket.destroy();
    else send({ type: 'refused', token: parsed.token, code: 'EINVAL', message: `field ${parsed.field} is not valid` });
  };
  const read = lineReader(MAX_CONTROL_LINE_BYTES, onLine);
  const onData = (chunk: Buffer): void => {
    if (!read(chunk)) socket.destroy();
  };
  // Half-open: the end of the gateway's direction is the end of the connection.
  socket.once('end', () => socket.destroy());
  socket.once('close', gone);
  // Read again, and not here: a command can be answered only once the caller has the way to send.
  if (first.length > 0) socket.unshift(first);
  socket.on('data', onData);
  socket.resume();
  return send;
}
