/**
 * Runs one allowed call: the executor of `type: cli`. It reads the permit and nothing of the request.
 *
 * Invariants: nothing of the client's stdin is sent before the tool has started; the tool is ended on every way out; no
 * client, however slow, holds a call longer than its time limit, its grace period and three seconds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteCounts, Outcome } from '../model/outcome.ts';
import type { Permit } from '../model/permit.ts';
import type { LimitReason } from '../model/reason.ts';
import type { CallIo } from './call-io.ts';
import type { StartedTool, ToolCommand, ToolEnd } from './runner-call.ts';
import type { ToolDirectories } from './runner-directories.ts';
import type { Runner } from './runner-process.ts';
import { pumpInput, pumpOutput } from './runner-pump.ts';
import type { Budget, Pump } from './runner-pump.ts';
import { outcomeOfRefusal } from './runner-refusal.ts';
import type { OpenFilter } from './stream-filter.ts';

/** What each direction's bytes pass through; absent for nothing, at no cost. */
export interface Filters {
  readonly stdin?: OpenFilter;
  readonly stdout?: OpenFilter;
  readonly stderr?: OpenFilter;
  /** Ends the tool where it resolves, with the name of what was refused: nothing passes the filters from then on. */
  readonly refused?: Promise<string>;
}

/** Why a call is ended before the tool ends by itself. */
type Ending = LimitReason | 'abandoned' | { readonly refused: string };

/** What is still forwarded after a tool that was ended has exited: what it said last is in a socket already. */
const LAST_WORDS_MS = 1000;
/** Node's longest timer, 24 days; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Between KILL and the exit of what was killed; longer only for a process that hangs in the kernel. */
const KILL_MARGIN_MS = 2000;

/**
 * Starts the tool and resolves when it has ended and all its output was taken, or one of the permit's limits, the client's
 * leaving or the runner's end came first. To be called once the decision is on record. `io`'s outputs are not ended: what
 * follows the output on them is the door's. Rejects where the tool's HOME cannot be made or a filter cannot.
 */
export async function runTool(runner: Runner, permit: Permit, io: CallIo, filters: Filters = {}): Promise<Outcome> {
  // A stream that breaks is a client that leaves, and `gone` tells of that.
  io.stdin.on('error', () => {});
  if (io.gone.aborted) return { kind: 'abandoned', durationMs: 0, bytes: { stdin: 0, stdout: 0, stderr: 0 } };
  const start = await runner.start(commandOf(permit, runner.directories));
  if (!start.ok) {
    io.stdin.resume();
    return outcomeOfRefusal(start);
  }
  try {
    return await attend(start.tool, permit, io, filters);
  } catch (thrown) {
    start.tool.end();
    throw thrown;
  }
}

/** The permit in the runner's words, with the directories that the policy leaves to the gateway. */
function commandOf(permit: Permit, directories: ToolDirectories): ToolCommand {
  const env = [...permit.env].map(([name, value]) => `${name}=${value}`);
  const home = permit.env.has('HOME') ? null : directories.homeOf(permit.tool);
  if (home !== null) env.push(`HOME=${home}`);
  const { path, dev, ino } = permit.cwd ?? directories.empty;
  return {
    binary: permit.binary,
    argv: permit.argv,
    env,
    cwd: { path, dev, ino },
    stdin: permit.stdin,
    killGraceMs: permit.limits.killGraceMs,
    home: directories.areHomesMade ? null : home,
    limits: permit.limits.resources,
  };
}

