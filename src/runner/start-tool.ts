/**
 * Starts one program. Never a shell; nothing of the runner's environment; descriptors 0, 1 and 2 and no others.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { errnoOf, messageOf } from '../model/error.ts';
import { STREAM_HEADER_BYTES } from '../model/runner-messages.ts';
import { NoLimits, withLimits } from './resource-limits.ts';
import { openWorkingDirectory } from './working-directory.ts';
import type { WorkingDirectory } from './working-directory.ts';
import type { StartCommand } from './command.ts';
import type { ToolStreams } from './stream-meeting.ts';

export interface Refusal {
  /**
   * An errno; `ESTALE` for a working directory that is another one than was decided about, `ENOLIMIT` for limits that
   * cannot be set, `ENOHOME` for a HOME that cannot be made.
   */
  readonly code: string;
  /** For the operator. */
  readonly message: string;
}

export interface StartEvents {
  readonly started: (child: ChildProcess, pid: number) => void;
  /** Nothing runs. */
  readonly refused: (refusal: Refusal) => void;
}

/**
 * Starts what `command` says with `marker` added to its environment, the streams as its descriptors. The streams belong to
 * the tool alone afterwards, or are closed. Calls one of `events`, once. Never throws.
 */
export function startTool(command: StartCommand, streams: ToolStreams, marker: string, events: StartEvents): void {
  try {
    if (isRead(streams))
      events.refused({ code: 'EPROTO', message: 'a stream carried data before the tool was started' });
    else startIn(enter(command), command, streams, marker, events);
  } catch (error) {
    events.refused(refusalOf(error, command));
  } finally {
    // Closes the runner's copies only: no shutdown(2), which would reach through to the tool's.
    for (const socket of [streams[0], streams[1], streams[2]]) socket?.destroy();
  }
}

/** @throws {DirectoryRefused} naming the directory, so that the program is not blamed for it */
function enter(command: StartCommand): WorkingDirectory {
  const problem = `working directory ${command.cwd.path}`;
  let directory: WorkingDirectory | undefined;
  try {
    directory = openWorkingDirectory(command.cwd);
  } catch (error) {
    throw new DirectoryRefused(`${problem}: ${messageOf(error)}`);
  }
  if (directory === undefined) throw new DirectoryRefused(`${problem}: was replaced after the decision`);
  return directory;
}

class DirectoryRefused extends Error {
  override readonly name = 'DirectoryRefused';
}

function startIn(
  directory: WorkingDirectory,
  command: StartCommand,
  streams: ToolStreams,
  marker: string,
  events: StartEvents,
): void {
  let child: ChildProcess;
  try {
    makeHome(command.home);
    const { binary, argv } = withLimits(command, command.limits);
    // The kernel reports E2BIG, and Node a NUL, by throwing here; ENOENT and the like come as an event.
    child = spawn(binary, argv, {
      cwd: directory.name,
      env: environmentOf(command, marker),
      stdio: [streams[0] ?? 'ignore', streams[1], streams[2]],
      detached: true,
      shell: false,
    });
  } finally {
    directory.close();
  }
  child.once('error', (error) => {
    if (child.pid === undefined) events.refused(refusalOf(error, command));
  });
  if (child.pid !== undefined) events.started(child, child.pid);
}

/** With this user's rights, and no more: whatever lies there is its own. */
function makeHome(path: string | null): void {
  try {
    if (path !== null) mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new HomeRefused(`home ${path}: ${messageOf(error)}`);
  }
}

class HomeRefused extends Error {
  override readonly name = 'HomeRefused';
}

/** Without a prototype: a variable may be called `__proto__`. The marker comes first, where a sweep finds it soonest. */
function environmentOf(command: StartCommand, marker: string): NodeJS.ProcessEnv {
  const environment = Object.create(null) as NodeJS.ProcessEnv;
  for (const variable of [marker, ...command.env]) {
    const at = variable.indexOf('=');
    environment[variable.slice(0, at)] = variable.slice(at + 1);
  }
  return environment;
}

function isRead(streams: ToolStreams): boolean {
  return [streams[0], streams[1], streams[2]].some(
    (socket) => socket !== undefined && socket.bytesRead > STREAM_HEADER_BYTES,
  );
}

function refusalOf(error: unknown, command: StartCommand): Refusal {
  if (error instanceof DirectoryRefused) return { code: 'ESTALE', message: error.message };
  if (error instanceof HomeRefused) return { code: 'ENOHOME', message: error.message };
  if (error instanceof NoLimits) return { code: 'ENOLIMIT', message: error.message };
  const code = errnoOf(error) ?? 'EINVAL';
  return { code, message: `program ${command.binary} cannot be started (${code})` };
}
