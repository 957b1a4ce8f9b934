/** `carapace doctor`: whether this host is set up safely, and what to do about each thing that is not. */
import { FILES } from './doctor-files.ts';
import { type Finding, findingsOf, type Group, type Status } from './doctor-finding.ts';
import { GATEWAY } from './doctor-gateway.ts';
import { type Host, openHost } from './doctor-host.ts';
import { POLICIES } from './doctor-policies.ts';
import { SECRETS } from './doctor-secrets.ts';
import { USERS } from './doctor-users.ts';
import { EXIT, paintFor, print, printJson } from './report.ts';

export interface DoctorOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

const GROUPS: readonly Group[] = [FILES, POLICIES, SECRETS, USERS, GATEWAY];

/**
 * Runs every check: 0 where none fails, else 1. Changes nothing, starts nothing, and needs no running gateway.
 *
 * @throws CarapaceError `configuration` where there is no directory, or it is another user's
 */
export async function run({ dir, json = false }: DoctorOptions): Promise<number> {
  const host = openHost(dir);
  const groups: Examined[] = [];
  for (const group of GROUPS) groups.push(await examine(group, host));
  const findings = groups.flatMap((group) => group.findings);
  if (json) printJson(findings);
  else printText(groups);
  return findings.some(({ status }) => status === 'fail') ? EXIT.no : EXIT.ok;
}

interface Examined {
  readonly title: string;
  readonly findings: readonly (Finding & { readonly check: string })[];
}

async function examine({ title, checks }: Group, host: Host): Promise<Examined> {
  const found = await Promise.all(checks.map((check) => findingsOf(check, host)));
  return {
    title,
    findings: checks.flatMap(({ name }, at) => (found[at] ?? []).map((finding) => ({ check: name, ...finding }))),
  };
}

const COLOURS = { ok: 'green', info: 'dim', warn: 'yellow', fail: 'red' } as const;
/** A longer subject pushes its own message to the right, and no other. */
const MAX_SUBJECT = 32;

function printText(groups: readonly Examined[]): void {
  for (const { title, findings } of groups) {
    if (findings.length === 0) continue;
    print(paintFor(process.stdout, 'bold', title));
    const width = Math.min(Math.max(...findings.map(({ subject }) => subject.length)), MAX_SUBJECT);
    for (const finding of findings) printFinding(finding, width);
  }
  print(summary(groups.flatMap(({ findings }) => findings)));
}

function printFinding({ status, subject, message, hint }: Finding, width: number): void {
  print(`  ${paintFor(process.stdout, COLOURS[status], status.padEnd(4))}  ${subject.padEnd(width)}  ${message}`);
  if (hint !== null) print(`        ${paintFor(process.stdout, 'dim', 'hint:')} ${hint}`);
}

function summary(findings: readonly Finding[]): string {
  const count = (wanted: Status): number => findings.filter(({ status }) => status === wanted).length;
  const [fails, warns] = [count('fail'), count('warn')];
  if (fails + warns === 0) return 'nothing wrong';
  return `${fails} ${fails === 1 ? 'failure' : 'failures'}, ${warns} ${warns === 1 ? 'warning' : 'warnings'}`;
}
