/**
 * `carapace policy attack`: tries to get past policies with everything that the profiles of their tools give, and with
 * calls that are known as attacks. Nothing is run.
 */
import { knownAttacks } from '../engine/profile-files.ts';
import { visible } from '../model/visible.ts';
import { type AttackReport, attackTool } from '../policy/attack-policy.ts';
import { cliTools, type Policy } from '../policy/policy.ts';
import { compilePolicies, problemJson, problemLine, readPolicyFolder } from './policy-files.ts';
import { EXIT, paintFor, print, printJson } from './report.ts';

export interface PolicyAttackOptions {
  /** Policy files. Default: all of the directory. */
  readonly policy?: readonly string[];
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Runs the command: 0 where nothing gets through, 1 where something does, 65 where a policy does not load. A tool without
 * a profile is named, and not counted: nothing can be made for it.
 *
 * @throws CarapaceError `bad-data` for a file that cannot be read, `configuration` where there is no directory
 */
export async function run({ policy = [], dir, json = false }: PolicyAttackOptions): Promise<number> {
  const compiled = compilePolicies(readPolicyFolder(policy, dir));
  if (!compiled.ok) {
    if (json) printJson({ ok: false, problems: compiled.problems.map(problemJson), tools: [] });
    else for (const problem of compiled.problems) print(problemLine(problem));
    return EXIT.badData;
  }
  const reports = compiled.policies.flatMap((each) => attackAll(each, json));
  const through = reports.reduce((sum, { report }) => sum + report.through.length, 0);
  const tried = reports.reduce((sum, { report }) => sum + report.tried, 0);
  if (json) printJson({ ok: through === 0, problems: [], tried, tools: reports.map(reportJson) });
  else print(`${tried} attacks tried, ${through === 0 ? 'none' : through} got through`);
  return through === 0 ? EXIT.ok : EXIT.no;
}

interface PolicyReport {
  readonly file: string;
  readonly report: AttackReport;
}

/** Reports each tool as soon as it was tried: the largest profiles take seconds. */
function attackAll({ file, tools }: Policy, json: boolean): PolicyReport[] {
  return Array.from(cliTools(tools).values(), (tool) => {
    const known = tool.profile === null ? [] : knownAttacks(tool.profile.profile.name);
    const report = attackTool(tool, known, (tried) => progress(`${visible(tool.name)}: ${tried} tried ...`));
    progress('');
    if (!json) for (const line of reportLines(file, report)) print(line);
    return { file, report };
  });
}

/** A line on the terminal that the next one replaces; programs see none of it. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function reportLines(file: string, report: AttackReport): string[] {
  const subject = `${visible(file, 4096)}: ${visible(report.tool)}`;
  if (!report.profile) return [`${subject}: not tried: it has no profile`];
  const calls = report.through.map(({ argv, what }) => {
    const call = argv.map((word) => visible(word, 80)).join(' ');
    return `  ${paintFor(process.stdout, 'red', 'through')}  ${call}  ${visible(what, 200)}`;
  });
  const bases = `${report.allowedBases} allowed calls to put them into`;
  return [`${subject}: ${report.tried} tried, ${report.through.length} through (${bases})`, ...calls];
}

function reportJson({ file, report }: PolicyReport): Record<string, unknown> {
  return { file, ...report };
}
