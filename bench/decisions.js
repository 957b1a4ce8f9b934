// Decisions and loading, in this process and without a gateway: what `npm run bench` prints of policy.
import { loadPolicy } from '../dist/policy/load.js';
import { decideTool } from '../dist/policy/decide.js';
import { loadProfiles } from '../dist/engine/profile-files.js';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** @typedef {{ name: string, value: number, unit: string, target?: string }} Row */

const PATTERNS = 100;
const CALLS = 5000;

/**
 * A policy whose one tool has this profile and many patterns.
 * @param {string} tool
 * @param {string[]} allow
 */
function toolsOf(tool, allow) {
  const definition = {
    type: 'cli',
    binary: '/usr/bin/true',
    argv_allow_patterns: allow,
    argv_deny_patterns: ['* --profile*'],
  };
  const text = JSON.stringify({ tools: { [tool]: definition } });
  const loaded = loadPolicy({ name: 'bench', file: 'bench.yaml', text, profiles: loadProfiles(null) });
  if (!('policy' in loaded)) throw new Error(JSON.stringify(loaded.problems));
  return loaded.policy.tools;
}

/**
 * @param {ReturnType<typeof toolsOf>} tools
 * @param {string[]} argv
 */
function decide(tools, argv) {
  const started = performance.now();
  decideTool(tools, { tool: 'aws', argv, env: new Map(), cwd: undefined }, { kind: 'none' });
  return performance.now() - started;
}

/** @returns {Row[]} */
function decisionRows() {
  const patterns = Array.from({ length: PATTERNS - 1 }, (_, index) => `ec2 describe-instances --region eu-${index} *`);
  const tools = toolsOf('aws', ['ec2 describe-* *', ...patterns]);
  const times = Array.from({ length: CALLS }, (_, index) =>
    decide(tools, ['ec2', 'describe-instances', '--instance-ids', `i-${index}`, '--output', 'json', '--no-paginate']),
  ).toSorted((a, b) => a - b);
  const at = (/** @type {number} */ part) => times[Math.floor(times.length * part)] ?? Number.NaN;
  const large = (/** @type {number} */ kib) => {
    const argv = [
      'ec2',
      'describe-instances',
      '--filters',
      ...Array.from({ length: kib * 8 }, () => 'Name=x,Values=y'.padEnd(127, 'z')),
    ];
    return Math.min(...Array.from({ length: 9 }, () => decide(tools, argv)));
  };
  const [half, whole] = [large(64), large(128)];
  return [
    { name: `decision, largest profile, ${PATTERNS} patterns, p50`, value: at(0.5), unit: 'ms' },
    { name: `decision, largest profile, ${PATTERNS} patterns, p99`, value: at(0.99), unit: 'ms', target: '< 1 ms' },
    { name: 'decision of 128 KiB of arguments', value: whole, unit: 'ms' },
    { name: 'the same, over that of 64 KiB', value: whole / half, unit: 'x', target: '2 where it is linear' },
  ];
}

/** All rows about policy. @returns {Row[]} */
export function policyRows() {
  const script = fileURLToPath(new URL('load-policies.js', import.meta.url));
  const times = Array.from({ length: 5 }, () => Number(execFileSync(process.execPath, [script])));
  const load = times.toSorted((a, b) => a - b)[2] ?? Number.NaN;
  return [
    ...decisionRows(),
    { name: '100 policies and all profiles loaded', value: load, unit: 'ms', target: '< 150 ms' },
  ];
}
