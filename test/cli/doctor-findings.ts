/** Runs `carapace doctor` in this process, on a directory of a test. */
import { runProgram } from '../../src/cli/program.ts';
import { type Ran, runCommand } from './run-command.ts';

export interface Finding {
  readonly check: string;
  readonly status: string;
  readonly subject: string;
  readonly message: string;
  readonly hint: string | null;
}

export interface Findings {
  readonly status: number;
  readonly all: readonly Finding[];
  /** Those of one subject. */
  readonly of: (subject: string) => readonly Finding[];
  /** What it printed. */
  readonly text: string;
}

export function doctor(path: string, ...words: string[]): Promise<Ran> {
  return runCommand(() => runProgram(['doctor', '--dir', path, ...words]));
}

/** What `--json` says. */
export async function findings(path: string): Promise<Findings> {
  const { status, stdout } = await doctor(path, '--json');
  const all = JSON.parse(stdout) as Finding[];
  return { status, all, of: (subject) => all.filter((finding) => finding.subject === subject), text: stdout };
}
