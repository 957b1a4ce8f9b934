/** Tries the calls that a policy's `tests` name, and says of each whether it got its verdict. Looks at no file. */
import type { Decision, HttpDecision, RpcDecision } from '../model/decision.ts';
import type { Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { decideTool } from './decide.ts';
import { decideHttpTest, formatHttpTest } from './http/http-tests.ts';
import type { HttpTest, HttpTool } from './http/http-tool.ts';
import type { CliTool, Policy, PolicyTest } from './policy.ts';
import { directoryToOpen, type WorkingDirectory } from './working-directory.ts';

/** One test, tried. */
export interface PolicyTestResult {
  readonly tool: string;
  readonly test: PolicyTest | HttpTest;
  /** Null where it could not be made. */
  readonly decision: Decision | HttpDecision | RpcDecision | null;
  /** Null where the test passed. */
  readonly problem: Problem | null;
}

/** Runs all tests of a policy, in the order of the file. Never throws. */
export function runPolicyTests(policy: Policy): PolicyTestResult[] {
  return [...policy.tools.values()].flatMap((tool): PolicyTestResult[] =>
    tool.type === 'cli'
      ? tool.tests.map((test, index) => runTest(policy, tool, test, index))
      : tool.tests.map((test, index) => runHttpTest(policy, tool, test, index)),
  );
}

function runTest(policy: Policy, tool: CliTool, test: PolicyTest, index: number): PolicyTestResult {
  const request = { tool: tool.name, argv: test.argv, env: test.env, cwd: test.cwd };
  const decision = decideTool(policy.tools, request, supposed(tool, directoryToOpen(tool, request)));
  const call = test.argv.map((argument) => quoted(argument, 60)).join(' ');
  const problem = judge(tool.name, test, index, decision, `arguments: ${call === '' ? 'none' : call}`);
  return { tool: tool.name, test, decision, problem };
}

function runHttpTest(policy: Policy, tool: HttpTool, test: HttpTest, index: number): PolicyTestResult {
  const decision = decideHttpTest(policy.tools, tool, test.request);
  if (typeof decision === 'string')
    return { tool: tool.name, test, decision: null, problem: problemOf(tool.name, test, index, decision) };
  const problem = judge(tool.name, test, index, decision, `request: ${formatHttpTest(test.request)}`);
  return { tool: tool.name, test, decision, problem };
}

/** Null where the decision is what the test expects. */
function judge(
  tool: string,
  test: PolicyTest | HttpTest,
  index: number,
  decision: Decision | HttpDecision | RpcDecision,
  call: string,
): Problem | null {
  const asExpected = decision.verdict === test.expect && (test.reason === null || decision.reason === test.reason);
  if (asExpected) return null;
  const wanted = test.reason === null ? test.expect : `${test.expect} (${test.reason})`;
  const got =
    decision.verdict === 'allow'
      ? `allow by line ${decision.rule.line}`
      : `deny (${decision.reason}): ${decision.message}`;
  return problemOf(tool, test, index, `expected ${wanted}, got ${got}; ${call}`);
}

function problemOf(tool: string, { place }: PolicyTest | HttpTest, index: number, what: string): Problem {
  return { severity: 'error', place, path: `tools.${tool}.tests[${index}]`, message: `test failed: ${what}` };
}

/** Every directory that a test names is supposed to exist, without symlinks. */
function supposed(tool: CliTool, path: string | null): WorkingDirectory {
  if (path === null) return { kind: 'none' };
  return { kind: 'opened', directory: { path, dev: '0', ino: '0' }, allowed: tool.cwdAllowed ?? [] };
}
