import { describe, expect, it } from 'vitest';
import { CLIENT_FRAME_BYTES, createFrameBudgets } from '../../src/doors/frame-budget.ts';

describe('the budget of unfinished frames', () => {
  it('is shared by all frames of one client, and by no other client', () => {
    const budgetOf = createFrameBudgets();
    const first = budgetOf('vm').open();
    const second = budgetOf('vm').open();
    expect(first.resize(CLIENT_FRAME_BYTES - 10)).toBe(true);
    expect(second.resize(10)).toBe(true);
    expect(second.resize(11)).toBe(false);
    expect(budgetOf('other').open().resize(CLIENT_FRAME_BYTES)).toBe(true);
  });

  it('is given back when a frame is finished, whatever it grew to', () => {
    const budgetOf = createFrameBudgets();
    const first = budgetOf('vm').open();
    first.resize(100);
    first.resize(CLIENT_FRAME_BYTES);
    first.close();
    expect(budgetOf('vm').open().resize(CLIENT_FRAME_BYTES)).toBe(true);
  });

  it('keeps the old size of a frame that asks for too much', () => {
    const budgetOf = createFrameBudgets();
    const first = budgetOf('vm').open();
    first.resize(1000);
    expect(first.resize(CLIENT_FRAME_BYTES + 1)).toBe(false);
    expect(
      budgetOf('vm')
        .open()
        .resize(CLIENT_FRAME_BYTES - 1000),
    ).toBe(true);
    expect(budgetOf('vm').open().resize(1)).toBe(false);
  });
});
