import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeySchedule } from '../../../src/doors/ssh/key-schedule.ts';

const GIB = 1024 ** 3;

describe('KeySchedule', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function schedule(): { keys: KeySchedule; rekey: ReturnType<typeof vi.fn>; overdue: ReturnType<typeof vi.fn> } {
    const rekey = vi.fn();
    const overdue = vi.fn();
    return { keys: new KeySchedule({ rekey, overdue }), rekey, overdue };
  }

  it('asks for new keys after a gigabyte in either direction', () => {
    const { keys, rekey } = schedule();
    keys.count(GIB - 1);
    vi.advanceTimersByTime(10);
    expect(rekey).not.toHaveBeenCalled();
    keys.count(1);
    vi.advanceTimersByTime(10);
    expect(rekey).toHaveBeenCalledOnce();
  });

  it('asks for new keys after an hour, counted from the last exchange', () => {
    const { keys, rekey } = schedule();
    vi.advanceTimersByTime(50 * 60_000);
    keys.exchange('begun');
    keys.exchange('done');
    vi.advanceTimersByTime(59 * 60_000);
    expect(rekey).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(rekey).toHaveBeenCalledOnce();
  });

  it('gives an exchange 30 seconds, however often it begins again', () => {
    const { keys, overdue } = schedule();
    keys.exchange('begun');
    vi.advanceTimersByTime(20_000);
    keys.exchange('begun');
    vi.advanceTimersByTime(9_999);
    expect(overdue).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(overdue).toHaveBeenCalledOnce();
  });

  it('does nothing more once it is stopped', () => {
    const { keys, rekey, overdue } = schedule();
    keys.exchange('begun');
    keys.stop();
    vi.advanceTimersByTime(2 * 60 * 60_000);
    expect(rekey).not.toHaveBeenCalled();
    expect(overdue).not.toHaveBeenCalled();
  });
});
