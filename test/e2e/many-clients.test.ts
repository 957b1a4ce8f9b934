/** Many clients at once: no call is lost, and each gets its own answer. */
import { type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, finish, frame, run, TestGateway } from '../helpers/gateway.ts';

const POLICY = `
version: 1
tools:
  echo: {type: cli, binary: /bin/echo, argv_allow_patterns: ["hello *"], max_concurrent: 64}
  sha256: {type: cli, binary: /usr/bin/sha256sum, argv_allow_patterns: [""], stdin: stream, max_concurrent: 64}
`;
const AT_ONCE = 32;
const ROUNDS = 3;

let gateway: TestGateway;
let master: ChildProcess;
beforeAll(async () => {
  const clients = { vm: ['test'], a: ['test'], b: ['test'], c: ['test'] };
  gateway = await TestGateway.start({ policies: { test: POLICY }, clients });
  master = await gateway.openMaster();
});
afterAll(async () => {
  master.kill();
  await gateway.stop();
});

/** Makes the calls at once, several times, and expects each to have its own answer and its own two records. */
async function expectNoneLost(call: (word: string, index: number) => Promise<Finished>): Promise<void> {
  const before = gateway.audit().length;
  for (let round = 0; round < ROUNDS; round += 1) {
    const words = Array.from({ length: AT_ONCE }, (_, index) => `${round}-${index}`);
    const all = await Promise.all(words.map((word, index) => call(word, index)));
    for (const [index, { status, stdout, stderr }] of all.entries()) {
      expect({ status, stdout: stdout.toString(), stderr }).toEqual({
        status: 0,
        stdout: `hello ${words[index] ?? ''}\n`,
        stderr: '',
      });
    }
  }
  const records = gateway.audit().slice(before);
  expect(records.filter((one) => one['event'] === 'decision')).toHaveLength(AT_ONCE * ROUNDS);
  expect(records.filter((one) => one['event'] === 'outcome' && one['kind'] === 'exited')).toHaveLength(
    AT_ONCE * ROUNDS,
  );
}

describe(`${AT_ONCE} calls at once`, () => {
  it('over connections of their own lose none', { timeout: 60_000 }, async () => {
    await expectNoneLost((word) => gateway.ssh(['echo', 'hello', word]));
  });

  it('of several clients lose none', { timeout: 60_000 }, async () => {
    const names = ['a', 'b', 'c', 'vm'];
    await expectNoneLost((word, index) => gateway.ssh(['echo', 'hello', word], { client: names[index % 4] ?? 'vm' }));
  });

  it('over one connection lose none', { timeout: 60_000 }, async () => {
    await expectNoneLost((word) => finish(gateway.spawnSsh(['mux', 'echo', 'hello', word])));
  });

  it('through the shim lose none', { timeout: 60_000 }, async () => {
    const shim = gateway.shimAs('echo');
    await expectNoneLost((word) => run(shim, ['hello', word], { env: gateway.shimEnv() }));
  });

  it('with a megabyte of input each keep it apart', { timeout: 60_000 }, async () => {
    const inputs = Array.from({ length: AT_ONCE }, (_, index) => Buffer.alloc(1_000_000, index));
    const request = frame({ tool: 'sha256', argv: [] });
    const sums = await Promise.all(inputs.map((input) => finish(gateway.spawnSsh(['mux', request]), { input })));
    expect(sums.map(({ status }) => status)).toEqual(Array.from({ length: AT_ONCE }, () => 0));
    expect(sums.map(({ stdout }) => stdout.toString())).toEqual(
      inputs.map((input) => `${createHash('sha256').update(input).digest('hex')}  -\n`),
    );
  });
});
