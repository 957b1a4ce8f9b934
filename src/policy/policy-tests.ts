/** Tries the calls that a policy's `tests` name, and says of each whether it got its verdict. Looks at no file. */
import type { Decision } from '../model/decision.ts';
import type { Problem } from '../model/problem.ts';
import { quoted } from '../model/visible.ts';
import { decideTool } from './decide.ts';
import { type CliTool, cliTools, type Policy, type PolicyTest } from './policy.ts';
import { directoryToOpen, type WorkingDirectory } from './working-directory.ts';

/** One test, tried. */
export interface PolicyTestResult {
  readonly tool: string;
  readonly test: PolicyTest;
  readonly decision: Decision;
  /** Null where the test passed. */
  readonly problem: Problem | null;
}

/** Runs all tests of a policy, in the order of the file. Never throws. */
export function runPolicyTests(policy: Policy): PolicyTestResult[] {
  return [...cliTools(policy.tools).values()].flatMap((tool) =>
    tool.tests.map((test, index) => runTest(policy, tool, test, index)),
  );
}

function runTest(policy: Policy, tool: CliTool, test: PolicyTest, index: number): PolicyTestResult {
  const request = { tool: tool.name, argv: test.argv, env: test.env, cwd: test.cwd };
  const decision = decideTool(policy.tools, request, supposed(tool, directoryToOpen(tool, request)));
  const asExpected = decision.verdict === test.expect && (test.reason === null || decision.reason === test.reason);
  if (asExpected) return { tool: tool.name, test, decision, problem: null };
  const wanted = test.reason === null ? test.expect : `${test.expect} (${test.reason})`;
  const got =
    decision.verdict === 'allow'
      ? `allow by line ${decision.rule.line}`
      : `deny (${decision.reason}): ${decision.message}`;
  const call = test.argv.map((argument) => quoted(argument, 60)).join(' ');
  const message = `test failed: expected ${wanted}, got ${got}; arguments: ${call === '' ? 'none' : call}`;
  const path = `tools.${tool.name}.tests[${index}]`;
  return { tool: tool.name, test, decision, problem: { severity: 'error', place: test.place, path, message } };
}

/** Every directory that a test names is supposed to exist, without symlinks. */
function supposed(tool: CliTool, path: string | null): WorkingDirectory {
  if (path === null) return { kind: 'none' };
  return { kind: 'opened', directory: { path, dev: '0', ino: '0' }, allowed: tool.cwdAllowed ?? [] };
}
