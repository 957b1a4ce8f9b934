/**
 * Entry of the runner: the process that starts tools for one OS user, so that the gateway never has to fork. Small on
 * purpose: fork(2) takes time in proportion to the memory of who calls it, and what runs here could be read by tools of
 * the same user. It knows no policy, key or store.
 *
 * `main.js SOCKET INSTALLATION`: where to listen (nothing is there yet), and 32 hexadecimal digits that name the gateway's
 * installation across its lives. The control connection's secret
 * comes as the first line on stdin, which stays open: the runner lives exactly as long as the gateway does, whichever of
 * stdin and control connection tells first.
 */
import type { Server } from 'node:net';
import { lineReader } from '../model/line-reader.ts';
import type { RunnerCommand, RunnerEvent } from '../model/runner-messages.ts';
import { createCalls } from './calls.ts';
import { createConnections } from './connections.ts';
import { openControl } from './control.ts';
import { closeInherited } from './descriptors.ts';
import { createStreamMeeting } from './stream-meeting.ts';
import { createSweeper, sweepEarlierLives } from './sweep.ts';

/** What a gateway has at most waiting to be accepted: three connections for each call that begins at this moment. */
const BACKLOG = 4096;

const [socketPath, installation] = process.argv.slice(2);
if (socketPath === undefined || installation === undefined || !/^[0-9a-f]{32}$/.test(installation)) {
  process.stderr.write('carapace: error: runner: started by hand, but only the gateway can start it\n');
  process.exitCode = 64;
} else {
  awaitSecret((secret) => void run(socketPath, installation, secret));
}

async function run(path: string, installation: string, secret: string): Promise<void> {
  closeInherited();
  // The gateway ends the runner by closing; a signal to its whole group (a terminal's, a service manager's) must leave it
  // time to let calls finish, so it must not take the runner away.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  let send: (event: RunnerEvent) => void = () => {};
  const marker = `${installation}.${process.pid}`;
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
    calls.killAll();
    await sweeper.sweep();
    // oxlint-disable-next-line unicorn/no-process-exit -- a tool that not even KILL can end must not keep this process
    process.exit();
  };
  const server = createConnections(secret, {
    stream: meeting.bringStream,
    control: (socket, first) => {
      send = openControl(socket, first, receive, () => void leave());
    },
  });
  process.stdin.once('end', () => void leave()).once('error', () => void leave());
  await sweepEarlierLives(installation);
  listen(server, path);
}

/** The socket is this user's alone from its first moment: it comes into being under the umask that says so. */
function listen(server: Server, path: string): void {
  const umask = process.umask(0o177);
  server.listen({ path, backlog: BACKLOG }, () => process.stdout.write('ready\n'));
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
