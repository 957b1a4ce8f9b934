import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { createFrameBudgets } from '../../src/doors/frame-budget.ts';
import type { SessionCommand } from '../../src/doors/read-request.ts';
import { serveSession } from '../../src/doors/serve-session.ts';
import type { Caller, Ending, Gateway } from '../../src/engine/door-interface.ts';

const CALLER: Caller = {
  door: 'ssh',
  connection: 'c1',
  peer: '127.0.0.1:1',
  address: '127.0.0.1',
  key: Buffer.alloc(0),
  client: 'vm',
  fingerprint: 'SHA256:x',
};
const INTERNAL: Ending = {
  kind: 'refused',
  request: 'R1',
  refusal: { tool: null, reason: 'internal', message: 'the gateway failed' },
};

async function serve(
  command: SessionCommand,
  gateway: Partial<Gateway>,
): Promise<{ status: number; out: string; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const status = await serveSession({
    gateway: {
      lookUpKey: vi.fn(),
      serve: vi.fn(),
      openForward: vi.fn(),
      note: vi.fn(),
      fail: () => INTERNAL,
      ...gateway,
    },
    caller: CALLER,
    command,
    io: { stdin, stdout, stderr, gone: new AbortController().signal, onSignal: () => undefined },
    budget: createFrameBudgets()('vm'),
  });
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('serveSession', () => {
  it('ends with what the gateway answered', async () => {
    const done = await serve(
      { kind: 'exec', command: Buffer.from('ping') },
      { serve: () => Promise.resolve({ kind: 'answered', request: 'R1', status: 0 }) },
    );
    expect(done).toEqual({ status: 0, out: '', err: '' });
  });

  it('shows help and ends with 125 where there is no request', async () => {
    const done = await serve({ kind: 'shell' }, {});
    expect(done.status).toBe(125);
    expect(done.out).toContain('ssh carapace tools');
  });

  it('turns a defect into the end of this session alone: told, recorded, status 125', async () => {
    const fail = vi.fn(() => INTERNAL);
    const defect = new Error('defect');
    const done = await serve(
      { kind: 'exec', command: Buffer.from('ping') },
      { serve: () => Promise.reject(defect), fail },
    );
    expect(done.status).toBe(125);
    expect(done.err).toContain('the gateway failed (internal, request R1)');
    expect(fail).toHaveBeenCalledWith(CALLER, defect);
  });
});
