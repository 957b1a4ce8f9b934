import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestGateway } from '../helpers/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

describe('a call through stock ssh', () => {
  it('runs an allowed tool and records decision and outcome', async () => {
    const done = await gateway.ssh(['echo', 'hello', 'world']);
    expect({ ...done, stdout: done.stdout.toString(), ms: 0 }).toEqual({
      status: 0,
      stdout: 'hello world\n',
      stderr: '',
      ms: 0,
    });
    const records = gateway.audit().filter((record) => record['event'] === 'decision' || record['event'] === 'outcome');
    expect(records).toMatchObject([
      {
        event: 'decision',
        client: 'vm',
        tool: 'echo',
        argv: ['hello', 'world'],
        verdict: 'allow',
        rule: expect.stringContaining('test.yaml:'),
      },
      { event: 'outcome', client: 'vm', tool: 'echo', kind: 'exited', status: 0, bytes: { stdout: 12 } },
    ]);
  });
});
