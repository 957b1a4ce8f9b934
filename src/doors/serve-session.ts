/**
 * One session from its request to its exit status. Every door ends here, so both treat a request the same way.
 */
import type { CallIo } from '../engine/call-io.ts';
import type { Asked, Caller, Gateway } from '../engine/door-interface.ts';
import { EXIT_STATUS } from '../protocol/exit-status.ts';
import { HELP_TEXT } from '../protocol/help-text.ts';
import type { FrameBudget } from './frame-budget.ts';
import { readRequest, type SessionCommand } from './read-request.ts';
import { openReply } from './reply.ts';

export interface SessionOptions {
  readonly gateway: Gateway;
  readonly caller: Caller;
  readonly command: SessionCommand;
  readonly io: CallIo;
  readonly budget: FrameBudget;
}

/** Serves the session. The streams of `io` are left open for the door to flush and close. Never rejects. */
export async function serveSession(session: SessionOptions): Promise<number> {
  try {
    return await answer(session);
  } catch (thrown) {
    return openReply('raw', session.io).finish(session.gateway.fail(session.caller, thrown));
  }
}

async function answer({ gateway, caller, command, io, budget }: SessionOptions): Promise<number> {
  const asked = await readRequest(command, { stdin: io.stdin, gone: io.gone, budget });
  if (asked === 'no-request') {
    if (!io.stdout.destroyed) io.stdout.write(HELP_TEXT);
    return EXIT_STATUS.malformed;
  }
  const reply = openReply(asked.kind === 'invalid' ? 'raw' : asked.reply, io);
  if (!readsStdin(asked)) io.stdin.resume();
  const ending = await gateway.serve(caller, asked, reply.io, reply.started);
  return reply.finish(ending);
}

/** Only a tool and a tunnel may want stdin; for the rest it is read and dropped, so that the client's writes do not stall. */
function readsStdin(asked: Asked): boolean {
  return asked.kind === 'tool' || (asked.kind === 'word' && asked.word === 'tunnel');
}
