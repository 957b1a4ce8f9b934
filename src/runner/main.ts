/**
 * Entry of the runner: the process that starts tools for one OS user, so that the gateway never has to fork. Small on
 * purpose: fork(2) takes time in proportion to the memory of who calls it, and what runs here could be read by tools of
 * the same user. It knows no policy, key or store.
 *
 * It lives exactly as long as its gateway does, whichever of stdin and control connection tells first. `manner.ts` has the
 * ways in which it is started.
 */
import type { Server } from 'node:net';
import { lineReader } from '../model/line-reader.ts';
import type { RunnerCommand, RunnerEvent } from '../model/runner-messages.ts';
import { createCalls } from './calls.ts';
import { createConnections } from './connections.ts';
import { openControl } from './control.ts';
import { closeInherited } from './descriptors.ts';
import { introduction } from './introduction.ts';
import { readManner } from './manner.ts';
import type { Manner } from './manner.ts';
import { createStreamMeeting } from './stream-meeting.ts';
import { createSweeper, sweepEarlierLives } from './sweep.ts';

/** What a gateway has at most waiting to be accepted: three connections for each call that begins at this moment. */
const BACKLOG = 4096;

/** A runner that was started by a connection has its gateway at once. */
const GATEWAY_DEADLINE_MS = 30_000;

const manner = readManner(process.argv.slice(2), process.env);
if (manner === undefined) {
  process.stderr.write('carapace: error: runner: started by hand, but only the gateway can start it\n');
  process.exitCode = 64;
} else if (manner.hasGatewayOnStdin) {
  awaitSecret((secret) => void run(manner, secret));
} else {
  void run(manner, undefined);
}

async function run(manner: Manner, secret: string | undefined): Promise<void> {
  closeInherited();
  // The gateway ends the runner by closing; a signal to its whole group (a terminal's, a service manager's) must leave it
  // time to let calls finish, so it must not take the runner away. USR1 opens Node's debugger to everybody on this host
  // unless somebody listens for it, and every tool of this user may send it.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1'] as const) process.on(signal, () => {});
  // What a tool of another user than the gateway's makes is that user's alone.
  if ('fd' in manner.listen) process.umask(0o077);
  let send: (event: RunnerEvent) => void = () => {};
  const marker = `${manner.installation}.${process.pid}`;
  const sweeper = createSweeper(marker, (token) => calls.isLive(token));
  const calls = createCalls(marker, (event) => send(event), sweeper.callEnded);
  const meeting = createStreamMeeting({
    complete: calls.start,
    failed: ({ token }, code) =>
      send({ type: 'refused', token, code, message: 'the streams of the call did not come' }),
  });
  const receive = (command: RunnerCommand): void => {
    if (command.type === 'start') meeting.bringCommand(command);
    else if (command.type === 'signal') calls.signal(command);
    else if (command.type === 'end') calls.end(command.token);
    else send({ type: 'pong', token: command.token });
  };
  const leave = async (): Promise<void> => {
    // A connection that comes now is for the next one.
    server.close();
    calls.killAll();
    await sweeper.sweep();
    // oxlint-disable-next-line unicorn/no-process-exit -- a tool that not even KILL can end must not keep this process
    process.exit();
  };
  const server = createConnections(secret, {
    stream: meeting.bringStream,
    control: (socket, first) => {
      clearTimeout(gatewayDeadline);
      send = openControl(socket, first, receive, () => void leave());
      send(introduction(manner.directory));
    },
  });
  let gatewayDeadline: NodeJS.Timeout | undefined;
  if (manner.hasGatewayOnStdin) process.stdin.once('end', () => void leave()).once('error', () => void leave());
  else gatewayDeadline = setTimeout(() => void leave(), GATEWAY_DEADLINE_MS);
  await sweepEarlierLives(manner.installation);
  listen(server, manner.listen);
}

/** A socket that it makes is this user's alone from its first moment: it comes into being under the umask that says so. */
function listen(server: Server, where: Manner['listen']): void {
  const umask = process.umask(0o177);
  server.listen({ ...where, backlog: BACKLOG }, () => process.stdout.write('ready\n'));
  process.umask(umask);
}

function awaitSecret(receive: (secret: string) => void): void {
  const read = lineReader(64, (line) => {
    process.stdin.off('data', onData).resume();
    receive(line);
  });
  const onData = (chunk: Buffer): void => {
    if (!read(chunk)) process.stdin.destroy();
  };
  process.stdin.on('data', onData);
}
