/** The runner of one user other than the gateway's: started by a gateway that is root, else found at its socket. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Log } from './log.ts';
import type { ToolStart } from './runner-call.ts';
import type { ToolDirectories } from './runner-directories.ts';
import { findRunner } from './runner-found.ts';
import { launchRunner } from './runner-launch.ts';
import type { Runner } from './runner-process.ts';
import type { UserIds } from './runner-proof.ts';
import type { RuntimeDirectory } from './runner-runtime.ts';
import type { OtherUser } from './runner-start-command.ts';
import { superviseRunner } from './runner-supervisor.ts';
import type { Supervisor } from './runner-supervisor.ts';

/** The runner, or what is wrong with it, for the operator. */
export type UserRunner =
  | { readonly ok: true; readonly runner: Runner }
  | { readonly ok: false; readonly problem: string };

export interface StartOptions {
  readonly entry: string;
  readonly setpriv: string;
  readonly loader: string | undefined;
  readonly runtime: RuntimeDirectory;
  /** The installation's name, which those of its runners are made of. */
  readonly installation: string;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Starts the runner of `user`, and resolves once it proved who it is. Takes a gateway that is root. `whose` names it in the
 * log. Throws what the file system throws.
 */
export async function startUserRunner(user: OtherUser, whose: string, options: StartOptions): Promise<UserRunner> {
  const { entry, runtime, setpriv, loader, log } = options;
  const directory = runtime.of(user);
  const installation = nameOf(options.installation, whose);
  const as = { user, setpriv, loader };
  const supervisor = superviseRunner({
    launch: () => launchRunner({ entry, socketDirectory: runtime.sockets, installation, as }),
    subject: `runner of ${whose}`,
    log,
    isOnDemand: true,
  });
  const directories = { areHomesMade: false, empty: runtime.empty, homeOf: homesIn(join(directory, 'home')) };
  return admit(supervisor, () => directories);
}

/** Connects to the runner of `user` at `socket`, and resolves once it proved who it is. Never rejects. */
export async function findUserRunner(
  user: UserIds,
  whose: string,
  socket: string,
  log: Pick<Log, 'warn'>,
): Promise<UserRunner> {
  let directories: ToolDirectories | undefined;
  const supervisor = superviseRunner({
    launch: () =>
      findRunner(socket, user, ({ empty, homes }) => {
        directories = { areHomesMade: false, empty, homeOf: homesIn(homes) };
      }),
    subject: `runner of ${whose}`,
    log,
    isOnDemand: true,
  });
  return admit(supervisor, () => directories);
}

async function admit(supervisor: Supervisor, directories: () => ToolDirectories | undefined): Promise<UserRunner> {
  const admission = await supervisor.admitted();
  const first = directories();
  if (!admission.ok || first === undefined) {
    await supervisor.stop();
    return { ok: false, problem: admission.ok ? 'it names no directories for its tools' : admission.problem };
  }
  const runner: Runner = {
    start: supervisor.start,
    ping: supervisor.ping,
    status: supervisor.status,
    stop: supervisor.stop,
    get directories() {
      return directories() ?? first;
    },
  };
  return { ok: true, runner };
}

function homesIn(directory: string): (tool: string) => string {
  return (tool) => join(directory, tool);
}

/** One name for each user's runner, the same in every life of the gateway: 32 hexadecimal digits. */
function nameOf(installation: string, whose: string): string {
  return createHash('sha256').update(`${installation} ${whose}`).digest('hex').slice(0, 32);
}

/** A runner that ends when nobody uses it. */
export interface KeptRunner {
  readonly runner: Runner;
  /** To be called when somebody is about to. */
  readonly use: () => void;
}

/** Calls `end` once no tool of the runner runs and nobody used it for `idleMs`. The timer does not keep the process alive. */
export function endWhenIdle(runner: Runner, idleMs: number, end: () => void): KeptRunner {
  let busy = 0;
  let timer: NodeJS.Timeout | undefined;
  const use = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => (busy === 0 ? end() : use()), idleMs).unref();
  };
  const start: Runner['start'] = async (command): Promise<ToolStart> => {
    busy += 1;
    const started = await runner.start(command);
    const finish = (): void => {
      busy -= 1;
      use();
    };
    if (started.ok) void started.tool.ended.then(finish);
    else finish();
    return started;
  };
  const stop = async (): Promise<void> => {
    clearTimeout(timer);
    await runner.stop();
  };
  use();
  return {
    use,
    runner: {
      ...runner,
      start,
      stop,
      get directories() {
        return runner.directories;
      },
    },
  };
}
