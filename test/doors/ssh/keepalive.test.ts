import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Keepalive } from '../../../src/doors/ssh/keepalive.ts';

const QUARTER_MINUTE = 15_000;

describe('Keepalive', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function keepalive(): { alive: Keepalive; send: ReturnType<typeof vi.fn>; dead: ReturnType<typeof vi.fn> } {
    const send = vi.fn();
    const dead = vi.fn();
    const alive = new Keepalive({ send, dead });
    alive.start();
    return { alive, send, dead };
  }

  it('gives a client up whose third request stays unanswered too', () => {
    const { send, dead } = keepalive();
    vi.advanceTimersByTime(3 * QUARTER_MINUTE);
    expect(send).toHaveBeenCalledTimes(3);
    expect(dead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(QUARTER_MINUTE);
    expect(dead).toHaveBeenCalledOnce();
  });

  it('takes every reply that is owed, also where a stall makes them come together', () => {
    const { alive, dead } = keepalive();
    vi.advanceTimersByTime(2 * QUARTER_MINUTE);
    expect([alive.answered(), alive.answered(), alive.answered()]).toEqual([true, true, false]);
    vi.advanceTimersByTime(3 * QUARTER_MINUTE);
    expect(dead).not.toHaveBeenCalled();
  });

  it('sends nothing once it is stopped', () => {
    const { alive, send } = keepalive();
    alive.stop();
    vi.advanceTimersByTime(10 * QUARTER_MINUTE);
    expect(send).not.toHaveBeenCalled();
  });
});
