/** The command line of a runner process. */
import type { UserIds } from './runner-proof.ts';

/** A user that a gateway which is root starts a runner as. */
export interface OtherUser extends UserIds {
  /** Null for one that is no more than a number. */
  readonly name: string | null;
}

export interface StartCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** A young generation of 3 MB keeps fork(2) cheap; the old one has room for the longest start line several times over. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=96'];
/** From Node 22.14 on nobody can open its debugger by a signal; the runner listens for that signal itself elsewhere. */
const DEBUGGER_FLAG = '--disable-sigusr1';
/** No tool leaves a core dump with credentials in it: limits are inherited, and Node has no setrlimit(2) of its own. */
const START = 'ulimit -c 0; exec "$@"';
/** The variables of sd_listen_fds(3): the shell's number stays the process's, however often that executes. */
const START_PASSED = `umask 077; export LISTEN_FDS=1 LISTEN_PID=$$; ${START}`;

/** The command line of a runner of this process's own user. */
export function ownStartCommand(entry: string, args: readonly string[]): StartCommand {
  const node = [process.execPath, ...nodeFlags(), entry, ...args];
  return { command: '/bin/sh', args: ['-c', START, 'carapace-runner', ...node] };
}

/**
 * The command line of a runner of another user; the socket that it is passed must be descriptor 3. `loader` is what makes
 * its memory unreadable for its own user (`runner-loader.ts`); undefined where there is none.
 *
 * setpriv(1) changes user with its capabilities kept until the execve(2) after it, which would see through the loader's
 * mode; so the shell comes between them, and the loader is executed without any.
 */
export function otherStartCommand(
  setpriv: string,
  user: OtherUser,
  loader: string | undefined,
  entry: string,
  args: readonly string[],
): StartCommand {
  const node = [...(loader === undefined ? [] : [loader]), process.execPath, ...nodeFlags(), entry, ...args];
  const ids = ['--reuid', String(user.uid), '--regid', String(user.gid)];
  const groups = user.name === null ? '--clear-groups' : '--init-groups';
  const privileges = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs'];
  const shell = ['/bin/sh', '-c', START_PASSED, 'carapace-runner', ...node];
  return { command: setpriv, args: [...ids, groups, ...privileges, '--', ...shell] };
}

function nodeFlags(): readonly string[] {
  return process.allowedNodeEnvironmentFlags.has(DEBUGGER_FLAG) ? [...NODE_FLAGS, DEBUGGER_FLAG] : NODE_FLAGS;
}