async function attend(tool: StartedTool, permit: Permit, io: CallIo, filters: Filters): Promise<Outcome> {
  const startedAt = performance.now();
  const { limits } = permit;
  let end: (why: Ending) => void = () => {};
  const ending = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  // First, as a filter that cannot be made must leave no timer behind.
  const pumps = openPumps(
    tool,
    io,
    filters,
    outputBudget(limits.outputLimitBytes, () => end('output-limit')),
  );
  const timer = setTimeout(() => end('time-limit'), Math.min(limits.timeLimitMs, MAX_TIMER_MS));
  const onGone = (): void => end('abandoned');
  void filters.refused?.then((refused) => end({ refused }));
  if (io.gone.aborted) onGone();
  io.gone.addEventListener('abort', onGone, { once: true });
  io.onSignal(tool.signal);

  const first = await Promise.race([completion(tool, pumps.drained), ending]);
  tool.end();
  if (first === 'abandoned') await windUp(tool, NOBODY_READS, limits.killGraceMs);
  else if (typeof first === 'string' || 'refused' in first) await windUp(tool, pumps.drained, limits.killGraceMs);

  clearTimeout(timer);
  io.gone.removeEventListener('abort', onGone);
  pumps.stop();
  const durationMs = Math.round(performance.now() - startedAt);
  return outcomeOf(first, durationMs, pumps.bytes());
}

/** The tool's own end. A runner that is lost cannot end those who hold the outputs, so they are not waited for. */
async function completion(tool: StartedTool, drained: Promise<unknown>): Promise<ToolEnd> {
  const how = await tool.ended;
  if (how.kind !== 'lost') await drained;
  return how;
}

const NOBODY_READS = Promise.resolve();

/** Waits for a tool that is being ended, as long as it may take and no longer. */
async function windUp(tool: StartedTool, drained: Promise<unknown>, killGraceMs: number): Promise<void> {
  const over = new AbortController();
  const bound = async (ms: number): Promise<void> => delay(ms, undefined, { signal: over.signal }).catch(() => {});
  const exit = tool.ended.then(() => Promise.race([drained, bound(LAST_WORDS_MS)]));
  await Promise.race([exit, bound(killGraceMs + KILL_MARGIN_MS)]);
  over.abort();
}

interface Pumps {
  /** Both outputs are at their ends, and taken. */
  readonly drained: Promise<unknown>;
  readonly bytes: () => ByteCounts;
  readonly stop: () => void;
}

function openPumps(tool: StartedTool, io: CallIo, filters: Filters, budget: Budget): Pumps {
  const halt = (isHalted: boolean): void => tool.signal(isHalted ? 'STOP' : 'CONT');
  const both = { budget, halt };
  const stdout = pumpOutput({ ...both, socket: tool.stdout, sink: io.stdout, open: filters.stdout });
  const stderr = pumpOutput({ ...both, socket: tool.stderr, sink: io.stderr, open: filters.stderr });
  let stdin: Pump | undefined;
  if (tool.stdin === undefined) io.stdin.resume();
  else stdin = pumpInput(io.stdin, tool.stdin, filters.stdin);
  return {
    drained: Promise.all([stdout.done, stderr.done]),
    bytes: () => ({ stdin: stdin?.bytes() ?? 0, stdout: stdout.bytes(), stderr: stderr.bytes() }),
    stop: () => {
      for (const pump of [stdin, stdout, stderr]) pump?.stop();
    },
  };
}

/** Lets exactly `limit` bytes through, stdout and stderr together, and tells once of the first byte beyond. */
function outputBudget(limit: number | null, exceeded: () => void): Budget {
  let left = limit ?? Number.POSITIVE_INFINITY;
  return (bytes) => {
    const allowed = Math.min(bytes, left);
    left -= allowed;
    if (allowed < bytes) exceeded();
    return allowed;
  };
}

function outcomeOf(how: ToolEnd | Ending, durationMs: number, bytes: ByteCounts): Outcome {
  if (how === 'abandoned') return { kind: 'abandoned', durationMs, bytes };
  if (typeof how === 'string') return { kind: 'limited', reason: how, durationMs, bytes };
  if ('refused' in how) return { kind: 'limited', reason: 'content-refused', detector: how.refused, durationMs, bytes };
  if (how.kind === 'exited') return { kind: 'exited', status: how.status, durationMs, bytes };
  if (how.kind === 'signalled') return { kind: 'signalled', signal: how.signal, durationMs, bytes };
  return outcomeOfRefusal({ code: 'ELOST', message: 'the runner ended while the tool ran' });
}
