/** `carapace policy test`: runs the tests that policies state about themselves, and shows each. */
import { quoted } from '../model/visible.ts';
import { formatPlace } from '../policy/explain.ts';
import { formatHttpTest } from '../policy/http/http-tests.ts';
import { type PolicyTestResult, runPolicyTests } from '../policy/policy-tests.ts';
import { compilePolicies, problemJson, problemLine, readPolicyFolder } from './policy-files.ts';
import { EXIT, paintFor, print, printJson } from './report.ts';

export interface PolicyTestOptions {
  /** Empty: all of the directory. */
  readonly files: readonly string[];
  readonly dir?: string;
  readonly json?: boolean;
}

/**
 * Runs the command: 0 where every test got its verdict, 1 where one did not, 65 where a policy does not load.
 *
 * @throws CarapaceError `bad-data` for a file that cannot be read, `configuration` where there is no directory
 */
export async function run({ files, dir, json = false }: PolicyTestOptions): Promise<number> {
  const compiled = compilePolicies(readPolicyFolder(files, dir));
  if (!compiled.ok) {
    if (json) printJson({ ok: false, problems: compiled.problems.map(problemJson), tests: [] });
    else for (const problem of compiled.problems) print(problemLine(problem));
    return EXIT.badData;
  }
  const results = compiled.policies.flatMap(runPolicyTests);
  const failed = results.filter(({ problem }) => problem !== null).length;
  if (json) printJson({ ok: failed === 0, problems: [], tests: results.map(resultJson) });
  else {
    for (const result of results) print(resultLine(result));
    print(`${results.length - failed} passed, ${failed} failed`);
  }
  return failed === 0 ? EXIT.ok : EXIT.no;
}

function resultLine({ tool, test, problem }: PolicyTestResult): string {
  if (problem !== null) return `${paintFor(process.stdout, 'red', 'failed')}  ${problemLine(problem)}`;
  const call =
    'request' in test ? `${tool} ${formatHttpTest(test.request)}` : [tool, ...test.argv].map(shellWord).join(' ');
  return `${paintFor(process.stdout, 'green', 'passed')}  ${formatPlace(test.place)}: ${test.expect} ${call}`;
}

function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : quoted(word, 60);
}

function resultJson({ tool, test, decision, problem }: PolicyTestResult): Record<string, unknown> {
  return {
    ok: problem === null,
    test: formatPlace(test.place),
    tool,
    ...('request' in test ? { request: formatHttpTest(test.request) } : { argv: test.argv }),
    expected: test.expect,
    verdict: decision?.verdict ?? null,
    reason: decision?.reason ?? null,
    rule: decision?.rule == null ? null : formatPlace(decision.rule),
  };
}
