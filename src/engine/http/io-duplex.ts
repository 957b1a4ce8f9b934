/** The streams of a channel as one stream both ways, for a protocol that is spoken over a connection. */
import { Duplex } from 'node:stream';
import type { CallIo } from '../call-io.ts';

/**
 * One Duplex of a channel's stdin and stdout. Each side's slowness is the other's: nothing is read ahead, and a write is
 * done once the client's window took it. Destroyed when the client goes; destroying it ends both of the channel's streams.
 */
export function duplexOf({ stdin, stdout, gone }: CallIo): Duplex {
  let isEnding = false;
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => void stdin.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      stdout.write(chunk, done);
    },
    final: (done) => {
      isEnding = true;
      stdout.end(() => done());
    },
    destroy: (error, done) => {
      gone.removeEventListener('abort', onGone);
      stdin.destroy();
      stdout.destroy();
      done(error);
    },
  });
  const onGone = (): void => void duplex.destroy();
  gone.addEventListener('abort', onGone, { once: true });
  stdin.on('error', onGone).on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) stdin.pause();
  });
  stdin.once('end', () => duplex.push(null)).pause();
  stdout.on('error', onGone).once('close', () => {
    if (!isEnding) duplex.destroy();
  });
  if (gone.aborted) onGone();
  return duplex;
}
