// Plays a gateway in a process of its own: starts the tools that its arguments name, prints the runner's and the tools'
// numbers, and stays until it is killed. Plain JavaScript on compiled code: there is no loader in a process of its own.
import { Readable, Writable } from 'node:stream';
import { runTool } from '../../dist/engine/run-tool.js';
import { openRunner } from '../../dist/engine/runner-process.js';

const [stateDirectory, ...binaries] = process.argv.slice(2);
const runner = openRunner({ stateDirectory });
const limits = { timeLimitMs: 60_000, outputLimitBytes: null, killGraceMs: 2000, resources: null };

for (const binary of binaries) {
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      process.stdout.write(chunk);
      done();
    },
  });
  const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
  const gone = new AbortController().signal;
  const env = new Map([['PATH', '/usr/local/bin:/usr/bin:/bin']]);
  const permit = { kind: 'cli', tool: 'tool', binary, argv: [], env, cwd: null, stdin: 'none', limits };
  void runTool(runner, permit, { stdin: Readable.from([]), stdout, stderr, gone, onSignal: () => {} });
}
