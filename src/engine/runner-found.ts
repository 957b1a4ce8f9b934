/**
 * One life of a runner that a service manager starts: found at its socket.
 *
 * Who believes whom: the runner takes whoever may connect for the gateway, so the socket's owner and mode say who that is.
 * The gateway takes whoever answers there for the runner, because only root can have put a socket into that directory; and
 * then looks at the process that the runner names (`runner-proof.ts`). Nothing tells the gateway the number of the process
 * at the other end (Node has no SO_PEERCRED), so what the proof adds is that units which are set up wrongly are noticed,
 * not that somebody who is root is kept out.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../model/error.ts';
import type { RunnerHello } from '../model/runner-messages.ts';
import { visible } from '../model/visible.ts';
import { connectRunner } from './runner-connection.ts';
import type { RunnerConnection } from './runner-connection.ts';
import type { RunnerLife } from './runner-launch.ts';
import { whyUnfit } from './runner-proof.ts';
import type { UserIds } from './runner-proof.ts';

type Place = NonNullable<RunnerHello['place']>;

/** A service manager starts it within this, or never. */
const HELLO_DEADLINE_MS = 10_000;

/** Connects to the runner of `user` at `path`; `hear` is told where its tools may start, if it is trusted. Never throws. */
export function findRunner(path: string, user: UserIds, hear: (place: Place) => void): RunnerLife {
  const refusal = whyUntrustedSocket(path, user);
  let pid: number | null = null;
  let problem = refusal;
  let isOver = refusal !== undefined;
  const connected =
    refusal === undefined
      ? connectRunner(path, randomBytes(16).toString('hex'), (hello) => {
          pid = hello.pid;
          if (hello.place === null) return 'it names no directories for its tools';
          const unfit = whyUnfit(hello, { kind: 'other', ...user }, undefined);
          if (unfit === undefined) hear(hello.place);
          return unfit;
        })
      : undefined;
  const deadline = setTimeout(() => connected?.close(), HELLO_DEADLINE_MS);
  const admit = async (): Promise<RunnerConnection | undefined> => {
    const admission = await connected?.admitted;
    clearTimeout(deadline);
    if (admission?.ok === true) return connected;
    problem ??= admission?.problem;
    return undefined;
  };
  const finish = async (): Promise<void> => {
    await connected?.closed;
    isOver = true;
    pid = null;
  };
  return {
    pid: () => pid,
    connection: admit(),
    problem: () => problem,
    isOver: () => isOver,
    ended: finish(),
    stop: () => connected?.close(),
  };
}

/**
 * What is wrong with the place of a runner's socket; undefined where nothing is. Root must own every directory on the way,
 * and nobody else may put anything into it; the user of the tools may neither own the socket nor be able to open it. Never
 * throws.
 */
export function whyUntrustedSocket(path: string, user: UserIds): string | undefined {
  try {
    const problem = directoryProblem(dirname(path));
    if (problem !== undefined) return problem;
    const socket = lstatSync(path);
    if (!socket.isSocket()) return `${visible(path, 1000)} is no socket`;
    if (!mayOpen(socket, user)) return undefined;
    return `${visible(path, 1000)} has mode ${octal(socket.mode)}: the user of the tools could open it`;
  } catch (error) {
    return visible(messageOf(error), 1000);
  }
}

/** Links are refused with everything else that is no directory: where they lead may change. */
function directoryProblem(path: string, isLast = true): string | undefined {
  const found = lstatSync(path);
  const place = visible(path, 1000);
  if (!found.isDirectory()) return `${place} is no directory`;
  if (found.uid !== 0) return `${place} belongs to user ${found.uid}, expected 0`;
  // In a sticky directory nobody but root can replace what is root's (inode(7)).
  const isSafe = (found.mode & 0o022) === 0 || (!isLast && (found.mode & 0o1000) !== 0);
  if (!isSafe) return `${place} has mode ${octal(found.mode)}: others may write to it`;
  return path === '/' ? undefined : directoryProblem(dirname(path), false);
}

/** As the kernel decides it (unix(7): who may write may connect); a file's owner can change its mode. */
function mayOpen({ uid, gid, mode }: Stats, user: UserIds): boolean {
  return uid === user.uid || (mode & (user.groups.includes(gid) ? 0o020 : 0o002)) !== 0;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
