/** What `carapace doctor` finds, and what finds it. */
import { CarapaceError, errnoOf, messageOf } from '../model/error.ts';
import { visible } from '../model/visible.ts';
import type { Host } from './doctor-host.ts';

/**
 * `fail`: it is not safe, or does not work. `warn`: it works, and should be changed. `info`: nothing to do, or nothing
 * that could be looked at from here.
 */
export type Status = 'ok' | 'info' | 'warn' | 'fail';

/** One line. All of it is safe to print, and holds no secret. */
export interface Finding {
  readonly status: Status;
  /** What was looked at: `host key`, `policies/agent.yaml:3:5`, `secret op-token`. */
  readonly subject: string;
  readonly message: string;
  /** What to do; null where the message says it all. */
  readonly hint: string | null;
}

/** Looks at one thing and changes nothing. What it throws becomes a `fail`. */
export interface Check {
  readonly name: string;
  /** No findings: there is nothing to say of it on this host. */
  readonly run: (host: Host) => readonly Finding[] | Promise<readonly Finding[]>;
}

/** Checks that are shown together. */
export interface Group {
  readonly title: string;
  readonly checks: readonly Check[];
}

export function ok(subject: string, message: string): Finding {
  return { status: 'ok', subject, message, hint: null };
}

export function info(subject: string, message: string, hint: string | null = null): Finding {
  return { status: 'info', subject, message, hint };
}

export function warn(subject: string, message: string, hint: string | null = null): Finding {
  return { status: 'warn', subject, message, hint };
}

export function fail(subject: string, message: string, hint: string | null = null): Finding {
  return { status: 'fail', subject, message, hint };
}

/** Runs a check. What it threw is what it found: one finding for each line of the message. Never rejects. */
export async function findingsOf({ name, run }: Check, host: Host): Promise<readonly Finding[]> {
  try {
    return await run(host);
  } catch (thrown) {
    return thrownFindings(name, thrown);
  }
}

function thrownFindings(name: string, thrown: unknown): Finding[] {
  if (!(thrown instanceof CarapaceError)) {
    const what = errnoOf(thrown) === undefined ? 'cannot be looked at, which is a defect of carapace: ' : '';
    return [fail(name, `${what}${visible(messageOf(thrown), 1000)}`)];
  }
  // Of several lines the first says only that there are others.
  const [first = '', ...problems] = thrown.message.split('\n');
  const lines = problems.length === 0 ? [first] : problems;
  return lines.map((line, at) => fail(name, line, at === lines.length - 1 ? (thrown.hint ?? null) : null));
}
