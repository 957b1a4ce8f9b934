/** What nobody handles ends the gateway, says so, and leaves no tool running. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { finish, processesWith, TestGateway, until } from '../helpers/gateway.ts';

const POLICY = `
version: 1
tools:
  sleep: {type: cli, binary: /bin/sleep, argv_allow_patterns: ["*"], timeout_secs: 60}
`;

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
});

/** A gateway with code of a test's own in its process, run at SIGUSR2. */
async function startWith(code: string): Promise<TestGateway> {
  const script = `process.on('SIGUSR2', () => { ${code} })`;
  gateway = await TestGateway.start({
    policies: { test: POLICY },
    nodeArgs: [`--import=data:text/javascript,${encodeURIComponent(script)}`],
  });
  return gateway;
}

describe('a defect of the gateway', () => {
  it.each([
    ['an exception that nobody caught', "throw new Error('boom')"],
    ['a rejection that nobody handled', "void Promise.reject(new Error('boom'))"],
  ])('%s ends it with 70, in one line that says where, and ends its tools', async (_name, code) => {
    const broken = await startWith(code);
    const call = finish(broken.spawnSsh(['carapace', 'sleep', '48.15'], 'vm'));
    await until(() => processesWith('/bin/sleep 48.15').length > 0);
    const exited = once(broken.child, 'exit');
    broken.child.kill('SIGUSR2');
    expect(await exited).toEqual([70, null]);
    const said = /\ncarapace: error: gateway: ends because of a defect: Error: boom\\n {4}at [^\n]+\n$/;
    await until(() => said.test(broken.stderr));
    await until(() => processesWith('/bin/sleep 48.15').length === 0);
    await call;
  });
});

describe('a gateway whose stderr is gone', () => {
  it('serves on', async () => {
    const running = await startWith("process.stderr.write('nobody reads this')");
    running.child.stderr?.destroy();
    running.child.kill('SIGUSR2');
    running.child.kill('SIGHUP');
    expect((await running.ssh(['ping'])).stdout.toString()).toBe('pong\n');
  });
});

describe('a gateway that is told to stop while it starts', () => {
  it('ends with 0 once it has started', async () => {
    const { dir, child } = await startWith('');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    const again = early(dir);
    const [status] = (await once(again, 'exit')) as [number | null];
    expect(status).toBe(0);
  });
});

/** Sends itself SIGTERM as soon as anybody listens for it: long before it serves. */
function early(dir: string): ChildProcess {
  const script = `process.on('newListener', (name) => {
    if (name === 'SIGTERM') setImmediate(() => process.kill(process.pid, 'SIGTERM'));
  })`;
  return spawn(
    process.execPath,
    [
      `--import=data:text/javascript,${encodeURIComponent(script)}`,
      'dist/cli/main.js',
      'serve',
      '--dir',
      dir,
      '--listen',
      '127.0.0.1:0',
    ],
    { stdio: 'ignore' },
  );
}
