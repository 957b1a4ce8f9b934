/**
 * Judges who a runner is, before it gets a permit: what it says of itself, and what the kernel says of its process.
 *
 * Invariant: a runner of another user than the gateway's has that user's ids, all of them, no group beyond that user's, no
 * capability and no way to gain one, and dumps no core.
 */
import { existsSync, readFileSync } from 'node:fs';
import { errnoOf } from '../model/error.ts';
import type { RunnerHello } from '../model/runner-messages.ts';
import { parseProcessStatus } from './process-status.ts';
import type { ProcessStatus } from './process-status.ts';

/** A user as the kernel knows it: by numbers. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  /** All groups that a process of it may be in, its own among them. */
  readonly groups: readonly number[];
}

/** Who a runner must be. `own`: this process's user, with whatever else that may. */
export type ExpectedUser = { readonly kind: 'own' } | ({ readonly kind: 'other' } & UserIds);

/** The files of /proc that are read; a test gives others. */
export type ReadProc = (pid: number, file: 'status' | 'limits') => string;

/**
 * What is wrong with a runner, for the operator; undefined where nothing is. `pid`: the process that was started; undefined
 * for one that was found, where the process that it names is looked at. Never throws.
 */
export function whyUnfit(
  hello: RunnerHello,
  expected: ExpectedUser,
  pid: number | undefined,
  read: ReadProc = readProc,
): string | undefined {
  if (pid !== undefined && hello.pid !== pid) return `it says that it is process ${hello.pid}, expected ${pid}`;
  const said = judge(hello.status, expected);
  if (said !== undefined) return said;
  if (!existsSync('/proc/self/status')) return undefined;
  try {
    const seen = judge(read(hello.pid, 'status'), expected);
    if (seen !== undefined) return `${seen}, by /proc/${hello.pid}/status`;
    return expected.kind === 'own' ? undefined : coreProblem(read(hello.pid, 'limits'));
  } catch (error) {
    return `/proc/${hello.pid} cannot be read (${errnoOf(error) ?? 'unreadable'})`;
  }
}

function readProc(pid: number, file: 'status' | 'limits'): string {
  return readFileSync(`/proc/${pid}/${file}`, 'latin1');
}

function judge(text: string, expected: ExpectedUser): string | undefined {
  const status = parseProcessStatus(text);
  if (status === undefined) return 'its status cannot be read';
  if (expected.kind === 'own') return idProblem('uid', status.uids, process.geteuid?.() ?? 0);
  return (
    idProblem('uid', status.uids, expected.uid) ??
    idProblem('gid', status.gids, expected.gid) ??
    groupProblem(status, expected) ??
    privilegeProblem(status)
  );
}

const KINDS_OF_ID = ['real', 'effective', 'saved', 'file system'];

function idProblem(name: string, found: readonly number[], expected: number): string | undefined {
  const at = found.findIndex((id) => id !== expected);
  return at === -1 ? undefined : `its ${KINDS_OF_ID[at] ?? ''} ${name} is ${found[at]}, expected ${expected}`;
}

function groupProblem({ groups }: ProcessStatus, expected: UserIds): string | undefined {
  const excess = groups.find((group) => !expected.groups.includes(group));
  return excess === undefined ? undefined : `it is in group ${excess}, expected none but ${expected.groups.join(', ')}`;
}

/** Where there are no capabilities there is nothing to give up. */
function privilegeProblem({ capabilities, noNewPrivs }: ProcessStatus): string | undefined {
  if (capabilities === undefined) {
    return process.platform === 'linux' ? 'its status names no capabilities' : undefined;
  }
  for (const [name, bits] of capabilities) {
    if (/[^0]/.test(bits)) return `it has capabilities: ${name} is ${bits}, expected none`;
  }
  return noNewPrivs ? undefined : 'it can gain privileges: NoNewPrivs is 0, expected 1';
}

function coreProblem(limits: string): string | undefined {
  const isOff = /^Max core file size +0 +0 /m.test(limits);
  return isOff ? undefined : 'it may dump core: its limit for that is not 0';
}
