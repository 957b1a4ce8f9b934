import { describe, expect, it } from 'vitest';
import { reportThrown } from '../../src/cli/report.ts';
import { CarapaceError } from '../../src/model/error.ts';
import { runCommand } from './run-command.ts';

async function report(thrown: unknown): Promise<{ status: number; stderr: string }> {
  const { status, stderr } = await runCommand(() => Promise.resolve(reportThrown(thrown)));
  return { status, stderr };
}

describe('what was thrown', () => {
  it('is told with its hint, and ends with the status of its code', async () => {
    expect(await report(new CarapaceError('unreachable', 'gateway: not running', { hint: 'start it' }))).toEqual({
      status: 69,
      stderr: 'carapace: error: gateway: not running\ncarapace: hint: start it\n',
    });
    expect(await report(new CarapaceError('unhealthy', 'x'))).toMatchObject({ status: 1 });
  });

  it("is the system's answer where a system call failed", async () => {
    const thrown = Object.assign(new Error("EACCES: permission denied, mkdir '/a\u001b'"), { code: 'EACCES' });
    const { status, stderr } = await report(thrown);
    expect(status).toBe(74);
    expect(stderr).toMatch(/^carapace: error: system: EACCES: permission denied, mkdir '\/a\\x1b'\ncarapace: hint: /);
  });

  it('is a defect where it is anything else', async () => {
    const thrown = Object.assign(new TypeError('wrong'), { code: 'ERR_INVALID_ARG_TYPE' });
    for (const defect of [thrown, new Error('wrong'), 'wrong']) {
      const { status, stderr } = await report(defect);
      expect(status).toBe(70);
      expect(stderr).toMatch(/^carapace: error: internal: wrong\n/);
    }
  });
});
